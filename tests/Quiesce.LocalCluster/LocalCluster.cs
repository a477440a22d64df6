using System.Globalization;
using Quiesce.Cluster.Controllers;
using Quiesce.Cluster.Discovery;
using Quiesce.Cluster.Faults;
using Quiesce.Cluster.Http;
using Quiesce.Cluster.Kinds;
using Quiesce.Cluster.OpenApi;
using Quiesce.Cluster.Operations;
using Quiesce.Cluster.Storage;

namespace Quiesce.Cluster;

/// <summary>
/// A small Kubernetes API server in this process, over plain HTTP on 127.0.0.1, for tests and for trying Quiesce without a cluster.
/// </summary>
/// <remarks>
/// It serves what Quiesce and kubectl use: CRDs with schema validation, defaulting, pruning and status subresource; list and
/// watch; patches; finalizers, owner references and namespaces; tables, discovery and OpenAPI. It does not evaluate CEL rules,
/// does not ask who is calling, runs no pods, and keeps nothing when it ends. Where it and a real kube-apiserver differ, the
/// real one is right.
/// </remarks>
public sealed class LocalCluster : IAsyncDisposable
{
    private readonly ObjectStore _store;
    private readonly ContinueTokens _pages = new();
    private readonly ControllerLoop _controllers;
    private readonly HttpListener _listener;

    private LocalCluster(LocalClusterOptions options)
    {
        _store = new ObjectStore(options.HistoryLimit);
        var catalog = new KindCatalog();
        var operations = new ResourceOperations(_store, catalog, options.Clock);
        InitialObjects.Create(operations, catalog);
        // Nothing more can come on watches of a kind that has gone; a real server ends them.
        catalog.Withdrawn += gone => Faults.EndWatches(new RequestMatch { Resource = gone.Plural, Where = r => r.Group == gone.Group });
        _controllers = new ControllerLoop(
            _store,
            new GarbageCollector(_store, catalog, operations),
            new NamespaceLifecycle(_store, catalog, operations),
            new CustomResourceCleanup(_store, catalog, operations));
        var serving = new ServingOptions(options.Clock, options.WatchTimeout, options.BookmarkInterval);
        var server = new ApiServer(
            catalog,
            new ResourceEndpoint(_store, operations, Faults, _pages, serving),
            new PodExecProxy(catalog, operations),
            new DiscoveryEndpoint(catalog),
            new OpenApiEndpoint(catalog),
            Requests,
            Faults,
            options.Clock,
            options.OnServed);
        _listener = new HttpListener(server.HandleAsync);
    }

    /// <summary>Where it listens, without a slash at the end.</summary>
    public string Url => $"http://127.0.0.1:{_listener.Port.ToString(CultureInfo.InvariantCulture)}";

    /// <summary>A kubeconfig that leads here.</summary>
    public string Kubeconfig => Cluster.Kubeconfig.For(Url);

    /// <summary>Makes things go wrong.</summary>
    public FaultInjector Faults { get; } = new();

    /// <summary>Every request that came in.</summary>
    public RequestRecorder Requests { get; } = new();

    /// <summary>Starts a cluster; when this returns it answers.</summary>
    /// <exception cref="IOException">The port is taken.</exception>
    public static async Task<LocalCluster> StartAsync(LocalClusterOptions? options = null)
    {
        options ??= new LocalClusterOptions();
        var cluster = new LocalCluster(options);
        try
        {
            await cluster._listener.StartAsync(options.Port).ConfigureAwait(false);
        }
        catch
        {
            await cluster.DisposeAsync().ConfigureAwait(false);
            throw;
        }

        return cluster;
    }

    /// <summary>Writes <see cref="Kubeconfig"/> to a file that only its owner can read.</summary>
    public void WriteKubeconfig(string path)
    {
        if (Path.GetDirectoryName(Path.GetFullPath(path)) is { } folder)
            Directory.CreateDirectory(folder);
        var creation = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
            creation.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        using var file = new StreamWriter(path, creation);
        file.Write(Kubeconfig);
    }

    /// <summary>Forgets the history of writes: watches and list pages from before are answered with 410. Running watches go on.</summary>
    public void CompactHistory()
    {
        _store.Compact();
        _pages.Forget();
    }

    /// <summary>Cuts every connection and refuses new ones, until <see cref="ResumeAsync"/>. What is stored stays.</summary>
    public Task RefuseConnectionsAsync() => _listener.StopAsync();

    /// <summary>Listens again, on the same port.</summary>
    public Task ResumeAsync() => _listener.StartAsync(_listener.Port);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _listener.StopAsync().ConfigureAwait(false);
        await _controllers.DisposeAsync().ConfigureAwait(false);
    }
}
