namespace Quiesce.Freezing.Kernel;

/// <summary>An open file descriptor. A plain number on purpose: the holder owns each for its whole life and gives it back to the kernel by dying.</summary>
public readonly record struct Descriptor(int Number)
{
    /// <summary>No descriptor.</summary>
    public static Descriptor None { get; } = new(-1);

    /// <summary>Whether it names one.</summary>
    public bool IsOpen => Number >= 0;
}

/// <summary>What a descriptor stands on, read from the descriptor itself.</summary>
/// <param name="MountId">The mount's id, as in the first field of mountinfo; it stays valid as long as the descriptor is open.</param>
/// <param name="IsDirectory">Whether it is a folder.</param>
/// <param name="Device"><c>st_dev</c>; for btrfs the subvolume's, not the superblock's.</param>
/// <param name="Inode">The inode number.</param>
public readonly record struct FileIdentity(ulong MountId, bool IsDirectory, DeviceNumber Device, ulong Inode);

/// <summary>What tells one filesystem from another that is mounted later on the same device number.</summary>
/// <param name="FsId"><c>f_fsid</c> of statfs(2).</param>
/// <param name="Uuid">The filesystem's UUID by <c>FS_IOC_GETFSUUID</c> (Linux 6.9), of a btrfs by its own call; empty where the kernel does not tell.</param>
public readonly record struct FilesystemIdentity(ulong FsId, Guid Uuid)
{
    /// <summary>Whether both are of one filesystem. The UUID decides where both have one: btrfs mixes the subvolume into <c>f_fsid</c>.</summary>
    public bool IsSame(FilesystemIdentity other) =>
        Uuid != Guid.Empty && other.Uuid != Guid.Empty ? Uuid == other.Uuid : FsId == other.FsId;
}
