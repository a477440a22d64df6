using Microsoft.Extensions.Logging;
using Quiesce.Crds;
using Quiesce.Crds.Client;
using Quiesce.Operator.Freezing;
using Quiesce.Operator.Nodes;
using Quiesce.Runtime;

namespace Quiesce.Operator.Reconciling;

/// <summary>The objects the operator reads, each kind with its client and its cache.</summary>
internal sealed class ClusterObjects
{
    /// <summary>Volumes read one by one; with more, one list is less work.</summary>
    private const int MostSingleReads = 16;

    private readonly List<Func<CancellationToken, Task>> _runs = [];
    private readonly List<Func<bool>> _connected = [];
    private readonly List<Func<string?>> _faults = [];
    private readonly List<Task> _synced = [];
    private readonly ResourceClient<PersistentVolumeClaim> _claims;
    private readonly ResourceClient<PersistentVolume> _volumes;
    private readonly KubernetesConnection _connection;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;

    public ClusterObjects(KubernetesConnection connection, OperatorSettings settings, TimeProvider time, ILogger<ClusterObjects> logger)
    {
        (_connection, _time, _logger, Settings) = (connection, time, logger, settings);
        var ours = new ListWatchOptions { Namespace = settings.Namespace };
        (FreezeRequests, FreezeRequestCache) = Follow(Kinds.FreezeRequests, new());
        (ThawRequests, ThawRequestCache) = Follow(Kinds.ThawRequests, new());
        (Windows, WindowCache) = Follow(Kinds.FreezeWindows, ours, window => window.Spec.Request.Uid);
        (NodeFreezes, NodeFreezeCache) = Follow(Kinds.NodeFreezes, ours, nodeFreeze => nodeFreeze.Spec.Request.Uid);
        (_claims, _volumes) = (new(connection, Kinds.PersistentVolumeClaims), new(connection, Kinds.PersistentVolumes));
        (Nodes, NodeCache) = Follow(Kinds.Nodes, new());
        (Pods, PodCache) = Follow(
            Kinds.Pods, new() { Namespace = settings.AgentNamespace, LabelSelector = OperatorSettings.AgentSelector }, pod => pod.Spec?.NodeName);
    }

    public OperatorSettings Settings { get; }

    public ResourceClient<FreezeRequest> FreezeRequests { get; }

    public Informer<FreezeRequest> FreezeRequestCache { get; }

    public ResourceClient<ThawRequest> ThawRequests { get; }

    public Informer<ThawRequest> ThawRequestCache { get; }

    public ResourceClient<FreezeWindow> Windows { get; }

    /// <summary>Indexed by the UID of the request they belong to.</summary>
    public Informer<FreezeWindow> WindowCache { get; }

    public ResourceClient<NodeFreeze> NodeFreezes { get; }

    /// <summary>Indexed by the UID of the request they belong to.</summary>
    public Informer<NodeFreeze> NodeFreezeCache { get; }

    public ResourceClient<Node> Nodes { get; }

    public Informer<Node> NodeCache { get; }

    public ResourceClient<Pod> Pods { get; }

    /// <summary>The agents' pods, indexed by their nodes.</summary>
    public Informer<Pod> PodCache { get; }

    /// <summary>Completes when every cache has its first list.</summary>
    public Task Synced => Task.WhenAll(_synced);

    /// <summary>Every cache is in step with the API server.</summary>
    public bool IsConnected => _connected.TrueForAll(connected => connected());

    /// <summary>Which cache is stuck, or null: not one that the API server does not answer, but one that does not even ask.</summary>
    public string? Fault => _faults.Select(fault => fault()).FirstOrDefault(fault => fault is not null);

    /// <summary>Follows everything until the token is cancelled.</summary>
    public Task RunAsync(CancellationToken cancellationToken) => Task.WhenAll(_runs.Select(run => run(cancellationToken)));

    /// <summary>The nodes and agents, as the caches have them.</summary>
    public ClusterView View() => View(NodeCache.All, PodCache.All);

    /// <summary>Whether a node has agents and none of them runs, as kubelet tells it: what they held is thawed, for a holder does not outlive its agent.</summary>
    public bool IsAgentDown(string node)
    {
        var agents = PodCache.ByIndex(node);
        return agents.Count > 0 && agents.All(agent => agent.IsDown());
    }

    /// <summary>The window of a request, whatever it is called; null where the cache has none.</summary>
    public FreezeWindow? WindowOf(string uid) => WindowCache.ByIndex(uid).MinBy(window => (InternalObjects.IsCalled(window), window.Metadata.Uid));

    /// <summary>No window calls, as far as the cache knows.</summary>
    public bool CallIsFree => WindowCache.Get(new(Settings.Namespace, InternalNames.CalledWindow)) is null;

