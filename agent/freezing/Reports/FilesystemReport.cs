namespace Quiesce.Freezing.Reports;

/// <summary>What is so of one filesystem; the same states as in the API.</summary>
public enum FilesystemState
{
    /// <summary>Found, nothing done yet.</summary>
    Resolved,

    /// <summary>Opened, verified and flushed.</summary>
    Prepared,

    /// <summary>The freeze call has not returned.</summary>
    Freezing,

    /// <summary>Frozen by us.</summary>
    Frozen,

    /// <summary>The thaw call has not returned.</summary>
    Thawing,

    /// <summary>Released with success.</summary>
    Thawed,

    /// <summary>Left out: cannot freeze.</summary>
    Skipped,

    /// <summary>Protected, or not permitted; never touched.</summary>
    Refused,

    /// <summary>An operation failed; nothing of ours is held, unless the reason is <see cref="FreezeReason.ThawFailed"/>.</summary>
    Failed,

    /// <summary>A call does not return; thawed as soon as it does.</summary>
    Stuck,
}

/// <summary>One filesystem in a report.</summary>
public sealed record FilesystemReport
{
    /// <summary>Mount point on the host, or the path asked for where nothing was found.</summary>
    public required string Path { get; init; }

    /// <summary>What is so.</summary>
    public FilesystemState State { get; init; }

    /// <summary>One of <see cref="FreezeReason"/>, or null.</summary>
    public string? Reason { get; init; }

    /// <summary>A sentence for a person, or null.</summary>
    public string? Message { get; init; }

    /// <summary>Filesystem type, or null where nothing was found.</summary>
    public string? Type { get; init; }

    /// <summary>Mount source, or null.</summary>
    public string? Source { get; init; }

    /// <summary>Superblock as <c>major:minor</c>, or null.</summary>
    public string? Device { get; init; }

    /// <summary>Nanoseconds of the flushes; null before.</summary>
    public long? FlushNanoseconds { get; init; }

    /// <summary>When the last flush returned, in <c>CLOCK_BOOTTIME</c> nanoseconds; null before.</summary>
    public long? FlushedAt { get; init; }

    /// <summary>Nanoseconds of the freeze call; null before.</summary>
    public long? FreezeNanoseconds { get; init; }

    /// <summary>When the freeze call returned success, in <c>CLOCK_BOOTTIME</c> nanoseconds; null before.</summary>
    public long? FrozenAt { get; init; }

    /// <summary>Nanoseconds from the return of the freeze to the return of the thaw; null before.</summary>
    public long? HeldNanoseconds { get; init; }

    /// <summary>Nanoseconds of the thaw call; null before.</summary>
    public long? ThawNanoseconds { get; init; }

    /// <summary>Of an unconditional thaw: when the last call that released something returned, in <c>CLOCK_BOOTTIME</c> nanoseconds; null where nothing was released.</summary>
    public long? ReleasedAt { get; init; }
}
