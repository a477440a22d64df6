using System.Text.Json.Nodes;
using Quiesce.ApiServers;
using Quiesce.Crds;
using Quiesce.Crds.Client;

namespace Quiesce.Operator.Tests.Flows;

/// <summary>A cluster with nodes, agents and an operator, and a user in front of it.</summary>
internal sealed class Stage : IAsyncDisposable
{
    private readonly List<FakeAgent> _agents = [];
    private readonly List<RunningOperator> _operators = [];
    private int _requests;

    private Stage(TestCluster cluster) => Cluster = cluster;

    public TestCluster Cluster { get; }

    public Ledger Ledger { get; } = new();

    /// <summary>Where requests are created.</summary>
    public string Namespace { get; set; } = "shop";

    public IReadOnlyList<FakeAgent> Agents => _agents;

    public RunningOperator Operator => _operators[^1];

    public static async Task<Stage> SetAsync(int nodes, bool withOperator = true)
    {
        var stage = new Stage(await TestCluster.StartAsync());
        for (var i = 1; i <= nodes; i++) await stage.AddAgentAsync($"node-{i}");
        if (withOperator) await stage.StartOperatorAsync();
        return stage;
    }

    public async Task<FakeAgent> AddAgentAsync(string node, AgentScript? script = null)
    {
        await Cluster.AddNodeAsync(node, new Dictionary<string, string> { ["pool"] = "db" });
        var agent = new FakeAgent(Cluster.Connection, node, Ledger, script);
        _agents.Add(agent);
        return agent;
    }

    /// <summary>Kills an agent for good: nobody comes after it.</summary>
    public async Task KillAgentAsync(int index)
    {
        var agent = _agents[index];
        _agents.RemoveAt(index);
        await agent.DisposeAsync();
    }

    /// <summary>Kills an agent and starts its successor.</summary>
    public async Task RestartAgentAsync(int index)
    {
        var old = _agents[index];
        await old.DisposeAsync();
        _agents[index] = new(Cluster.Connection, old.Node, Ledger);
    }

    /// <summary>A kubelet for all nodes there are.</summary>
    public async Task<FakeKubelet> KubeletAsync(params string[] protocols)
    {
        Kubelet = await FakeKubelet.StartAsync(protocols);
        foreach (var agent in _agents) await Cluster.ServeKubeletAsync(Kubelet, agent.Node);
        return Kubelet;
    }

    private FakeKubelet? Kubelet { get; set; }

    public async Task<RunningOperator> StartOperatorAsync(KillSwitch? killSwitch = null, Func<OperatorOptions, OperatorOptions>? options = null, TimeProvider? time = null)
    {
        var started = await RunningOperator.StartAsync(Cluster, killSwitch, options, time);
        _operators.Add(started);
        return started;
    }

    public async Task StopOperatorAsync(RunningOperator running)
    {
        _operators.Remove(running);
        await running.DisposeAsync();
    }

    /// <summary>A request for a folder on each agent's node.</summary>
    public Task<FreezeRequest> RequestAsync(Func<FreezeRequestSpec, FreezeRequestSpec>? change = null)
    {
        var spec = new FreezeRequestSpec { Targets = [.. _agents.Select(a => new FreezeTarget { HostPath = new() { Path = "/srv", NodeName = a.Node } })] };
        return Cluster.FreezeRequests.CreateAsync(
            new() { Metadata = new() { Name = $"r{++_requests}", NamespaceProperty = Namespace }, Spec = change?.Invoke(spec) ?? spec }, CancellationToken.None);
    }

    /// <summary>Its window, whatever it is called; null when there is none.</summary>
    public async Task<FreezeWindow?> WindowAsync(FreezeRequest request) =>
        (await Cluster.Windows.ListAsync(InternalNames.DefaultNamespace, $"{QuiesceApi.RequestUidLabel}={request.Metadata.Uid}")).Items.SingleOrDefault();

    /// <summary>Its plans.</summary>
    public async Task<IReadOnlyList<NodeFreeze>> PlansAsync(FreezeRequest request) =>
        (await Cluster.NodeFreezes.ListAsync(InternalNames.DefaultNamespace, $"{QuiesceApi.RequestUidLabel}={request.Metadata.Uid}")).Items;

    public Task<FreezeRequest?> GetAsync(FreezeRequest request) => Cluster.FreezeRequests.GetAsync(request.Metadata.NamespaceProperty, request.Metadata.Name, CancellationToken.None);

    /// <summary>Waits for a phase; another final one fails the test.</summary>
    public async Task<FreezeRequestStatus> PhaseAsync(FreezeRequest request, FreezePhase phase)
    {
        FreezeRequestStatus? last = null;
        return await Eventually.GetAsync(
            async () =>
            {
                last = (await GetAsync(request))?.Status ?? last;
                if (last?.Phase == phase) return last;
                if (last?.Phase >= FreezePhase.Thawed) Assert.Fail($"{last.Phase}, {last.Reason}: {last.Message} instead of {phase}\n{Said}");
                return null;
            },
            () => $"{phase}; it is {last?.Phase}, {last?.Reason}: {last?.Message}\n{Said}");
    }

    /// <summary>A target of the pods of <see cref="PodAsync"/>.</summary>
    public static FreezeTarget Pods { get; } = new() { PodSelector = new() { MatchLabels = new Dictionary<string, string> { ["app"] = "db" } } };

