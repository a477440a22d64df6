using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Serialization;
using k8s.Models;

namespace Quiesce.Crds;

/// <summary>Internal: the plan for one request on one node, and that node's report; single-use.</summary>
/// <remarks>
/// Lives in the operator's namespace under a name of its node, <see cref="InternalNames.NodeFreeze"/>, which another one takes after it: its UID tells it from any other. The operator
/// writes it, or the agent of a node that was called (<see cref="CalledPlans"/>), as the operator would have; the spec once, and the status is written by that node's agent alone. An agent watches the names that its next plan can have, and lists what there is when it starts by
/// <c>spec.nodeName</c>, a selectable field. An agent freezes only what this same instance prepared, at most once, and not later than
/// <c>freezeTimeoutSeconds</c> after it first saw the object. A NodeFreeze missing from a completed list means thaw.
/// </remarks>
[KubernetesEntity(Group = QuiesceApi.Group, ApiVersion = QuiesceApi.Version, Kind = "NodeFreeze", PluralName = "nodefreezes")]
public sealed record NodeFreeze : IQuiesceResource, ISpec<NodeFreezeSpec>, IStatus<NodeFreezeStatus?>
{
    /// <inheritdoc/>
    public static ResourceType Type { get; } = new(QuiesceApi.Group, QuiesceApi.Version, "NodeFreeze", "nodefreezes", Namespaced: true);

    // Asked for at every look at a window, of all its nodes: read once for each text, and forgotten with it.
    private static readonly ConditionalWeakTable<string, StrongBox<NodeFreezeStatus?>> s_first = [];

    /// <inheritdoc/>
    public string ApiVersion { get; set; } = Type.ApiVersion;

    /// <inheritdoc/>
    public string Kind { get; set; } = Type.Kind;

    /// <inheritdoc/>
    public V1ObjectMeta Metadata { get; set; } = new();

    /// <summary>The plan; immutable.</summary>
    public NodeFreezeSpec Spec { get; set; } = new() { NodeName = "", Request = new() { Name = "", Namespace = "", Uid = "" } };

    /// <summary>The node's report, but for one that came with the creation, which is in <see cref="Report"/> alone; null until there is one.</summary>
    public NodeFreezeStatus? Status { get; set; }

    /// <summary>The node's report; null until the agent first saw the plan.</summary>
    [JsonIgnore]
    public NodeFreezeStatus? Report => Status ?? FirstReport;

    /// <summary>
    /// By what the plan is known on its node, in journals and notes: of a node that was called <see cref="InternalNames.PlanId"/>, whoever created the object, and else its UID.
    /// </summary>
    [JsonIgnore]
    public string PlanId =>
        Metadata.Annotations?.TryGetValue(QuiesceApi.PlanIdAnnotation, out var id) is true && Guid.TryParseExact(id, "D", out _) ? id : Metadata.Uid;

    /// <summary>UID of the FreezeWindow it was made for; null for what has none.</summary>
    [JsonIgnore]
    public string? WindowUid => Metadata.Annotations?.TryGetValue(QuiesceApi.WindowUidAnnotation, out var uid) is true ? uid : null;

    private NodeFreezeStatus? FirstReport =>
        Metadata.Annotations?.TryGetValue(QuiesceApi.ReportAnnotation, out var json) is true ? s_first.GetValue(json, static json => new(Read(json))).Value : null;

    private static NodeFreezeStatus? Read(string json)
    {
        try
        {
            return JsonSerializer.Deserialize(json, CrdsJson.Default.NodeFreezeStatus);
        }
        catch (JsonException)
        {
            return null; // nobody's report
        }
    }
}

/// <summary>The plan; immutable.</summary>
public sealed record NodeFreezeSpec
{
    /// <summary>The node that is to act.</summary>
    public required string NodeName { get; init; }

    /// <summary>The request this plan belongs to.</summary>
    public required RequestReference Request { get; init; }

    /// <summary>What kind of act this is.</summary>
    public NodeFreezeMode Mode { get; init; }

    /// <summary>Name of the FreezeWindow that commands it; null for <c>Inspect</c> and <c>ThawUnconditionally</c>, which act at once.</summary>
    public string? Window { get; init; }

    /// <summary>Folders of the host, absolute, at most 64 of up to 1024 characters.</summary>
    public IReadOnlyList<string> Paths { get; init => field = value ?? []; } = [];

    /// <summary>Volumes that kubelet mounts on the node for pods, at most 64.</summary>
    public IReadOnlyList<NodeVolume> Volumes { get; init => field = value ?? []; } = [];

    /// <summary>All filesystems of the node but the protected ones, in addition to <see cref="Paths"/>.</summary>
    public bool AllFilesystems { get; init; }

