using System.Reflection;
using System.Text;
using k8s;
using Quiesce.Cluster;
using Quiesce.Crds;

namespace Quiesce.ApiServers;

/// <summary>
/// The API server a suite runs against: a real kube-apiserver with etcd where <c>KUBEBUILDER_ASSETS</c> names a folder that
/// holds the two (as for controller-runtime's envtest), a cluster that <c>QUIESCE_TEST_KUBECONFIG</c> leads to, otherwise the
/// local cluster in this process.
/// </summary>
/// <remarks>
/// A real one takes seconds to start: share one for a whole test assembly, and give each test a namespace of its own
/// (<see cref="CreateNamespaceAsync"/>). It goes with the test host, however that ends.
/// </remarks>
public abstract class ApiServerUnderTest : IAsyncDisposable
{
    /// <summary>The environment variable that names the folder with kube-apiserver and etcd.</summary>
    public const string AssetsVariable = "KUBEBUILDER_ASSETS";

    /// <summary>The environment variable that names a kubeconfig; a whole cluster of its own, for the tests make nodes and CRDs in it.</summary>
    public const string KubeconfigVariable = "QUIESCE_TEST_KUBECONFIG";

    private HttpClient? _http;
    // Of all servers: two may be one cluster.
    private static int _namespaces;

    /// <summary>What a report calls it, with its version.</summary>
    public abstract string Name { get; }

    /// <summary>Without a slash at the end.</summary>
    public abstract string Url { get; }

    /// <summary>For <c>kubectl</c>: everything is allowed.</summary>
    public abstract string Kubeconfig { get; }

    /// <summary>Whether CEL rules of CRDs are enforced. The local cluster accepts and ignores them.</summary>
    public abstract bool EvaluatesCel { get; }

    /// <summary>Whether owner references are acted on and a deleted namespace goes: a kube-apiserver leaves both to kube-controller-manager.</summary>
    public abstract bool RunsControllers { get; }

    /// <summary>Whether RBAC decides about requests. The local cluster allows everybody everything.</summary>
    public abstract bool Authorizes { get; }

    /// <summary>Whether faults can be injected and requests counted, through <see cref="Local"/>.</summary>
    public bool SupportsFaults => Local is not null;

    /// <summary>The local cluster behind it; null for a real server.</summary>
    public virtual LocalCluster? Local => null;

    /// <summary>For requests by hand: its base address is the server, and everything is allowed.</summary>
    public HttpClient Http => _http ??= CreateHttpClient();

    /// <summary>Starts the server that the environment asks for, with Quiesce's CRDs installed.</summary>
    /// <exception cref="InvalidOperationException">The real server does not start; the message carries the end of its log.</exception>
    public static Task<ApiServerUnderTest> StartAsync(CancellationToken cancellationToken = default) => StartAsync(new ApiServerOptions(), cancellationToken);

    /// <inheritdoc cref="StartAsync(CancellationToken)"/>
    public static async Task<ApiServerUnderTest> StartAsync(ApiServerOptions options, CancellationToken cancellationToken = default)
    {
        ApiServerUnderTest server = (Environment.GetEnvironmentVariable(AssetsVariable), Environment.GetEnvironmentVariable(KubeconfigVariable)) switch
        {
            ({ Length: > 0 } assets, _) => await KubeApiServer.StartAsync(assets, options.EtcdFolder, cancellationToken).ConfigureAwait(false),
            (_, { Length: > 0 } kubeconfig) => await GivenApiServer.ConnectAsync(kubeconfig, cancellationToken).ConfigureAwait(false),
            _ => await LocalApiServer.StartAsync(options.Local).ConfigureAwait(false),
        };
        try
        {
            if (options.InstallCrds)
                await server.InstallCrdsAsync(cancellationToken).ConfigureAwait(false);
            return server;
        }
        catch
        {
            await server.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>A configuration for <c>new Kubernetes(…)</c>.</summary>
    public KubernetesClientConfiguration ClientConfiguration()
    {
        using var kubeconfig = new MemoryStream(Encoding.UTF8.GetBytes(Kubeconfig));
        return KubernetesClientConfiguration.BuildConfigFromConfigFile(kubeconfig);
    }

    /// <summary>Writes <see cref="Kubeconfig"/> to a file.</summary>
    public void WriteKubeconfig(string path) => File.WriteAllText(path, Kubeconfig);

    /// <summary>Applies the documents of a YAML stream; CRDs among them are served when this returns.</summary>
    /// <exception cref="HttpRequestException">The server refused; the message carries its words.</exception>
    public Task ApplyAsync(string yaml, CancellationToken cancellationToken = default) => Manifests.ApplyAsync(Http, yaml, cancellationToken);

    /// <summary>Applies Quiesce's CRDs as they stand in <c>crds/manifests</c>.</summary>
    /// <inheritdoc cref="ApplyAsync" path="/exception"/>
    public async Task InstallCrdsAsync(CancellationToken cancellationToken = default)
    {
        var crds = typeof(QuiesceApi).Assembly;
        foreach (var name in crds.GetManifestResourceNames().Where(n => n.StartsWith("manifests/", StringComparison.Ordinal)).Order(StringComparer.Ordinal))
            await ApplyAsync(await ReadAsync(crds, name, cancellationToken).ConfigureAwait(false), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Creates a namespace that no other test uses.</summary>
    /// <param name="prefix">What its name starts with; a DNS label of at most 40 characters.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>Its name.</returns>
    public async Task<string> CreateNamespaceAsync(string prefix = "test", CancellationToken cancellationToken = default)
    {
        var name = $"{prefix}-{Environment.ProcessId}-{Interlocked.Increment(ref _namespaces)}";
        await ApplyAsync($"{{apiVersion: v1, kind: Namespace, metadata: {{name: {name}}}}}", cancellationToken).ConfigureAwait(false);
        return name;
    }

    /// <summary>Deletes a namespace with all that is in it, and returns when it is gone; where nobody else does what kube-controller-manager does, this does it.</summary>
    /// <inheritdoc cref="ApplyAsync" path="/exception"/>
    public Task DeleteNamespaceAsync(string name, CancellationToken cancellationToken = default) => new NamespaceDeletion(Http, name, RunsControllers).RunAsync(cancellationToken);

    /// <summary>Creates a node with the pod object of a ready agent; see <see cref="AgentNodes"/> for changing and removing them.</summary>
    /// <inheritdoc cref="ApplyAsync" path="/exception"/>
    public Task AddNodeAsync(string name, IReadOnlyDictionary<string, string>? labels = null, CancellationToken cancellationToken = default) =>
        AgentNodes.AddAsync(Http, name, labels, cancellationToken);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        _http?.Dispose();
        await StopAsync().ConfigureAwait(false);
        GC.SuppressFinalize(this);
    }

    /// <summary>Makes a client that may do everything.</summary>
    protected abstract HttpClient CreateHttpClient();

    /// <summary>Ends the server and removes what it left on disk.</summary>
    protected abstract Task StopAsync();

    private static async Task<string> ReadAsync(Assembly assembly, string resource, CancellationToken cancellationToken)
    {
        using var reader = new StreamReader(assembly.GetManifestResourceStream(resource)!);
        return await reader.ReadToEndAsync(cancellationToken).ConfigureAwait(false);
    }
}
