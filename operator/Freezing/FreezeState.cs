using Quiesce.Crds;
using Quiesce.Operator.Hooks;
using Quiesce.Operator.Nodes;

namespace Quiesce.Operator.Freezing;

/// <summary>Everything a decision about one FreezeRequest rests on.</summary>
internal sealed record FreezeState
{
    /// <summary>The request.</summary>
    public required FreezeRequest Request { get; init; }

    /// <summary>Its window; null before it is created and after it is gone.</summary>
    public FreezeWindow? Window { get; init; }

    /// <summary>Its NodeFreezes, by node.</summary>
    public IReadOnlyDictionary<string, NodeFreeze> NodeFreezes { get; init; } = new Dictionary<string, NodeFreeze>();

    /// <summary>Nodes whose report came from another agent process or another boot than the one that reported Prepared, or whose agent does not run any more.</summary>
    public IReadOnlySet<string> Restarted { get; init; } = new HashSet<string>();

    /// <summary>The cluster, for resolving targets.</summary>
    public ClusterView Cluster { get; init; } = ClusterView.Empty;

    /// <summary>No other window calls its nodes.</summary>
    public bool CallIsFree { get; init; }

    /// <summary>Pods and claims of the request's namespace, read after the last write; null where nobody asked for them yet.</summary>
    public Workloads? Workloads { get; init; }

    /// <summary>Requests of its namespace that have not ended, and began or were created before it.</summary>
    public int Ahead { get; init; }

    /// <summary>Hooks are enabled for the request's namespace.</summary>
    public bool HooksAreEnabled { get; init; }

    /// <summary>The hooks' commands that this process has sent, by <see cref="HookPlan.Key"/>.</summary>
    public IReadOnlyDictionary<string, HookRunView> HookRuns { get; init; } = new Dictionary<string, HookRunView>();

    /// <summary>The API server's refusal of a write that this request needs and that no retry would change.</summary>
    public Refusal? WriteRefused { get; init; }

    /// <summary>The API server's refusal of a raise of the deadline.</summary>
    public Refusal? RaiseRefused { get; init; }

    /// <summary>The operator's clock.</summary>
    public required DateTimeOffset Now { get; init; }

    /// <summary>The request's trace, for the internal objects; null where there is none.</summary>
    public string? TraceParent { get; init; }

    /// <summary>The namespace of the internal objects.</summary>
    public string Namespace { get; init; } = InternalNames.DefaultNamespace;

    /// <summary>The installation's bounds.</summary>
    public FreezeLimits Limits { get; init; } = new();

    /// <summary>The request names pods or claims, as targets or for hooks, and they have not been read.</summary>
    public bool LacksWorkloads => Workloads is null && WriteRefused is null && (Nodes.Workloads.AreNamedBy(Request.Spec) || HookPlan.HasHooks(Request.Spec));

    /// <summary>The hooks of the request as its status has them; none where the spec has none, whatever the status says.</summary>
    public IReadOnlyList<HookStatus> Hooks => HookPlan.HasHooks(Request.Spec) ? Request.Status?.Hooks ?? [] : [];

    /// <summary>From when the freeze timeout counts: the first sight of the request, or the end of its last hook before the freeze; null before it was seen.</summary>
    public DateTimeOffset? Since => Request.Status is not { } status
        ? null
        : Hooks.Where(h => h.Stage == HookStage.PreFreeze).Select(h => h.FinishedAt).Append(status.StartedAt).Max();

    /// <summary>The same, with the hooks as they are now.</summary>
    public FreezeState With(IReadOnlyList<HookStatus> hooks) =>
        this with { Request = Request with { Status = (Request.Status ?? new() { StartedAt = Now }) with { Hooks = hooks } } };

    /// <summary>The request's UID.</summary>
    public string Uid => Request.Metadata.Uid;

    /// <summary>The request is being deleted.</summary>
    public bool IsBeingDeleted => Request.Metadata.DeletionTimestamp is not null;

    /// <summary>The request has reached a final phase.</summary>
    public bool IsFinal => Request.Status is { Phase: >= FreezePhase.Thawed };

    /// <summary>The request carries our finalizer.</summary>
    public bool HasFinalizer => Request.Metadata.Finalizers?.Contains(QuiesceApi.Finalizer) is true;
}
