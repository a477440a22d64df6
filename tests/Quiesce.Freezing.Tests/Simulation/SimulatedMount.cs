namespace Quiesce.Freezing.Tests.Simulation;

/// <summary>A mount: a folder of a filesystem, laid over a folder of another mount.</summary>
internal sealed class SimulatedMount(ulong id, SimulatedFilesystem filesystem, SimulatedNode root, string rootPath, string mountPoint, SimulatedPlace? on)
{
    internal ulong Id { get; } = id;

    internal SimulatedFilesystem Filesystem { get; } = filesystem;

    /// <summary>The folder or file of the filesystem that is mounted.</summary>
    internal SimulatedNode Root { get; } = root;

    internal string RootPath { get; } = rootPath;

    /// <summary>As the process sees it.</summary>
    internal string MountPoint { get; } = mountPoint;

    /// <summary>What it lies over; null for the process's root.</summary>
    internal SimulatedPlace? On { get; } = on;

    /// <summary>False once it was unmounted; descriptors may still stand on it.</summary>
    internal bool Attached { get; set; } = true;
}

/// <summary>A file seen through a mount.</summary>
internal readonly record struct SimulatedPlace(SimulatedMount Mount, SimulatedNode Node);
