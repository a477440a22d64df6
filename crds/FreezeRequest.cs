using k8s.Models;

namespace Quiesce.Crds;

/// <summary>What users apply: hold these filesystems still, all of them or none, for at most so long.</summary>
/// <remarks>It is a command, not configuration: after it has reached a final phase it never freezes again.</remarks>
[KubernetesEntity(Group = QuiesceApi.Group, ApiVersion = QuiesceApi.Version, Kind = "FreezeRequest", PluralName = "freezerequests")]
public sealed record FreezeRequest : IQuiesceResource, ISpec<FreezeRequestSpec>, IStatus<FreezeRequestStatus?>
{
    /// <inheritdoc/>
    public static ResourceType Type { get; } = new(QuiesceApi.Group, QuiesceApi.Version, "FreezeRequest", "freezerequests", Namespaced: true);

    /// <inheritdoc/>
    public string ApiVersion { get; set; } = Type.ApiVersion;

    /// <inheritdoc/>
    public string Kind { get; set; } = Type.Kind;

    /// <inheritdoc/>
    public V1ObjectMeta Metadata { get; set; } = new();

    /// <summary>The wish.</summary>
    public FreezeRequestSpec Spec { get; set; } = new();

    /// <summary>What is so; null until the operator first saw the request.</summary>
    public FreezeRequestStatus? Status { get; set; }
}

/// <summary>The wish. Immutable but for <see cref="DesiredState"/> (Frozen to Thawed) and <see cref="DeadlineSeconds"/> (upwards).</summary>
public sealed record FreezeRequestSpec
{
    /// <summary>What to freeze; 1 to 64 targets.</summary>
    public IReadOnlyList<FreezeTarget> Targets { get; init => field = value ?? []; } = [];

    /// <summary>Longest hold in seconds (1 to 3600), counted on each node from the moment its freeze begins.</summary>
    public int DeadlineSeconds { get; set; } = 20;

    /// <summary>Longest time in seconds (1 to 300) from the first sight of the request, or from the end of its last preFreeze hook, to Frozen.</summary>
    public int FreezeTimeoutSeconds { get; set; } = 10;

    /// <summary>Frozen opens the window; Thawed ends it.</summary>
    public DesiredState DesiredState { get; init; } = DesiredState.Frozen;

    /// <summary>What becomes of filesystems whose kernel driver cannot freeze.</summary>
    public UnsupportedFilesystems UnsupportedFilesystems { get; init; } = UnsupportedFilesystems.Skip;

    /// <summary>What becomes of the request where another one holds what it needs.</summary>
    public ConflictPolicy ConflictPolicy { get; init; } = ConflictPolicy.Fail;

    /// <summary>Commands in pods before the freeze and after the thaw; null for none. Refused where the installation does not enable them for the namespace.</summary>
    public FreezeHooks? Hooks { get; init; }

    /// <summary>Resolve and report, freeze nothing.</summary>
    public bool DryRun { get; init; }

    /// <summary>Seconds after the final phase until the request deletes itself; null keeps it.</summary>
    public int? TtlSecondsAfterFinished { get; init; }
}

/// <summary>One target: exactly one member is set.</summary>
public sealed record FreezeTarget
{
    /// <summary>A folder on the host; selects the mount it lies on.</summary>
    public HostPathTarget? HostPath { get; init; }

    /// <summary>The volume of a claim, on every node on which a running pod mounts it.</summary>
    public PersistentVolumeClaimTarget? PersistentVolumeClaim { get; init; }

    /// <summary>The volumes of the claims that running pods mount.</summary>
    public PodSelectorTarget? PodSelector { get; init; }

    /// <summary>Every filesystem of a node but the protected ones.</summary>
    public AllFilesystemsTarget? AllFilesystems { get; init; }
}

/// <summary>The volume of one claim in the request's namespace.</summary>
public sealed record PersistentVolumeClaimTarget
{
    /// <summary>The claim's name.</summary>
    public required string Name { get; init; }

    /// <summary>Freeze it although its filesystem is not the volume's alone, as a folder on the node's disk is not: whatever shares it stands still too.</summary>
    public bool AllowSharedFilesystem { get; init; }
}