    /// <summary>Creates a running pod with a claim of its own name.</summary>
    public async Task PodAsync(string name, string node)
    {
        JsonObject Metadata() => new() { ["name"] = name, ["namespace"] = Namespace, ["labels"] = new JsonObject { ["app"] = "db" } };
        JsonObject Size() => new() { ["storage"] = "1Gi" };
        var claim = await Cluster.ApplyAsync(new()
        {
            ["apiVersion"] = "v1",
            ["kind"] = "PersistentVolumeClaim",
            ["metadata"] = Metadata(),
            ["spec"] = new JsonObject
            {
                ["volumeName"] = $"pv-{name}",
                ["storageClassName"] = "",
                ["accessModes"] = new JsonArray("ReadWriteOnce"),
                ["resources"] = new JsonObject { ["requests"] = Size() },
            },
        });
        await Cluster.ApplyAsync(new()
        {
            ["apiVersion"] = "v1",
            ["kind"] = "PersistentVolume",
            ["metadata"] = new JsonObject { ["name"] = $"pv-{name}" },
            ["spec"] = new JsonObject
            {
                ["capacity"] = Size(),
                ["accessModes"] = new JsonArray("ReadWriteOnce"),
                ["persistentVolumeReclaimPolicy"] = "Retain",
                ["csi"] = new JsonObject { ["driver"] = "disks.example.com", ["volumeHandle"] = name },
                ["claimRef"] = new JsonObject { ["apiVersion"] = "v1", ["kind"] = "PersistentVolumeClaim", ["namespace"] = Namespace, ["name"] = name, ["uid"] = claim },
            },
        });
        await Cluster.StatusAsync($"/api/v1/namespaces/{Namespace}/persistentvolumeclaims/{name}", new() { ["phase"] = "Bound" });
        await Cluster.ApplyAsync(new()
        {
            ["apiVersion"] = "v1",
            ["kind"] = "Pod",
            ["metadata"] = Metadata(),
            ["spec"] = new JsonObject
            {
                ["nodeName"] = node,
                ["containers"] = new JsonArray(new JsonObject { ["name"] = "main", ["image"] = "example.com/db" }),
                ["volumes"] = new JsonArray(new JsonObject { ["name"] = "data", ["persistentVolumeClaim"] = new JsonObject { ["claimName"] = name } }),
            },
        });
        await Cluster.StatusAsync($"/api/v1/namespaces/{Namespace}/pods/{name}", new() { ["phase"] = "Running" });
    }

    public Task AnnotateAsync(string pod, string name, string value) => new ResourceClient<Pod>(Cluster.Connection, Kinds.Pods).PatchAsync(
        Namespace, pod, new JsonObject { ["metadata"] = new JsonObject { ["annotations"] = new JsonObject { [name] = value } } });

    public Task RemovePodAsync(string name) => Cluster.RemovePodAsync(Namespace, name);

    public Task PatchSpecAsync(FreezeRequest request, string member, JsonNode value) => Cluster.FreezeRequests.PatchAsync(
        request.Metadata.NamespaceProperty, request.Metadata.Name, new JsonObject { ["spec"] = new JsonObject { [member] = value } });

    public Task ThawAsync(FreezeRequest request) => PatchSpecAsync(request, "desiredState", "Thawed");

    public Task DeleteAsync(FreezeRequest request) => Cluster.FreezeRequests.DeleteAsync(request.Metadata.NamespaceProperty, request.Metadata.Name);

    public Task GoneAsync(FreezeRequest request) =>
        Eventually.GetAsync(async () => await GetAsync(request) is null ? "gone" : null, () => $"{request.Metadata.Name} gone\n{Said}");

    /// <summary>Waits until nothing internal is left of any request, and nothing is held, and looks whether a promise was broken.</summary>
    public async Task CleanAsync()
    {
        await Eventually.GetAsync(
            async () =>
            {
                var windows = await Cluster.Windows.ListAsync(InternalNames.DefaultNamespace);
                var plans = await Cluster.NodeFreezes.ListAsync(InternalNames.DefaultNamespace);
                return windows.Items.Count + plans.Items.Count == 0 ? "clean" : null;
            },
            () => $"no internal objects\n{Said}");
        await Eventually.TrueAsync(() => Ledger.Holding == 0, "nothing held");
        Assert.Empty(Ledger.Violations);
    }

    public static Condition Condition(FreezeRequestStatus status, string type) => Assert.Single(status.Conditions, c => c.Type == type);

    public async Task<IReadOnlyList<Event>> EventsAsync(string uid, string ns = "shop") =>
        [.. (await new ResourceClient<Event>(Cluster.Connection, Kinds.Events).ListAsync(ns)).Items.Where(e => e.Regarding?.Uid == uid).OrderBy(e => e.EventTime)];

    public string Said => string.Join("\n--- another operator\n", _operators.Select(o => o.Said));

    public async ValueTask DisposeAsync()
    {
        foreach (var running in _operators) await running.DisposeAsync();
        foreach (var agent in _agents) await agent.DisposeAsync();
        if (Kubelet is not null) await Kubelet.DisposeAsync();
        await Cluster.DisposeAsync();
    }
}
