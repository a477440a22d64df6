namespace Quiesce.Freezing.Planning;

/// <summary>What the mount table's type alone says about freezing.</summary>
public static class FilesystemTypes
{
    // Kinds whose driver has neither freeze_fs nor freeze_super (fs/ioctl.c, ioctl_fsfreeze). They are told apart before any open,
    // because opening a dead network filesystem or an automount point can wait without end.
    private static readonly HashSet<string> Virtual = new(StringComparer.Ordinal)
    {
        "autofs", "bdev", "binder", "binfmt_misc", "bpf", "cgroup", "cgroup2", "configfs", "cpuset", "debugfs", "devpts", "devtmpfs",
        "dma-buf", "efivarfs", "fusectl", "hugetlbfs", "mqueue", "nsfs", "pipefs", "proc", "pstore", "ramfs", "resctrl", "rootfs",
        "rpc_pipefs", "securityfs", "selinuxfs", "smackfs", "sockfs", "sysfs", "tmpfs", "tracefs", "overlay", "aufs", "erofs", "squashfs",
        "iso9660", "cramfs", "romfs", "udf",
    };

    private static readonly HashSet<string> Network = new(StringComparer.Ordinal)
    {
        "9p", "afs", "beegfs", "ceph", "cifs", "coda", "fuse", "fuseblk", "glusterfs", "lustre", "nfs", "nfs4", "nfsd", "ncpfs", "orangefs",
        "smb3", "smbfs", "virtiofs", "vboxsf", "vmhgfs",
    };

    /// <summary>A kind without a disk of its own: an all-filesystems request does not even list it.</summary>
    public static bool IsVirtual(string type) => Virtual.Contains(type);

    /// <summary>A kind that is known not to freeze. Others are tried, and <c>EOPNOTSUPP</c> tells.</summary>
    public static bool CannotFreeze(string type) =>
        Virtual.Contains(type) || Network.Contains(type) || type.StartsWith("fuse.", StringComparison.Ordinal);
}
