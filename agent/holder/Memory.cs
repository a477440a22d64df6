using Tmds.Linux;

namespace Quiesce.Holder;

/// <summary>The memory of a holder: small, and locked before anything is frozen, because paging it in could need the very disk that is frozen.</summary>
internal static class Memory
{
    // A report of one filesystem, its strings and its encoding, some times over; measured at under 2 KiB each.
    private const int ReserveForEach = 16 * 1024;
    private const int Reserve = 256 * 1024;

    /// <summary>
    /// Gives back what planning needed, takes in advance what holding and thawing will need, so that no allocation then has to ask the kernel for
    /// memory, and locks all of it, the program's own pages included. Without the right to lock, go on: it is still the smaller risk.
    /// </summary>
    internal static void Settle(int filesystems)
    {
        GC.Collect(2, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        _ = GC.TryStartNoGCRegion(Reserve + (filesystems * ReserveForEach));
        Lock();
    }

    /// <summary>Locks what is there and what comes.</summary>
    internal static void Lock() => _ = LibC.mlockall(LibC.MCL_CURRENT | LibC.MCL_FUTURE);
}
