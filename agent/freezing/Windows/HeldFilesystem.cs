using Quiesce.Freezing.Kernel;
using Quiesce.Freezing.Planning;

namespace Quiesce.Freezing.Windows;

/// <summary>How far one filesystem has come.</summary>
internal enum HoldStep
{
    Resolved,
    Flushing,
    Flushed,
    Freezing,
    Frozen,
    Thawing,

    // From here on nothing of ours is held.
    Thawed,
    NotHeld,
    NotFrozen,
    Unsupported,

    // FITHAW failed for good: it may still be frozen, and a person has to look.
    ThawFailed,
}

/// <summary>What a window knows of one of its filesystems; changed by the window alone.</summary>
internal sealed class HeldFilesystem(PlannedFilesystem plan)
{
    internal PlannedFilesystem Plan { get; } = plan;

    internal HoldStep Step { get; set; }

    internal int FlushRounds { get; set; }

    internal int ThawAttempts { get; set; }

    internal long FlushNanoseconds { get; set; }

    internal long? FlushedAt { get; set; }

    /// <summary>When the call that is under way was asked for.</summary>
    internal long CallStarted { get; set; }

    internal long? FreezeNanoseconds { get; set; }

    internal long FrozenAt { get; set; }

    internal long? HeldNanoseconds { get; set; }

    internal long? ThawNanoseconds { get; set; }

    internal Errno ThawError { get; set; }

    /// <summary>The device's count right after the freeze; set before the window hears of the freeze, read before its thaw.</summary>
    internal long? SectorsAtFreeze { get; set; }

    internal bool Written { get; set; }

    internal string? Reason { get; set; }

    internal string? Message { get; set; }

    /// <summary>No call of ours on it is under way that could freeze, and none is needed to thaw. A flush that hangs holds nothing.</summary>
    internal bool IsReleased => Step is not (HoldStep.Freezing or HoldStep.Frozen or HoldStep.Thawing);
}
