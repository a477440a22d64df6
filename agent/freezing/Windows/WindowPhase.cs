namespace Quiesce.Freezing.Windows;

/// <summary>Where a window is in its life on one node; everything from <see cref="Thawed"/> on is final.</summary>
public enum WindowPhase
{
    /// <summary>Opening, verifying, flushing.</summary>
    Preparing,

    /// <summary>Ready to freeze; nothing is frozen.</summary>
    Prepared,

    /// <summary>The last flush and the freeze calls.</summary>
    Freezing,

    /// <summary>All freezable filesystems are frozen.</summary>
    Frozen,

    /// <summary>The thaw calls.</summary>
    Thawing,

    /// <summary>Ended by the caller, and it held.</summary>
    Thawed,

    /// <summary>Ended by the deadline.</summary>
    Expired,

    /// <summary>Was open, but did not hold, or did not end as it should.</summary>
    Broken,

    /// <summary>Never was open; whatever had been frozen was released.</summary>
    Failed,
}
