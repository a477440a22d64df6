using Quiesce.Freezing.Kernel;

namespace Quiesce.Freezing.Tests.Simulation;

internal enum NodeKind
{
    Folder,
    File,
    Fifo,
    Link,

    /// <summary>A link of /proc, which leads where no path does.</summary>
    MagicLink,
    BlockDevice,
}

/// <summary>A file of a simulated filesystem.</summary>
internal sealed class SimulatedNode(NodeKind kind, ulong inode, SimulatedNode? parent)
{
    internal NodeKind Kind { get; } = kind;

    internal ulong Inode { get; } = inode;

    /// <summary>Null for the root of a filesystem.</summary>
    internal SimulatedNode? Parent { get; } = parent;

    internal Dictionary<string, SimulatedNode> Children { get; } = [];

    /// <summary>Where a link leads.</summary>
    internal string Target { get; init; } = "";

    /// <summary>The number of a block device.</summary>
    internal DeviceNumber Device { get; init; }

    /// <summary>For the root of a btrfs subvolume, its id and its own <c>st_dev</c>.</summary>
    internal (ulong Id, DeviceNumber Device)? Subvolume { get; set; }

    /// <summary>The subvolume this file is in.</summary>
    internal (ulong Id, DeviceNumber Device)? NearestSubvolume => Subvolume ?? Parent?.NearestSubvolume;
}