/// <summary>The claims, and generic ephemeral volumes, of the running pods that a selector matches in the request's namespace.</summary>
public sealed record PodSelectorTarget
{
    /// <summary>Labels that must all be equal.</summary>
    public IReadOnlyDictionary<string, string>? MatchLabels { get; init; }

    /// <summary>Requirements that must all hold.</summary>
    public IReadOnlyList<LabelSelectorRequirement>? MatchExpressions { get; init; }

    /// <summary>Only the volumes of these names, as the pods' specs name them; null or empty takes every claim.</summary>
    public IReadOnlyList<string>? Volumes { get; init; }

    /// <inheritdoc cref="PersistentVolumeClaimTarget.AllowSharedFilesystem"/>
    public bool AllowSharedFilesystem { get; init; }

    /// <summary>The selector alone.</summary>
    public LabelSelector Selector() => new() { MatchLabels = MatchLabels, MatchExpressions = MatchExpressions };
}

/// <summary>A folder on one node or on every node a selector matches: exactly one of the two is set.</summary>
public sealed record HostPathTarget
{
    /// <summary>Absolute path on the host, without <c>..</c>.</summary>
    public required string Path { get; init; }

    /// <summary>The node's name.</summary>
    public string? NodeName { get; init; }

    /// <summary>Selects nodes by label.</summary>
    public LabelSelector? NodeSelector { get; init; }
}

/// <summary>As <c>guest-fsfreeze-freeze</c>: all freezable filesystems but protected ones.</summary>
public sealed record AllFilesystemsTarget
{
    /// <summary>The node's name.</summary>
    public string? NodeName { get; init; }

    /// <summary>Selects nodes by label.</summary>
    public LabelSelector? NodeSelector { get; init; }
}

/// <summary>A label selector in the shape of <c>metav1.LabelSelector</c>.</summary>
public sealed record LabelSelector
{
    /// <summary>Labels that must all be equal.</summary>
    public IReadOnlyDictionary<string, string>? MatchLabels { get; init; }

    /// <summary>Requirements that must all hold.</summary>
    public IReadOnlyList<LabelSelectorRequirement>? MatchExpressions { get; init; }
}

/// <summary>One requirement on one label.</summary>
public sealed record LabelSelectorRequirement
{
    /// <summary>The label.</summary>
    public required string Key { get; init; }

    /// <summary><c>In</c>, <c>NotIn</c>, <c>Exists</c> or <c>DoesNotExist</c>.</summary>
    public required string Operator { get; init; }

    /// <summary>The values for <c>In</c> and <c>NotIn</c>.</summary>
    public IReadOnlyList<string>? Values { get; init; }
}

/// <summary>What the user wants of the window.</summary>
public enum DesiredState
{
    /// <summary>Freeze and hold.</summary>
    Frozen,

    /// <summary>End the window.</summary>
    Thawed,
}

/// <summary>What becomes of filesystems that cannot freeze.</summary>
public enum UnsupportedFilesystems
{
    /// <summary>Left out and listed in status; a window with nothing frozen at all still fails.</summary>
    Skip,

    /// <summary>The request fails.</summary>
    Fail,
}

/// <summary>What becomes of a request that needs what another one holds.</summary>
public enum ConflictPolicy
{
    /// <summary>It fails at once.</summary>
    Fail,

    /// <summary>It waits for the other one, within its freeze timeout.</summary>
    Wait,
}

/// <summary>Where a request is in its life.</summary>
public enum FreezePhase
{
    /// <summary>Seen, not started.</summary>
    Pending,

    /// <summary>Nodes open, verify and flush; nothing is frozen.</summary>
    Preparing,

    /// <summary>The freeze was commanded.</summary>
    Freezing,

    /// <summary>Every freezable filesystem is frozen on every node.</summary>
    Frozen,

    /// <summary>The thaw was commanded.</summary>
    Thawing,

    /// <summary>Final: ended by the user and everything is released.</summary>
    Thawed,

