namespace Quiesce.Freezing.Kernel;

/// <summary>
/// Everything Quiesce asks of Linux on its way to a freeze. It is this small so that the core can be run on a simulated kernel in
/// every order of events; the same suite holds the simulation to the real one.
/// </summary>
/// <remarks>
/// Any thread may call any member. <see cref="OpenPath"/>, <see cref="OpenNoFollow"/>, <see cref="OpenFolder"/>, <see cref="MountDetached"/>, <see cref="Flush"/>, <see cref="Freeze"/> and
/// <see cref="Thaw"/> can block without end and cannot be cancelled, which is why they are called in a holder process only.
/// Paths are paths of the host: they are looked up below the host root the kernel was made with.
/// </remarks>
public interface IKernel
{
    /// <summary>Reads the mount table that belongs to the paths this process can open: <c>/proc/self/mountinfo</c>.</summary>
    Errno ReadMountTable(out string text);

    /// <summary>Looks a path up inside the host root (<c>openat2</c>, <c>RESOLVE_IN_ROOT</c>, <c>O_PATH</c>): links are followed, but never out of it.</summary>
    Errno OpenPath(string path, out Descriptor descriptor);

    /// <summary>
    /// Looks a path up as <see cref="OpenPath"/> does, but follows no link: <see cref="Errno.TooManyLinks"/> where a part before the last is one. Where the
    /// last part is one the descriptor stands on it, and <paramref name="link"/> is what it says; else that is null.
    /// </summary>
    Errno OpenNoFollow(string path, out Descriptor descriptor, out string? link);

    /// <summary>Opens the folder a path descriptor stands on, so that it can be frozen; an <c>O_PATH</c> descriptor cannot.</summary>
    Errno OpenFolder(Descriptor path, out Descriptor folder);

    /// <summary>
    /// Mounts a block device writable where nobody sees it (<c>fsopen</c>, <c>fsmount</c>) and opens its root: the only way to a filesystem that is frozen and
    /// mounted nowhere. Closing the folder unmounts it. A read-only mount would be refused where the superblock is writable. <see cref="Errno.Invalid"/>
    /// where no filesystem on the device is active, mounted or frozen: nothing is mounted then.
    /// </summary>
    Errno MountDetached(string type, DeviceNumber device, out Descriptor folder);

    /// <summary>Reads what a descriptor stands on.</summary>
    Errno Identify(Descriptor descriptor, out FileIdentity identity);

    /// <summary>Reads which filesystem a descriptor stands on.</summary>
    Errno IdentifyFilesystem(Descriptor descriptor, out FilesystemIdentity identity);

    /// <summary>Writes out what is dirty: <c>syncfs(2)</c>.</summary>
    Errno Flush(Descriptor folder);

    /// <summary><c>FIFREEZE</c>: <see cref="Errno.Busy"/> when frozen already, <see cref="Errno.NotSupported"/> when it cannot freeze.</summary>
    Errno Freeze(Descriptor folder);

    /// <summary><c>FITHAW</c>: <see cref="Errno.Invalid"/> when not frozen.</summary>
    Errno Thaw(Descriptor folder);

    /// <summary>Closes a descriptor.</summary>
    void Close(Descriptor descriptor);

    /// <summary>The block devices directly below a device or filesystem: slaves, the whole disk of a partition, members of a btrfs, the external journal of an ext4.</summary>
    IReadOnlyList<DeviceNumber> DevicesBelow(DeviceNumber device);

    /// <summary>For a loop device, the <c>st_dev</c> of the filesystem its file lies on; null for any other device, or when it cannot be told.</summary>
    DeviceNumber? LoopBacking(DeviceNumber device);

    /// <summary>For a loop device, the path of its file as the kernel tells it, which may lead elsewhere by now; null for any other device.</summary>
    string? LoopFile(DeviceNumber device);

    /// <summary>Whether this is a loop device.</summary>
    bool IsLoop(DeviceNumber device);

    /// <summary>The number of a block device named by path, such as an external log; null when there is none.</summary>
    DeviceNumber? DeviceOf(string path);

    /// <summary>Sectors (512 bytes) written to the device or devices of a superblock since boot; null where the kernel does not count.</summary>
    long? SectorsWritten(DeviceNumber device);

    /// <summary>Nanoseconds since boot, suspend included: <c>CLOCK_BOOTTIME</c>. Never steps.</summary>
    long BootTime();
}
