namespace Quiesce.Crds;

/// <summary>What is known of one filesystem (one superblock) on one node.</summary>
public sealed record FilesystemStatus
{
    /// <summary>Where it is mounted, as a path of the host; for a target that matched no mount, the path asked for.</summary>
    public required string Path { get; init; }

    /// <summary>The claim whose volume it is, in the namespace of the request; null where it was not named by one.</summary>
    public string? Claim { get; init; }

    /// <summary>What is so.</summary>
    public FilesystemState State { get; init; }

    /// <summary>CamelCase reason of a state that is not plain success, one of <see cref="Reasons"/>.</summary>
    public string? Reason { get; init; }

    /// <summary>A sentence for a person.</summary>
    public string? Message { get; init => field = Bounds.Message(value); }

    /// <summary>Filesystem type from the mount table, such as <c>xfs</c>.</summary>
    public string? Type { get; init; }

    /// <summary>Mount source from the mount table, such as <c>/dev/sdb1</c>.</summary>
    public string? Source { get; init; }

    /// <summary>The superblock's device number from the mount table, <c>major:minor</c>.</summary>
    public string? Device { get; init; }

    /// <summary>Milliseconds of the flush before the freeze; applications keep running meanwhile.</summary>
    public double? FlushMilliseconds { get; init; }

    /// <summary>When the last flush before the freeze returned, by the node's wall clock: for drawing the window, no rule depends on it.</summary>
    public DateTimeOffset? FlushedAt { get; init; }

    /// <summary>Milliseconds of the freeze call: what a writer of this filesystem saw as the start of its stall.</summary>
    public double? FreezeMilliseconds { get; init; }

    /// <summary>When the freeze call returned, by the node's wall clock: for drawing the window, no rule depends on it.</summary>
    public DateTimeOffset? FrozenAt { get; init; }

    /// <summary>Milliseconds from the return of the freeze call to the return of the thaw call.</summary>
    public double? HeldMilliseconds { get; init; }

    /// <summary>Milliseconds of the thaw call.</summary>
    public double? ThawMilliseconds { get; init; }
}

/// <summary>What is so of one filesystem.</summary>
public enum FilesystemState
{
    /// <summary>Found, nothing done yet.</summary>
    Resolved,

    /// <summary>Opened, verified and flushed.</summary>
    Prepared,

    /// <summary>The freeze call has not returned yet.</summary>
    Freezing,

    /// <summary>Frozen by us.</summary>
    Frozen,

    /// <summary>The thaw call has not returned yet.</summary>
    Thawing,

    /// <summary>Released, and the release answered success.</summary>
    Thawed,

    /// <summary>Left out: its kind cannot freeze.</summary>
    Skipped,

    /// <summary>Protected, or not permitted; never touched.</summary>
    Refused,

    /// <summary>An operation on it failed, or its release did not prove the hold; nothing of ours is held.</summary>
    Failed,

    /// <summary>A freeze or thaw call does not return; it is thawed as soon as it does.</summary>
    Stuck,
}
