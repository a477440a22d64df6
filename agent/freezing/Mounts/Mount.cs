using Quiesce.Freezing.Kernel;

namespace Quiesce.Freezing.Mounts;

/// <summary>One line of mountinfo (proc_pid_mountinfo(5)), its octal escapes undone.</summary>
/// <param name="Id">The mount's id; reused after an unmount, so never an identity alone.</param>
/// <param name="ParentId">The id of the mount this one lies on.</param>
/// <param name="Superblock">The superblock's device number: the key of everything here.</param>
/// <param name="Root">The folder of the filesystem that is mounted: <c>/</c>, a subvolume, or the source of a bind mount.</param>
/// <param name="MountPoint">Where it is mounted, seen from this process's root.</param>
/// <param name="Options">Options of this mount.</param>
/// <param name="Type">Filesystem type, subtype included, such as <c>fuse.sshfs</c>.</param>
/// <param name="Source">Filesystem-specific source, such as <c>/dev/sdb1</c>.</param>
/// <param name="SuperOptions">Options of the superblock.</param>
public sealed record Mount(
    ulong Id,
    ulong ParentId,
    DeviceNumber Superblock,
    string Root,
    string MountPoint,
    string Options,
    string Type,
    string Source,
    string SuperOptions)
{
    /// <summary>The value of a superblock option, such as <c>logdev</c>; null when it is not there.</summary>
    public string? SuperOption(string name)
    {
        foreach (var option in SuperOptions.Split(','))
            if (option.Length > name.Length && option[name.Length] == '=' && option.StartsWith(name, StringComparison.Ordinal))
                return option[(name.Length + 1)..];
        return null;
    }
}
