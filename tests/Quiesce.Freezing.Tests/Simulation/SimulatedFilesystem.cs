using Quiesce.Freezing.Kernel;

namespace Quiesce.Freezing.Tests.Simulation;

/// <summary>Who froze. The kernel does not know; the tests must.</summary>
internal enum Freezer
{
    Nobody,

    /// <summary>The code under test.</summary>
    Caller,

    /// <summary>Another program.</summary>
    Stranger,
}

/// <summary>A superblock: one filesystem, however often it is mounted.</summary>
internal sealed class SimulatedFilesystem
{
    private ulong inodes = 1;
    private uint subvolumes;

    internal SimulatedFilesystem(string type, DeviceNumber superblock, string source)
    {
        Type = type;
        Superblock = superblock;
        Source = source;
        CanFreeze = type is "ext4" or "xfs" or "btrfs" or "newfs";
        Identity = new FilesystemIdentity((superblock.Major * 1_000_003UL) + (superblock.Minor * 7919UL), new Guid(superblock.Major, (ushort)superblock.Minor, 7, 1, 2, 3, 4, 5, 6, 7, 8));
        Root = new SimulatedNode(NodeKind.Folder, inodes++, null);
        if (type == "btrfs") Root.Subvolume = (5, SubvolumeDevice());
    }

    internal string Type { get; }

    /// <summary>The number in mountinfo.</summary>
    internal DeviceNumber Superblock { get; }

    internal string Source { get; }

    internal string SuperOptions { get; set; } = "rw";

    internal SimulatedNode Root { get; }

    internal bool CanFreeze { get; set; }

    internal Freezer FrozenBy { get; set; }

    /// <summary>How often FITHAW answers success once frozen; more than once only where freezes nest.</summary>
    internal int Depth { get; set; } = 1;

    internal long? SectorsWritten { get; set; } = 0;

    /// <summary>Of the whole filesystem; UUID empty as on a kernel before 6.9 when set so.</summary>
    internal FilesystemIdentity Identity { get; set; }

    /// <summary>As statfs(2) tells it: btrfs mixes the subvolume's id into <c>f_fsid</c> (fs/btrfs/super.c, btrfs_statfs).</summary>
    internal FilesystemIdentity IdentityAt(SimulatedNode node) =>
        Identity with { FsId = Identity.FsId ^ (node.NearestSubvolume?.Id ?? 0) };

    /// <summary>Makes a file and the folders that lead to it; gives the one that is there, if one is.</summary>
    internal SimulatedNode Add(string path, NodeKind kind = NodeKind.Folder, string target = "", DeviceNumber device = default)
    {
        var parts = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        var node = Root;
        for (var i = 0; i < parts.Length; i++)
        {
            if (!node.Children.TryGetValue(parts[i], out var child))
                node.Children[parts[i]] = child = i < parts.Length - 1
                    ? new SimulatedNode(NodeKind.Folder, inodes++, node)
                    : new SimulatedNode(kind, inodes++, node) { Target = target, Device = device };
            node = child;
        }
        return node;
    }

    /// <summary>Makes a subvolume, with a <c>st_dev</c> of its own.</summary>
    internal SimulatedNode AddSubvolume(string path)
    {
        var node = Add(path);
        node.Subvolume = (256 + subvolumes, SubvolumeDevice());
        return node;
    }

    internal DeviceNumber DeviceOf(SimulatedNode node) => node.NearestSubvolume?.Device ?? Superblock;

    // Anonymous numbers, as the kernel takes them for each subvolume; never the superblock's own.
    private DeviceNumber SubvolumeDevice() => new(0, (Superblock.Minor * 100) + 500 + subvolumes++);
}