    /// <summary>What becomes of filesystems that cannot freeze.</summary>
    public UnsupportedFilesystems UnsupportedFilesystems { get; init; }

    /// <summary>Longest time in seconds from first sight to Frozen.</summary>
    public int FreezeTimeoutSeconds { get; set; } = 10;
}

/// <summary>A volume of a claim, by how kubelet mounts it for one of its pods.</summary>
public sealed record NodeVolume
{
    /// <summary>The claim, in the namespace of the request.</summary>
    public required string Claim { get; init; }

    /// <summary>A pod that mounts it on this node.</summary>
    public required string PodUid { get; init; }

    /// <summary>The name of kubelet's plugin, such as <c>kubernetes.io/csi</c>.</summary>
    public required string Plugin { get; init; }

    /// <summary>The name of the PersistentVolume, which is that of its folder.</summary>
    public required string Name { get; init; }

    /// <summary>For a local volume, the folder or device of the host it is made of.</summary>
    public string? LocalPath { get; init; }

    /// <summary>Freeze it although its filesystem is not the volume's alone.</summary>
    public bool AllowSharedFilesystem { get; init; }
}

/// <summary>What kind of act a NodeFreeze is.</summary>
public enum NodeFreezeMode
{
    /// <summary>Prepare, freeze, hold and release, as the window commands.</summary>
    Hold,

    /// <summary>Resolve and report only.</summary>
    Inspect,

    /// <summary>Thaw whoever froze it: <c>FITHAW</c> until it fails, each filesystem counted once.</summary>
    ThawUnconditionally,
}

/// <summary>Where a node is in a window's life.</summary>
public enum NodeFreezePhase
{
    /// <summary>Not yet seen by the agent.</summary>
    Pending,

    /// <summary>Opening, verifying, flushing.</summary>
    Preparing,

    /// <summary>Everything that can fail or take long is done; nothing is frozen.</summary>
    Prepared,

    /// <summary>Freeze calls are under way.</summary>
    Freezing,

    /// <summary>All freezable filesystems of the plan are frozen.</summary>
    Frozen,

    /// <summary>Thaw calls are under way.</summary>
    Thawing,

    /// <summary>Final: released on command. For <c>ThawUnconditionally</c> and <c>Inspect</c>: done.</summary>
    Thawed,

    /// <summary>Final: released at the node's own deadline.</summary>
    Expired,

    /// <summary>Final: was frozen, but the hold is not proven; the reason says why.</summary>
    Broken,

    /// <summary>Final: never frozen as a whole; whatever had been frozen was released.</summary>
    Failed,
}

/// <summary>The node's report.</summary>
public sealed record NodeFreezeStatus
{
    /// <summary>The generation of the plan this report speaks of.</summary>
    public long ObservedGeneration { get; init; }

    /// <summary>Where the node is.</summary>
    public NodeFreezePhase Phase { get; init; }

    /// <summary>CamelCase reason, one of <see cref="Reasons"/>.</summary>
    public string? Reason { get; init; }

    /// <summary>A sentence for a person.</summary>
    public string? Message { get; init => field = Bounds.Message(value); }

    /// <summary>The kernel's boot id when the report was written.</summary>
    public string? BootID { get; init; }

    /// <summary>Random id of the agent process that wrote the report.</summary>
    public string? AgentInstance { get; init; }

    /// <summary>The <c>deadlineSeconds</c> in force at the holder: how a raise is acknowledged.</summary>
    public int? DeadlineSeconds { get; init; }

    /// <summary>When the last filesystem was frozen, by the node's wall clock (for people and for the skew; no rule depends on it).</summary>
    public DateTimeOffset? FrozenAt { get; init; }

    /// <summary>When the last filesystem was released, by the node's wall clock.</summary>
    public DateTimeOffset? ThawedAt { get; init; }

    /// <summary>Filesystems frozen.</summary>
    public int FrozenFilesystems { get; init; }

    /// <summary>Filesystems whose release answered success.</summary>
    public int ThawedFilesystems { get; init; }

    /// <summary>At most 64 filesystems, failed and slowest first.</summary>
    public IReadOnlyList<FilesystemStatus> Filesystems { get; init => field = value ?? []; } = [];

    /// <summary>Filesystems left out of <see cref="Filesystems"/> for its bound.</summary>
    public int FilesystemsOmitted { get; init; }

    /// <summary>
    /// The process that holds the window is beyond the reach of what kills or pauses the agent's container: out of its cgroups, in the
    /// host's PID namespace. Null before it is known.
    /// </summary>
    public bool? HolderProtected { get; init; }

    /// <summary>Why it is not, and what to do; null where it is.</summary>
    public string? HolderProtectionMessage { get; init => field = Bounds.Message(value); }
}