    /// <summary>Final: ended by the deadline.</summary>
    Expired,

    /// <summary>Final: the window opened but did not hold.</summary>
    Broken,

    /// <summary>Final: the window never opened; whatever had been frozen was released. A dry run that found trouble ends so too.</summary>
    Failed,
}

/// <summary>What is so.</summary>
public sealed record FreezeRequestStatus
{
    /// <summary>The generation of the spec this status speaks of.</summary>
    public long ObservedGeneration { get; init; }

    /// <summary>Where the request is in its life.</summary>
    public FreezePhase Phase { get; init; }

    /// <summary>CamelCase reason of the phase, one of <see cref="Reasons"/>: the REASON column.</summary>
    public string? Reason { get; init; }

    /// <summary>A sentence for a person: what happened and what to do next.</summary>
    public string? Message { get; init => field = Bounds.Message(value); }

    /// <summary>Accepted, Frozen, Thawed, WindowIntact and Finished; HolderProtected and FilesystemStuck where there is something to say.</summary>
    public IReadOnlyList<Condition> Conditions { get; init => field = value ?? []; } = [];

    /// <summary>When the operator first saw the request: <c>freezeTimeoutSeconds</c> counts from here, or from the end of the last preFreeze hook.</summary>
    public DateTimeOffset? StartedAt { get; init; }

    /// <summary>When the last node had reported Frozen, by the operator's clock.</summary>
    public DateTimeOffset? FrozenAt { get; init; }

    /// <summary>The operator's clock when it wrote the freeze command, plus the deadline: no node expires earlier.</summary>
    public DateTimeOffset? DeadlineAt { get; init; }

    /// <summary>When the last node had reported its release, by the operator's clock.</summary>
    public DateTimeOffset? ThawedAt { get; init; }

    /// <summary>Filesystems frozen over all nodes; a superblock counts once a node.</summary>
    public int FrozenFilesystems { get; init; }

    /// <summary>Filesystems whose release answered success: a difference to <see cref="FrozenFilesystems"/> means someone else interfered.</summary>
    public int ThawedFilesystems { get; init; }

    /// <summary>Milliseconds between the first and the last node frozen, by the nodes' own clocks; null until Frozen.</summary>
    public long? SkewMilliseconds { get; init; }

    /// <summary>Nodes the request resolved to.</summary>
    public int NodeCount { get; init; }

    /// <summary>Nodes that reached Prepared.</summary>
    public int NodesPrepared { get; init; }

    /// <summary>Nodes that reached Frozen.</summary>
    public int NodesFrozen { get; init; }

    /// <summary>Nodes whose holds are all released.</summary>
    public int NodesThawed { get; init; }

    /// <summary>Nodes that failed, were lost or did not hold.</summary>
    public int NodesFailed { get; init; }

    /// <summary>Nodes left out of <see cref="Nodes"/> for its bound of 100.</summary>
    public int NodesOmitted { get; init; }

    /// <summary>At most 100 nodes, failed and slowest first.</summary>
    public IReadOnlyList<NodeStatus> Nodes { get; init => field = value ?? []; } = [];

    /// <summary>Each hook in each of its pods, in the order they run; at most 200.</summary>
    public IReadOnlyList<HookStatus> Hooks { get; init => field = value ?? []; } = [];
}

/// <summary>What happened on one node.</summary>
public sealed record NodeStatus
{
    /// <summary>The node.</summary>
    public required string Name { get; init; }

    /// <summary>Where the node is in the window's life.</summary>
    public NodeFreezePhase Phase { get; init; }

    /// <summary>CamelCase reason, one of <see cref="Reasons"/>.</summary>
    public string? Reason { get; init; }

    /// <summary>A sentence for a person.</summary>
    public string? Message { get; init => field = Bounds.Message(value); }

    /// <summary>At most 64 filesystems, failed and slowest first.</summary>
    public IReadOnlyList<FilesystemStatus> Filesystems { get; init => field = value ?? []; } = [];

    /// <summary>Filesystems left out of <see cref="Filesystems"/> for its bound.</summary>
    public int FilesystemsOmitted { get; init; }
}
