namespace Quiesce.Freezing.Windows;

/// <summary>How one window behaves; all times in nanoseconds of <c>CLOCK_BOOTTIME</c>.</summary>
public sealed record WindowOptions
{
    /// <summary>Longest hold, counted from the first freeze call.</summary>
    public required long Deadline { get; init; }

    /// <summary>Longest time from the start to Frozen; also how long an unconfirmed window is held.</summary>
    public required long FreezeTimeout { get; init; }

    /// <summary>Freeze as soon as prepared, without a command: a window on one node.</summary>
    public bool FreezeAtOnce { get; init; }

    /// <summary>Thaw when no confirmation follows within <see cref="FreezeTimeout"/> of the freeze: a window on several nodes.</summary>
    public bool RequireConfirmation { get; init; }

    /// <summary>Whether <c>EOPNOTSUPP</c> fails the window instead of leaving the filesystem out.</summary>
    public bool FailUnsupported { get; init; }
}
