using System.Text;
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
/// Without a real one each test has a local cluster of its own, and tests run side by side. A real one takes seconds to start: there are two
/// for all tests, each for one at a time, which finds it swept.
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

    public static async Task<TestCluster> StartAsync(LocalClusterOptions? local = null)
    {
        var (server, release) = await SharedApiServer.TakeAsync(local ?? new());
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

    /// <summary>Owner references are acted on, and a deleted namespace goes: a kube-apiserver alone does neither.</summary>
    public bool RunsControllers => _server.RunsControllers;

    /// <summary>Deletes a namespace. Where nobody empties it, it stays as it is, and takes in nothing new.</summary>
    public Task DeleteNamespaceAsync(string name) => DeleteAsync(Namespace(name));

    /// <summary>Waits until a namespace that was deleted is gone.</summary>
    public Task NamespaceGoneAsync(string name) => GoneAsync(Namespace(name));

    /// <summary>Writes a kubeconfig for a program.</summary>
    public void WriteKubeconfig(string path) => _server.WriteKubeconfig(path);

    public Task CreateNamespaceAsync(string name) => _server.ApplyAsync($"{{apiVersion: v1, kind: Namespace, metadata: {{name: {name}}}}}");

    /// <summary>Creates a namespace that no other test uses.</summary>
    public Task<string> CreateNamespaceAsync() => _server.CreateNamespaceAsync("shop");

    /// <summary>Deletes the definitions of these kinds, by their plurals, and waits until they are gone with everything of their kind.</summary>
    public async Task DeleteDefinitionsAsync(params string[] plurals)
    {
        foreach (var plural in plurals) await DeleteAsync(Definition(plural));
        foreach (var plural in plurals) await GoneAsync(Definition(plural));
    }

    /// <summary>Brings all definitions back.</summary>
    public Task InstallCrdsAsync() => _server.InstallCrdsAsync();

    /// <summary>Creates or changes an object.</summary>
    /// <returns>Its UID.</returns>
    public async Task<string> ApplyAsync(JsonObject o)
    {
        await _server.ApplyAsync(o.ToJsonString());
        var metadata = o["metadata"]!;
        var plural = $"{((string)o["kind"]!).ToLowerInvariant()}s";
        var path = metadata["namespace"] is { } ns ? $"/api/v1/namespaces/{ns}/{plural}/{metadata["name"]}" : $"/api/v1/{plural}/{metadata["name"]}";
        return (string)JsonNode.Parse(await _server.Http.GetStringAsync(new Uri(path, UriKind.Relative)))!["metadata"]!["uid"]!;
    }

    /// <summary>Writes an object's status.</summary>
    public async Task StatusAsync(string path, JsonObject status)
    {
        using var patch = new StringContent(new JsonObject { ["status"] = status }.ToJsonString(), Encoding.UTF8, "application/merge-patch+json");
        using var answer = await _server.Http.PatchAsync(new Uri($"{path}/status", UriKind.Relative), patch);
        Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync());
    }

    /// <summary>Deletes a pod at once, if there is one, as a kubelet that is gone does not.</summary>
    public async Task RemovePodAsync(string ns, string name)
    {
        var path = $"/api/v1/namespaces/{ns}/pods/{name}";
        using var there = await _server.Http.GetAsync(new Uri(path, UriKind.Relative));
        if (there.StatusCode == System.Net.HttpStatusCode.NotFound) return;
        await DeleteAsync($"{path}?gracePeriodSeconds=0");
        await GoneAsync(path);
    }

    /// <summary>Makes a kubelet that of a node.</summary>
    public Task ServeKubeletAsync(FakeKubelet kubelet, string node) => kubelet.ServeAsync(_server.Http, node);

    public Task RemoveNodeAsync(string name) => DeleteAsync($"/api/v1/nodes/{name}");

    public Task RemoveAgentPodAsync(string node) => AgentNodes.RemoveAgentAsync(_server.Http, node);

    public Task AddNodeAsync(string name, IReadOnlyDictionary<string, string>? labels = null) => _server.AddNodeAsync(name, labels);

    /// <summary>What kubelet says of the one container of a node's agent.</summary>
    /// <param name="node">The node.</param>
    /// <param name="state"><c>running</c>, <c>waiting</c> or <c>terminated</c>.</param>
    public Task AgentContainerAsync(string node, string state) => StatusAsync($"/api/v1/namespaces/{AgentNodes.Namespace}/pods/{AgentNodes.PodName(node)}", new()
    {
        ["containerStatuses"] = new JsonArray(new JsonObject
        {
            ["name"] = "agent",
            ["image"] = "quiesce-agent",
            ["imageID"] = "",
            ["ready"] = state == "running",
            ["restartCount"] = 1,
            ["state"] = new JsonObject { [state] = state == "terminated" ? new JsonObject { ["exitCode"] = 137 } : new JsonObject() },
            ["lastState"] = new JsonObject { ["terminated"] = new JsonObject { ["exitCode"] = 137 } },
        }),
    });

    public Task SetAgentReadyAsync(string node, bool ready) => AgentNodes.SetAgentReadyAsync(_server.Http, node, ready);

    public async ValueTask DisposeAsync()
    {
        foreach (var connection in _connections) connection.Dispose();
        if (IsLocal) await _server.DisposeAsync();
        _release();
    }

    private async Task GoneAsync(string path) => await Eventually.GetAsync(
        async () =>
        {
            using var answer = await _server.Http.GetAsync(new Uri(path, UriKind.Relative));
            return answer.StatusCode == System.Net.HttpStatusCode.NotFound ? "gone" : null;
        },
        () => $"{path} gone");

    private static string Namespace(string name) => $"/api/v1/namespaces/{name}";

    private static string Definition(string plural) => $"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{plural}.{QuiesceApi.Group}";

    private async Task DeleteAsync(string path)
    {
        using var answer = await _server.Http.DeleteAsync(new Uri(path, UriKind.Relative));
        Assert.True(answer.IsSuccessStatusCode, $"DELETE {path}: {answer.StatusCode}");
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
        // A test that ended early leaves its pods, and the next one's selectors would find them.
        foreach (var pod in (await new ResourceClient<Pod>(Connection, Kinds.Pods).ListAsync("shop")).Items) await RemovePodAsync("shop", pod.Metadata.Name);
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
