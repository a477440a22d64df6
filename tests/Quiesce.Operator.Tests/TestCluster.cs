using System.Text.Json.Nodes;
using k8s;
using k8s.Models;
using Quiesce.ApiServers;
using Quiesce.Cluster;
using Quiesce.Crds;
using Quiesce.Crds.Client;

namespace Quiesce.Operator.Tests;

/// <summary>An API server with Quiesce's kinds and namespaces, and nothing else of Quiesce's.</summary>
/// <remarks>
/// Without a real one each test has a local cluster of its own, and tests run side by side. A real one takes seconds to start: it is one
/// for all tests, which then come one after the other and find it swept.
/// </remarks>
internal sealed class TestCluster : IAsyncDisposable
{
    private readonly ApiServerUnderTest _server;
    private readonly Action _release;
    private readonly List<KubernetesConnection> _connections = [];

    private TestCluster(ApiServerUnderTest server, Action release)
    {
        (_server, _release) = (server, release);
        Connection = Connect();
    }

    /// <summary>Faults can be injected and requests counted.</summary>
    public bool IsLocal => _server.SupportsFaults;

    /// <summary>The local cluster, for injecting faults and counting requests; on a real API server the test is skipped here.</summary>
    public LocalCluster Server
    {
        get
        {
            Assert.SkipUnless(IsLocal, "faults are injected into the local cluster only");
            return _server.Local!;
        }
    }

    /// <summary>The tests' own connection.</summary>
    public KubernetesConnection Connection { get; }

    public ResourceClient<FreezeRequest> FreezeRequests => new(Connection, Kinds.FreezeRequests);

    public ResourceClient<ThawRequest> ThawRequests => new(Connection, Kinds.ThawRequests);

    public ResourceClient<FreezeWindow> Windows => new(Connection, Kinds.FreezeWindows);

    public ResourceClient<NodeFreeze> NodeFreezes => new(Connection, Kinds.NodeFreezes);

    public static async Task<TestCluster> StartAsync()
    {
        var (server, release) = await SharedApiServer.TakeAsync();
        var cluster = new TestCluster(server, release);
        try
        {
            foreach (var ns in new[] { InternalNames.DefaultNamespace, "shop" })
                await server.ApplyAsync($"{{apiVersion: v1, kind: Namespace, metadata: {{name: {ns}}}}}");
            if (cluster.IsLocal) cluster.Server.Requests.Clear();
            else await cluster.SweepAsync();
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    public KubernetesConnection Connect(ConnectionOptions? options = null, params DelegatingHandler[] handlers)
    {
        var connection = KubernetesConnection.Create(
            _server.ClientConfiguration(), options ?? new() { RequestTimeout = TimeSpan.FromSeconds(3) }, "a test", handlers);
        lock (_connections) _connections.Add(connection);
        return connection;
    }

    public Task AddNodeAsync(string name, IReadOnlyDictionary<string, string>? labels = null) => _server.AddNodeAsync(name, labels);

    public Task SetAgentReadyAsync(string node, bool ready) => AgentNodes.SetAgentReadyAsync(_server.Http, node, ready);

    public async ValueTask DisposeAsync()
    {
        foreach (var connection in _connections) connection.Dispose();
        if (IsLocal) await _server.DisposeAsync();
        _release();
    }

    private async Task SweepAsync()
    {
        await DeleteAllAsync(FreezeRequests);
        await DeleteAllAsync(ThawRequests);
        await DeleteAllAsync(NodeFreezes);
        await DeleteAllAsync(Windows);
        await DeleteAllAsync(new ResourceClient<Lease>(Connection, Kinds.Leases), InternalNames.DefaultNamespace);
        foreach (var node in (await new ResourceClient<Node>(Connection, Kinds.Nodes).ListAsync(null)).Items)
            await AgentNodes.RemoveAsync(_server.Http, node.Metadata.Name);
    }

    private static async Task DeleteAllAsync<T>(ResourceClient<T> client, string? ns = null)
        where T : class, IKubernetesObject<V1ObjectMeta>
    {
        var none = new JsonObject { ["metadata"] = new JsonObject { ["finalizers"] = null } };
        foreach (var o in (await client.ListAsync(ns)).Items)
        {
            if (o.Metadata.Finalizers is { Count: > 0 }) await client.PatchAsync(o.Metadata.NamespaceProperty, o.Metadata.Name, none);
            await client.DeleteAsync(o.Metadata.NamespaceProperty, o.Metadata.Name);
        }
    }
}
