using Quiesce.Freezing.Kernel;
using Quiesce.Freezing.Mounts;

namespace Quiesce.Freezing.Planning;

/// <summary>What lies below a filesystem: its block devices, what backs those, external logs, and the filesystems that loop files lie on.</summary>
/// <param name="kernel">Whom to ask.</param>
/// <param name="table">The mounts, as this process sees them.</param>
/// <param name="hostRoot">Where this process sees the host's root.</param>
public sealed class BackingGraph(IKernel kernel, MountTable table, string hostRoot)
{
    private readonly Dictionary<DeviceNumber, Backing> known = [];
    private Dictionary<DeviceNumber, DeviceNumber>? subvolumes;

    /// <summary>Everything below one superblock.</summary>
    /// <param name="Devices">Device numbers at any depth, without the superblock itself; those of filesystems are as in mountinfo.</param>
    /// <param name="Complete">False when something below could not be identified.</param>
    public sealed record Backing(IReadOnlySet<DeviceNumber> Devices, bool Complete);

    /// <summary>Walks down from a superblock; the answer is kept.</summary>
    public Backing Below(DeviceNumber superblock)
    {
        if (known.TryGetValue(superblock, out var answer)) return answer;
        var devices = new HashSet<DeviceNumber>();
        var complete = true;
        var todo = new Stack<DeviceNumber>([superblock]);
        while (todo.TryPop(out var device))
        {
            foreach (var below in DirectlyBelow(device, ref complete))
                if (below != superblock && devices.Add(below)) todo.Push(below);
        }
        return known[superblock] = new Backing(devices, complete);
    }

    private List<DeviceNumber> DirectlyBelow(DeviceNumber device, ref bool complete)
    {
        var below = new List<DeviceNumber>(kernel.DevicesBelow(device));
        foreach (var mount in table.Of(device))
        {
            // An external log is written during a freeze as well (XFS: logdev, rtdev; ext4: journal_path).
            foreach (var option in (string[])["logdev", "rtdev", "journal_path"])
                if (mount.SuperOption(option) is { } path)
                {
                    if (kernel.DeviceOf(path) is { } log) below.Add(log);
                    else complete = false;
                }
        }
        if (kernel.IsLoop(device))
        {
            if (kernel.LoopBacking(device) is { } file && SuperblockOf(file) is { } superblock) below.Add(superblock);
            else complete = false;
        }
        return below;
    }

    // st_dev of a file is the superblock's number in mountinfo, except on btrfs, where each subvolume has its own.
    private DeviceNumber? SuperblockOf(DeviceNumber stDev)
    {
        if (table.Mounts.Any(m => m.Superblock == stDev)) return stDev;
        if (subvolumes is null)
        {
            subvolumes = [];
            foreach (var mount in table.Mounts.Where(m => m.Type == "btrfs"))
            {
                if (HostPaths.ToHost(hostRoot, mount.MountPoint) is not { } path || kernel.OpenPath(path, out var descriptor) != Errno.None) continue;
                if (kernel.Identify(descriptor, out var identity) == Errno.None && identity.MountId == mount.Id)
                    subvolumes[identity.Device] = mount.Superblock;
                kernel.Close(descriptor);
            }
        }
        return subvolumes.TryGetValue(stDev, out var superblock) ? superblock : null;
    }
}
