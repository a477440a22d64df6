using Quiesce.Freezing.Kernel;
using Quiesce.Freezing.Mounts;

namespace Quiesce.Freezing.Planning;

/// <summary>What lies below a filesystem: its block devices, what backs those, external logs, and the filesystems that loop files and the upper folders of overlays lie on.</summary>
/// <param name="kernel">Whom to ask.</param>
/// <param name="table">The mounts, as this process sees them.</param>
/// <param name="hostRoot">Where this process sees the host's root.</param>
public sealed class BackingGraph(IKernel kernel, MountTable table, string hostRoot)
{
    private readonly Dictionary<DeviceNumber, Backing> known = [];
    private Dictionary<DeviceNumber, DeviceNumber>? subvolumes;

    /// <summary>Everything below one superblock.</summary>
    /// <param name="Devices">Device numbers at any depth, without the superblock itself; those of filesystems are as in mountinfo.</param>
    /// <param name="Unknown">Those of them, or the superblock itself, of which could not be told what they lie on.</param>
    public sealed record Backing(IReadOnlySet<DeviceNumber> Devices, IReadOnlySet<DeviceNumber> Unknown)
    {
        /// <summary>False when something below could not be identified.</summary>
        public bool Complete => Unknown.Count == 0;
    }

    /// <summary>Walks down from a superblock; the answer is kept.</summary>
    public Backing Below(DeviceNumber superblock)
    {
        if (known.TryGetValue(superblock, out var answer)) return answer;
        var devices = new HashSet<DeviceNumber>();
        var unknown = new HashSet<DeviceNumber>();
        var todo = new Stack<DeviceNumber>([superblock]);
        while (todo.TryPop(out var device))
        {
            var complete = true;
            foreach (var below in DirectlyBelow(device, ref complete))
                if (below != superblock && devices.Add(below)) todo.Push(below);
            if (!complete) unknown.Add(device);
        }
        return known[superblock] = new Backing(devices, unknown);
    }

    /// <summary>
    /// Whether one superblock lies on another, or cannot be told not to: something below it lies on what could not be identified, and the other one is not known to lie on the same
    /// itself, or on the upper one, which nothing can that is below it.
    /// </summary>
    public bool MayLieOn(DeviceNumber upper, DeviceNumber lower) =>
        Below(upper).Devices.Contains(lower)
        || (!Below(lower).Devices.Contains(upper) && Below(upper).Unknown.Any(u => u != lower && !Below(lower).Devices.Contains(u)));

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
        // What is written to an overlay is written to its upper folder. Its path is one of whoever mounted it, and in a container within a container it leads nowhere.
        if (table.Of(device).FirstOrDefault(m => m.Type == "overlay")?.SuperOption("upperdir") is { } upper)
        {
            if (MountOf(upper, null) is { } carrier) below.Add(carrier.Superblock);
            else complete = false;
        }
        if (kernel.IsLoop(device))
        {
            if (kernel.LoopBacking(device) is { } file && SuperblockOf(file, device) is { } superblock) below.Add(superblock);
            else complete = false;
        }
        return below;
    }

    private Mount? MountOf(string path, DeviceNumber? stDev)
    {
        if (kernel.OpenPath(path, out var descriptor) != Errno.None) return null;
        var found = kernel.Identify(descriptor, out var identity) == Errno.None && (stDev ?? identity.Device) == identity.Device ? table.Find(identity.MountId) : null;
        kernel.Close(descriptor);
        return found;
    }

    // st_dev of a file is the superblock's number in mountinfo, except on btrfs, where each subvolume has its own.
    private DeviceNumber? SuperblockOf(DeviceNumber stDev, DeviceNumber loop)
    {
        // A device's own number is the superblock's, be it mounted only where others see it.
        if (stDev.Major != 0 || table.Mounts.Any(m => m.Superblock == stDev)) return stDev;
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
        if (subvolumes.TryGetValue(stDev, out var superblock)) return superblock;
        // A subvolume that is not mounted itself: the path of the file leads into it, or, where the file was removed, that of a folder it lay in.
        for (var path = kernel.LoopFile(loop); path is ['/', _, ..]; path = path[..path.LastIndexOf('/')])
            if (MountOf(path, stDev) is { } mount) return subvolumes[stDev] = mount.Superblock;
        return null;
    }
}
