namespace Quiesce.Freezing.Journals;

/// <summary>What the journal says of one superblock.</summary>
public enum JournalState
{
    /// <summary>Never touched.</summary>
    Free,

    /// <summary>Written before FIFREEZE: it may be frozen by us.</summary>
    Freezing,

    /// <summary>Written after FIFREEZE answered success.</summary>
    Held,

    /// <summary>Written before FITHAW: it may still be frozen by us.</summary>
    Thawing,

    /// <summary>Not frozen by us any more, or never was; the record carries the last result.</summary>
    Done,
}

/// <summary>One superblock in the journal.</summary>
/// <param name="State">How far it came.</param>
/// <param name="Result">The last result of a freeze or thaw call.</param>
/// <param name="Superblock">Its device number.</param>
/// <param name="Identity">What tells it from a later one on the same device number.</param>
/// <param name="Path">Its mount point on the host, for messages; cut at 236 bytes.</param>
public sealed record JournalRecord(
    JournalState State, Kernel.Errno Result, Kernel.DeviceNumber Superblock, Kernel.FilesystemIdentity Identity, string Path)
{
    /// <summary>The block device it can be mounted from, should no mount be left; <c>0:0</c> where none is known.</summary>
    public Kernel.DeviceNumber MountDevice { get; init; }

    /// <summary>Its type, such as <c>xfs</c>.</summary>
    public string Type { get; init; } = "";

    /// <summary>Whether a thaw is owed.</summary>
    public bool MayBeFrozen => State is JournalState.Freezing or JournalState.Held or JournalState.Thawing;

    /// <summary>
    /// Whether a thaw is owed at once though a call of the dead holder is still in the kernel. Only of FREEZING may that call be what freezes:
    /// before it has returned FITHAW answers that nothing is frozen, and what came of it would stay frozen.
    /// </summary>
    public bool IsOwedAtOnce => State is JournalState.Held or JournalState.Thawing;
}

/// <summary>Where a window notes what it is about to do and what it did, so that another process can finish it.</summary>
public interface IJournal
{
    /// <summary>Notes a step of one filesystem; it is seen by other processes when this returns. Does not block, allocate or fail.</summary>
    void Set(int index, JournalState state, Kernel.Errno result);
}
