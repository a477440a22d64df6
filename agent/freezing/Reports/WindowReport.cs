using Quiesce.Freezing.Windows;

namespace Quiesce.Freezing.Reports;

/// <summary>How a window stands at one moment, complete in itself: a later report replaces an earlier one.</summary>
public sealed record WindowReport
{
    /// <summary>The window it speaks of; a recovery answers with one report for each journal.</summary>
    public string WindowId { get; init; } = "";

    /// <summary>Where it is in its life.</summary>
    public WindowPhase Phase { get; init; }

    /// <summary>One of <see cref="FreezeReason"/>, or null while all is well.</summary>
    public string? Reason { get; init; }

    /// <summary>A sentence for a person, or null.</summary>
    public string? Message { get; init; }

    /// <summary>The hold in force in nanoseconds.</summary>
    public long Deadline { get; init; }

    /// <summary>When the deadline ends the window, in nanoseconds of <c>CLOCK_BOOTTIME</c>; null before the first freeze call.</summary>
    public long? DeadlineAt { get; init; }

    /// <summary>When everything was frozen, in nanoseconds of <c>CLOCK_BOOTTIME</c>; null before.</summary>
    public long? FrozenAt { get; init; }

    /// <summary>When the last filesystem was released; null before.</summary>
    public long? ReleasedAt { get; init; }

    /// <summary>Filesystems that were frozen by us.</summary>
    public int FrozenFilesystems { get; init; }

    /// <summary>Filesystems whose release answered success.</summary>
    public int ThawedFilesystems { get; init; }

    /// <summary>Whether the holder is beyond the reach of what kills or pauses its agent's container; null before it is known.</summary>
    public bool? HolderProtected { get; init; }

    /// <summary>Why it is not, and what to do; null where it is.</summary>
    public string? HolderProtectionMessage { get; init; }

    /// <summary>Every filesystem: those of the window first, then what was left out or refused.</summary>
    public IReadOnlyList<FilesystemReport> Filesystems { get; init; } = [];

    /// <summary>Nothing more follows.</summary>
    public bool IsFinal => Phase >= WindowPhase.Thawed;

    /// <summary>The verdict: true or false when the window was open and is closed; null while it is open, or when it never was.</summary>
    public bool? Intact => Phase switch
    {
        WindowPhase.Thawed => true,
        WindowPhase.Expired or WindowPhase.Broken => false,
        _ => null,
    };
}
