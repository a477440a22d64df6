using Quiesce.Freezing.Kernel;
using Quiesce.Freezing.Mounts;
using Quiesce.Freezing.Planning;
using Quiesce.Freezing.Reports;

namespace Quiesce.Freezing.Recovery;

/// <summary>
/// The thaw of the QEMU guest agent (<c>guest-fsfreeze-thaw</c>): reads the mount table anew, relies on nothing remembered, calls
/// <c>FITHAW</c> on each filesystem until it fails, and counts each that was frozen once. Whoever froze it, it is thawed.
/// </summary>
public static class UnconditionalThaw
{
    // Freezes nest only where device-mapper takes part, and never this deep.
    private const int MaximumDepth = 64;

    /// <summary>One filesystem to thaw.</summary>
    /// <param name="Path">Its mount point on the host, or the path asked for.</param>
    /// <param name="Mount">That mount's line in the mount table.</param>
    /// <param name="Others">Its other mounts, should the first one be hidden.</param>
    public sealed record Target(string Path, Mount Mount, IReadOnlyList<Mount> Others);

    /// <summary>The filesystems an order names, each superblock once; paths that name none are reported.</summary>
    public static (IReadOnlyList<Target> Targets, IReadOnlyList<FilesystemReport> Findings, Refusal? Refusal) Find(IKernel kernel, PlanOrder order)
    {
        if (kernel.ReadMountTable(out var text) is var error and not Errno.None)
            return ([], [], new Refusal(FreezeReason.MountTableUnreadable, $"the mount table /proc/self/mountinfo cannot be read: {error.Describe()}; check that /proc is mounted"));
        var table = MountTable.Parse(text);
        var targets = new Dictionary<DeviceNumber, Target>();
        var findings = new List<FilesystemReport>();
        foreach (var path in order.Paths)
        {
            var fault = HostPaths.Fault(path) is { } f ? (FreezeReason.InvalidPath, $"{path}: {f}; give the absolute path of a folder") : default;
            Mount? mount = null;
            if (fault == default && PathLookup.Open(kernel, table, path, out var descriptor, out var strayed) is var opened)
            {
                if (opened == Errno.None && kernel.Identify(descriptor, out var identity) == Errno.None) mount = table.Find(identity.MountId);
                kernel.Close(descriptor);
                if (mount is null)
                    fault = strayed is { } off ? (FreezeReason.InvalidPath, $"{path}: the link {off.Link} leads off the filesystem it lies on; give the path it leads to")
                        : opened is Errno.NotPermitted or Errno.AccessDenied
                        ? (FreezeReason.PermissionDenied, $"{path}: {opened.Describe()}; thawing needs root with CAP_SYS_ADMIN")
                        : (FreezeReason.PathNotFound, $"{path}: does not exist on this node; check the path and the node");
            }
            if (mount is null)
                findings.Add(new FilesystemReport { Path = path, State = FilesystemState.Failed, Reason = fault.Item1, Message = fault.Item2 });
            else
                Add(HostPaths.ToHost(order.HostRoot, mount.MountPoint) ?? path, mount);
        }
        if (order.AllFilesystems)
        {
            foreach (var mount in table.Mounts.OrderBy(m => m.Root == "/" ? 0 : 1).ThenBy(m => m.MountPoint.Length))
                if (!FilesystemTypes.CannotFreeze(mount.Type) && HostPaths.ToHost(order.HostRoot, mount.MountPoint) is { } path)
                    Add(path, mount);
        }
        // A lower filesystem first: the thaw of one whose loop file lies on a frozen one waits for that.
        var graph = new BackingGraph(kernel, table, order.HostRoot);
        var stages = FreezeStages.Order(targets.Keys, graph);
        return ([.. targets.Values.OrderByDescending(t => stages[t.Mount.Superblock])], findings, null);

        void Add(string path, Mount mount) => targets.TryAdd(mount.Superblock, new Target(path, mount, [.. table.Of(mount.Superblock).Where(m => m != mount)]));
    }

    /// <summary>Thaws one, through the first of its mounts that can be reached. Blocks as long as the kernel does.</summary>
    /// <returns><see cref="FilesystemState.Thawed"/> when it was frozen, <see cref="FilesystemState.Resolved"/> when it was not.</returns>
    public static FilesystemReport Thaw(IKernel kernel, string hostRoot, Target target)
    {
        var report = new FilesystemReport
        {
            Path = target.Path,
            Type = target.Mount.Type,
            Source = target.Mount.Source,
            Device = target.Mount.Superblock.ToString(),
        };
        var error = Open(kernel, target.Path, target.Mount, out var folder);
        foreach (var other in target.Others)
        {
            if (error == Errno.None) break;
            if (HostPaths.ToHost(hostRoot, other.MountPoint) is { } path && Open(kernel, path, other, out folder) == Errno.None) error = Errno.None;
        }
        var thaws = 0;
        if (error == Errno.None)
        {
            for (error = kernel.Thaw(folder); error == Errno.None; error = kernel.Thaw(folder))
            {
                report = report with { ReleasedAt = kernel.BootTime() };
                if (++thaws == MaximumDepth) break;
            }
            kernel.Close(folder);
        }
        return error switch
        {
            Errno.Invalid or Errno.NotSupported or Errno.NotTypewriter or Errno.None => report with
            {
                State = thaws > 0 ? FilesystemState.Thawed : FilesystemState.Resolved,
            },
            Errno.Stale or Errno.NotDirectory => report with
            {
                State = FilesystemState.Skipped,
                Reason = FreezeReason.IdentityChanged,
                Message = $"{target.Path}: cannot be reached by any path, other mounts hide it",
            },
            _ => report with
            {
                State = FilesystemState.Failed,
                Reason = error is Errno.NotPermitted or Errno.AccessDenied ? FreezeReason.PermissionDenied : FreezeReason.ThawFailed,
                Message = $"{target.Path}: thawing failed with {error.Describe()}",
            },
        };
    }

    // Hidden below another mount, or a file bind-mounted: the descriptor must stand on this very mount.
    private static Errno Open(IKernel kernel, string path, Mount mount, out Descriptor folder)
    {
        folder = Descriptor.None;
        var error = kernel.OpenPath(path, out var descriptor);
        if (error != Errno.None) return error;
        error = kernel.Identify(descriptor, out var identity);
        if (error == Errno.None && identity.MountId != mount.Id) error = Errno.Stale;
        if (error == Errno.None) error = kernel.OpenFolder(descriptor, out folder);
        kernel.Close(descriptor);
        return error;
    }
}
