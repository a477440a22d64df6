using k8s.Models;

namespace Quiesce.Crds;

/// <summary>The unconditional recovery thaw, for administrators; cluster-scoped.</summary>
/// <remarks>Thaws whatever is frozen on the node, whoever froze it. A FreezeRequest that held one of the filesystems ends as Broken.</remarks>
[KubernetesEntity(Group = QuiesceApi.Group, ApiVersion = QuiesceApi.Version, Kind = "ThawRequest", PluralName = "thawrequests")]
public sealed record ThawRequest : IQuiesceResource, ISpec<ThawRequestSpec>, IStatus<ThawRequestStatus?>
{
    /// <inheritdoc/>
    public static ResourceType Type { get; } = new(QuiesceApi.Group, QuiesceApi.Version, "ThawRequest", "thawrequests", Namespaced: false);

    /// <inheritdoc/>
    public string ApiVersion { get; set; } = Type.ApiVersion;

    /// <inheritdoc/>
    public string Kind { get; set; } = Type.Kind;

    /// <inheritdoc/>
    public V1ObjectMeta Metadata { get; set; } = new();

    /// <summary>The wish.</summary>
    public ThawRequestSpec Spec { get; set; } = new() { NodeName = "" };

    /// <summary>What is so; null until the operator first saw the request.</summary>
    public ThawRequestStatus? Status { get; set; }
}

/// <summary>The wish; immutable.</summary>
public sealed record ThawRequestSpec
{
    /// <summary>The node.</summary>
    public required string NodeName { get; init; }

    /// <summary>Folders of the host whose filesystems are thawed, at most 64; empty means every filesystem of the node.</summary>
    public IReadOnlyList<string> Paths { get; init => field = value ?? []; } = [];

    /// <summary>Longest wait in seconds for the node's answer (1 to 300).</summary>
    public int TimeoutSeconds { get; set; } = 30;

    /// <summary>Seconds after the final phase until the request deletes itself; null keeps it.</summary>
    public int? TtlSecondsAfterFinished { get; init; }
}

/// <summary>Where a thaw request is in its life.</summary>
public enum ThawPhase
{
    /// <summary>Seen, not started.</summary>
    Pending,

    /// <summary>The node was told.</summary>
    Thawing,

    /// <summary>Final: the node answered; every filesystem is thawed.</summary>
    Thawed,

    /// <summary>Final: the node did not answer, or a filesystem could not be thawed.</summary>
    Failed,
}

/// <summary>What is so.</summary>
public sealed record ThawRequestStatus
{
    /// <summary>The generation of the spec this status speaks of.</summary>
    public long ObservedGeneration { get; init; }

    /// <summary>Where the request is in its life.</summary>
    public ThawPhase Phase { get; init; }

    /// <summary>CamelCase reason of the phase, one of <see cref="Reasons"/>.</summary>
    public string? Reason { get; init; }

    /// <summary>A sentence for a person.</summary>
    public string? Message { get; init => field = Bounds.Message(value); }

    /// <summary>Accepted, Thawed and Finished.</summary>
    public IReadOnlyList<Condition> Conditions { get; init => field = value ?? []; } = [];

    /// <summary>When the operator first saw the request.</summary>
    public DateTimeOffset? StartedAt { get; init; }

    /// <summary>Filesystems that were frozen and are not any more, each counted once, as <c>guest-fsfreeze-thaw</c> counts.</summary>
    public int ThawedFilesystems { get; init; }

    /// <summary>At most 64 filesystems that were thawed or could not be.</summary>
    public IReadOnlyList<FilesystemStatus> Filesystems { get; init => field = value ?? []; } = [];
}