    /// <summary>Brings nodes and agents up to date from the API server itself.</summary>
    public async Task<ClusterView> ViewNowAsync(CancellationToken cancellationToken)
    {
        var nodes = Nodes.ListAsync(null, cancellationToken: cancellationToken);
        var pods = Pods.ListAsync(Settings.AgentNamespace, OperatorSettings.AgentSelector, cancellationToken: cancellationToken);
        return View((await nodes).Items, (await pods).Items);
    }

    /// <summary>Reads the pods and claims of a namespace, and the volumes of the claims, from the API server itself.</summary>
    /// <remarks>Not from caches: only a few requests name pods, and a cache of all pods of a cluster would cost more than all else together.</remarks>
    public async Task<Workloads> ReadWorkloadsAsync(string ns, CancellationToken cancellationToken)
    {
        var pods = Pods.ListAsync(ns, cancellationToken: cancellationToken);
        var claims = (await _claims.ListAsync(ns, cancellationToken: cancellationToken)).Items.ToDictionary(c => c.Metadata.Name);
        var names = claims.Values.Select(c => c.Spec?.VolumeName).Where(name => !string.IsNullOrEmpty(name)).Distinct().ToArray();
        IEnumerable<PersistentVolume?> volumes = names.Length > MostSingleReads
            ? (await _volumes.ListAsync(null, cancellationToken: cancellationToken)).Items.Cast<PersistentVolume?>()
            : await Task.WhenAll(names.Select(name => _volumes.GetAsync(null, name!, cancellationToken)));
        return new((await pods).Items, claims, volumes.OfType<PersistentVolume>().ToDictionary(v => v.Metadata.Name));
    }

    /// <summary>Brings the internal objects of one request up to date from the API server itself.</summary>
    public async Task RefreshInternalsAsync(string uid, CancellationToken cancellationToken)
    {
        var window = Windows.GetAsync(Settings.Namespace, InternalNames.Window(uid), cancellationToken);
        var plans = NodeFreezes.ListAsync(Settings.Namespace, $"{QuiesceApi.RequestUidLabel}={uid}", cancellationToken: cancellationToken);
        var found = await window ?? await Windows.GetAsync(Settings.Namespace, InternalNames.CalledWindow, cancellationToken);
        if (found is not null) WindowCache.ObserveRead(found);
        try
        {
            foreach (var plan in (await plans).Items) NodeFreezeCache.ObserveRead(plan);
        }
        catch (KubernetesApiException e) when (e.IsNotFound)
        {
            // Of a kind that is not served there is nothing: its definition was deleted, and whatever was of it went with it.
            foreach (var plan in NodeFreezeCache.ByIndex(uid)) NodeFreezeCache.ObserveDeletion(plan);
        }
    }

    /// <summary>Reads once more which internal objects were said to be gone, where no watch has said so since.</summary>
    public async Task RefreshUnconfirmedAsync(CancellationToken cancellationToken)
    {
        foreach (var window in WindowCache.Unconfirmed)
        {
            if (await Windows.GetAsync(Settings.Namespace, window.Metadata.Name, cancellationToken) is { } there) WindowCache.ObserveRead(there);
        }

        foreach (var plan in NodeFreezeCache.Unconfirmed)
        {
            if (await NodeFreezes.GetAsync(Settings.Namespace, plan.Metadata.Name, cancellationToken) is { } there) NodeFreezeCache.ObserveRead(there);
        }
    }

    private static ClusterView View(IReadOnlyList<Node> nodes, IReadOnlyList<Pod> pods) => new(
        nodes.ToDictionary(
            node => node.Metadata.Name,
            node => (IReadOnlyDictionary<string, string>)new Dictionary<string, string>(node.Metadata.Labels ?? new Dictionary<string, string>())),
        pods.Where(pod => pod.IsReady()).Select(pod => pod.Spec?.NodeName).OfType<string>().ToHashSet())
    {
        HearCalls = pods.Where(pod => pod.IsReady() && pod.Metadata.Labels?.TryGetValue(QuiesceApi.HearsCallsLabel, out var hears) is true && hears == "true")
            .Select(pod => pod.Spec?.NodeName).OfType<string>().ToHashSet(),
    };

    private (ResourceClient<T> Client, Informer<T> Cache) Follow<T>(ResourceKind<T> kind, ListWatchOptions options, Func<T, string?>? index = null)
        where T : class, k8s.IKubernetesObject<k8s.Models.V1ObjectMeta>
    {
        var client = new ResourceClient<T>(_connection, kind);
        var informer = new Informer<T>(new ListWatch<T>(client, options, _time), _logger, index);
        _runs.Add(informer.RunAsync);
        _connected.Add(() => informer.IsConnected);
        _faults.Add(() => informer.Fault);
        _synced.Add(informer.Synced);
        return (client, informer);
    }
}
