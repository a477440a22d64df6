using k8s;
using Quiesce.Cluster;
using Quiesce.Crds;
using Quiesce.Crds.Client;

namespace Quiesce.Operator.Tests;

/// <summary>A local cluster with Quiesce's kinds and namespaces.</summary>
internal sealed class TestCluster : IAsyncDisposable
{
    private readonly HttpClient _http;
    private readonly List<KubernetesConnection> _connections = [];

    private TestCluster(LocalCluster server)
    {
        Server = server;
        _http = new() { BaseAddress = new(server.Url) };
        Connection = Connect();
    }

    public LocalCluster Server { get; }

    /// <summary>The tests' own connection.</summary>
    public KubernetesConnection Connection { get; }

    public ResourceClient<FreezeRequest> FreezeRequests => new(Connection, Kinds.FreezeRequests);

    public ResourceClient<ThawRequest> ThawRequests => new(Connection, Kinds.ThawRequests);

    public ResourceClient<FreezeWindow> Windows => new(Connection, Kinds.FreezeWindows);

    public ResourceClient<NodeFreeze> NodeFreezes => new(Connection, Kinds.NodeFreezes);

    public static async Task<TestCluster> StartAsync(LocalClusterOptions? options = null)
    {
        var cluster = new TestCluster(await LocalCluster.StartAsync(options));
        var crds = typeof(CrdsJson).Assembly;
        foreach (var name in crds.GetManifestResourceNames().Where(n => n.StartsWith("manifests/", StringComparison.Ordinal)).Order(StringComparer.Ordinal))
        {
            using var reader = new StreamReader(crds.GetManifestResourceStream(name)!);
            await Manifests.ApplyAsync(cluster._http, await reader.ReadToEndAsync());
        }

        foreach (var ns in new[] { InternalNames.DefaultNamespace, "shop" })
            await Manifests.ApplyAsync(cluster._http, $"{{apiVersion: v1, kind: Namespace, metadata: {{name: {ns}}}}}");
        // What setting up has asked is not counted.
        cluster.Server.Requests.Clear();
        return cluster;
    }

    public KubernetesConnection Connect(ConnectionOptions? options = null, params DelegatingHandler[] handlers)
    {
        var connection = KubernetesConnection.Create(
            new KubernetesClientConfiguration { Host = Server.Url, AccessToken = "test" }, options ?? new() { RequestTimeout = TimeSpan.FromSeconds(3) }, "a test", handlers);
        lock (_connections) _connections.Add(connection);
        return connection;
    }

    public Task AddNodeAsync(string name, IReadOnlyDictionary<string, string>? labels = null) => AgentNodes.AddAsync(_http, name, labels);

    public Task SetAgentReadyAsync(string node, bool ready) => AgentNodes.SetAgentReadyAsync(_http, node, ready);

    public async ValueTask DisposeAsync()
    {
        foreach (var connection in _connections) connection.Dispose();
        _http.Dispose();
        await Server.DisposeAsync();
    }
}
