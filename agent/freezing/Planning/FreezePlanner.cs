using Quiesce.Freezing.Kernel;
using Quiesce.Freezing.Mounts;
using Quiesce.Freezing.Reports;

namespace Quiesce.Freezing.Planning;

/// <summary>Resolves an order to filesystems that are open, verified and in order. Freezes nothing; can block in the opens.</summary>
/// <remarks>
/// Each path is looked up once, without following it out of the host root, nor by a link in a volume off that volume (<see cref="PathLookup"/>); the mount table then says which superblock the opened
/// descriptor stands on, protection is decided by that superblock, and only then the folder is opened, through the same
/// descriptor, and its mount compared once more, at last with a table read after all opens. Nothing is ever looked up a second time by name: with the mount gone in between,
/// the folder left behind would lie on the parent filesystem, and freezing it would freeze that one.
/// </remarks>
public sealed class FreezePlanner
{
    /// <summary>The most filesystems one window holds on one node: their descriptors go to the agent in one message, which takes 253.</summary>
    public const int MaximumFilesystems = 200;

    private readonly IKernel kernel;
    private readonly PlanOrder order;
    private readonly MountTable table;
    private readonly BackingGraph graph;
    private readonly IReadOnlyDictionary<DeviceNumber, string> protectedBecause;
    private readonly List<FilesystemReport> findings = [];
    private readonly Dictionary<DeviceNumber, PlannedFilesystem> planned = [];
    private readonly HashSet<DeviceNumber> settled = [];
    private Refusal? refusal;

    private FreezePlanner(
        IKernel kernel, PlanOrder order, MountTable table, BackingGraph graph, IReadOnlyDictionary<DeviceNumber, string> protectedBecause)
    {
        this.kernel = kernel;
        this.order = order;
        this.table = table;
        this.graph = graph;
        this.protectedBecause = protectedBecause;
    }

    /// <summary>Resolves an order. With a refusal in the answer, no descriptor is left open.</summary>
    public static FreezePlan Plan(IKernel kernel, PlanOrder order)
    {
        if (order.Paths.Count == 0 && order.Volumes.Count == 0 && !order.AllFilesystems)
            return new FreezePlan { Refusal = new Refusal(FreezeReason.NothingToFreeze, "no path was given; name at least one folder") };
        using var guarded = ProtectedFilesystems.Open(kernel, order);
        var error = MountTable.Read(kernel, out var table);
        if (error != Errno.None) return Unreadable($"reading it failed with {error.Describe()}");
        if (table.Mounts.Count == 0) return Unreadable("no line of it is of the documented form");
        var graph = new BackingGraph(kernel, table, order.HostRoot);
        var (why, refused) = guarded.Find(table, graph);
        return refused is not null
            ? new FreezePlan { Refusal = refused }
            : new FreezePlanner(kernel, order, table, graph, why).Run();

        static FreezePlan Unreadable(string detail) => new()
        {
            Refusal = new Refusal(FreezeReason.MountTableUnreadable,
                $"the mount table /proc/self/mountinfo cannot be used: {detail}; nothing is frozen without it, check that /proc is mounted"),
        };
    }

    private FreezePlan Run()
    {
        foreach (var path in order.Paths) AddPath(path);
        foreach (var volume in order.Volumes) AddVolume(volume);
        if (order.AllFilesystems) AddAll();
        Verify();
        if (planned.Count > MaximumFilesystems)
            Refuse(FreezeReason.TooManyFilesystems,
                $"{planned.Count} filesystems are more than the {MaximumFilesystems} one window can hold on a node; split the request");
        if (planned.Count == 0)
            Refuse(FreezeReason.NothingToFreeze, findings.Count == 0
                ? "no filesystem on this node can be frozen"
                : $"nothing can be frozen: {findings[0].Message}");

        if (refusal is not null)
        {
            foreach (var filesystem in planned.Values) kernel.Close(filesystem.Folder);
            var untouched = planned.Values.Select(f => Report(f, FilesystemState.Resolved));
            return new FreezePlan { Findings = [.. findings, .. untouched], Refusal = refusal };
        }

        var stages = FreezeStages.Order(planned.Keys, graph);
        return new FreezePlan
        {
            Filesystems = [.. planned.Values.Select(f => f with { Stage = stages[f.Superblock] }).OrderBy(f => f.Stage).ThenBy(f => f.Path, StringComparer.Ordinal)],
            Findings = findings,
            Backing = graph,
        };
    }

    private void AddPath(string path)
    {
        if (HostPaths.Fault(path) is { } fault)
        {
            Reject(path, null, FilesystemState.Failed, FreezeReason.InvalidPath, $"{path}: {fault}; give the absolute path of a folder");
            return;
        }
        var error = PathLookup.Open(kernel, table, path, out var opened, out var strayed);
        var (finding, mount, descriptor) = strayed is { } off ? (Strayed(path, off.Link, off.Mount), null, Descriptor.None) : Judge(path, error, opened);
        if (finding is not null)
        {
            Reject(path, mount, FilesystemState.Failed, finding.Reason, finding.Message);
            return;
        }
        Take(mount!, HostPaths.ToHost(order.HostRoot, mount!.MountPoint) ?? path, descriptor, asked: path);
        kernel.Close(descriptor);
    }

    private void AddVolume(VolumeTarget volume)
    {
        var path = $"{volume.Root.TrimEnd('/')}/{volume.Folder}";
        if (HostPaths.Fault(path) is { } fault)
        {
            Reject(path, null, FilesystemState.Failed, FreezeReason.InvalidPath, $"{volume.Name}: {path}: {fault}");
            return;
        }
        var (finding, mount, descriptor) = Look(path);
        if (finding is { Reason: FreezeReason.PathNotFound }) finding = NotMounted();
        // The root may be reached through links; what follows it is made of names that kubelet made, and the mount has to be there and nowhere above.
        var hostPath = mount is null ? null : HostPaths.ToHost(order.HostRoot, mount.MountPoint);
        if (finding is null && hostPath?.EndsWith($"/{volume.Folder}", StringComparison.Ordinal) is not true)
        {
            finding = NotMounted();
            mount = null;
            kernel.Close(descriptor);
        }
        if (finding is null && !volume.MayBeShared && !FilesystemTypes.CannotFreeze(mount!.Type)
            && volume.Foreign(table.Of(mount.Superblock), hostPath![..^(volume.Folder.Length + 1)], point => HostPaths.ToHost(order.HostRoot, point)) is { } foreign)
        {
            finding = Shared(volume, mount, foreign);
            kernel.Close(descriptor);
        }
        if (finding is not null)
        {
            Reject(path, mount, finding.Reason == FreezeReason.SharedFilesystem ? FilesystemState.Refused : FilesystemState.Failed, finding.Reason, finding.Message);
            return;
        }
        Take(mount!, hostPath!, descriptor, asked: path);
        kernel.Close(descriptor);

        Refusal NotMounted() => new(FreezeReason.VolumeNotMounted, $"{volume.Name}: not mounted at {path}; its pod has not started there yet, or is gone");
    }

    private Refusal Shared(VolumeTarget volume, Mount mount, Mount foreign)
    {
        var where = HostPaths.ToHost(order.HostRoot, foreign.MountPoint) ?? foreign.MountPoint;
        var what = foreign.Id == mount.Id || foreign.Root != "/" ? $"only its folder {foreign.Root} is mounted at {where}" : $"it is mounted at {where} as well";
        return new(FreezeReason.SharedFilesystem,
            $"{volume.Name}: its {mount.Type} filesystem {mount.Source} ({mount.Superblock}) is not that volume's alone: {what}; freezing it would stop others too");
    }

    private void AddAll()
    {
        foreach (var group in table.Mounts.GroupBy(m => m.Superblock))
        {
            var first = group.First();
            if (settled.Contains(group.Key) || FilesystemTypes.IsVirtual(first.Type)) continue;
            var candidates = group
                .Select(m => (Mount: m, HostPath: HostPaths.ToHost(order.HostRoot, m.MountPoint)))
                .Where(m => m.HostPath is not null)
                .OrderBy(m => m.Mount.Root == "/" ? 0 : 1).ThenBy(m => m.HostPath!.Length).ToList();
            if (candidates.Count == 0) continue; // mounted for this container alone, such as /etc/hosts
            var reached = false;
            Refusal? last = null;
            foreach (var (mount, hostPath) in candidates)
            {
                if (FilesystemTypes.CannotFreeze(mount.Type) || protectedBecause.ContainsKey(mount.Superblock))
                {
                    Take(mount, hostPath!, Descriptor.None, asked: null); // settled by the table alone, nothing is opened
                    reached = true;
                    break;
                }
                var (finding, found, descriptor) = Look(hostPath!);
                if (finding is null && found!.Id == mount.Id)
                {
                    Take(mount, hostPath!, descriptor, asked: null);
                    reached = true;
                }
                last = finding ?? last;
                kernel.Close(descriptor);
                if (reached) break;
            }
            if (reached) continue;
            var path = candidates[0].HostPath!;
            if (last is null)
                findings.Add(Found(path, first, FilesystemState.Skipped, FreezeReason.IdentityChanged, $"{path}: hidden below another mount; it cannot be reached by any path"));
            else
                Reject(path, first, FilesystemState.Failed, last.Reason, last.Message);
        }
    }

    // Opens a path that names a mount of the table or of kubelet, and tells which mount it is on; nothing is decided yet. Where its links lead does not
    // matter: the mount found must be the one that was meant.
    private (Refusal? Finding, Mount? Mount, Descriptor Descriptor) Look(string path)
    {
        var error = kernel.OpenPath(path, out var descriptor);
        return Judge(path, error, descriptor);
    }

    private (Refusal? Finding, Mount? Mount, Descriptor Descriptor) Judge(string path, Errno error, Descriptor descriptor)
    {
        if (error != Errno.None) return (CannotOpen(path, error), null, Descriptor.None);
        error = kernel.Identify(descriptor, out var identity);
        var mount = error == Errno.None ? table.Find(identity.MountId) : null;
        Refusal? finding = null;
        if (error != Errno.None) finding = CannotOpen(path, error);
        else if (mount is null)
            finding = new Refusal(FreezeReason.IdentityChanged, $"{path}: its mount (id {identity.MountId}) is not in the mount table; it was mounted or unmounted just now, try again");
        else if (!identity.IsDirectory)
            finding = new Refusal(FreezeReason.NotADirectory, $"{path}: not a folder; give a folder of the filesystem to freeze");
        if (finding is null) return (null, mount, descriptor);
        kernel.Close(descriptor);
        return (finding, mount, Descriptor.None);
    }

    // asked is the path of the request that led here; null for one of all filesystems, where a refusal is only noted.
    private void Take(Mount mount, string hostPath, Descriptor path, string? asked)
    {
        if (!settled.Add(mount.Superblock))
        {
            // The same superblock by another path: once is enough, but a refusal that was only noted now counts.
            if (asked is not null && findings.Find(f => f.Device == mount.Superblock.ToString() && f.State == FilesystemState.Refused) is { } refused)
                Refuse(refused.Reason!, refused.Message!);
            return;
        }
        if (protectedBecause.TryGetValue(mount.Superblock, out var why))
        {
            var where = asked is null || asked == hostPath ? $"{hostPath}: the" : $"{asked}: lies on {hostPath}, whose";
            var message = $"{where} {mount.Type} filesystem {mount.Source} ({mount.Superblock}) is protected: {why}; choose another path, or have an administrator allow it";
            findings.Add(Found(hostPath, mount, FilesystemState.Refused, FreezeReason.ProtectedFilesystem, message));
            if (asked is not null) Refuse(FreezeReason.ProtectedFilesystem, message);
            return;
        }
        if (FilesystemTypes.CannotFreeze(mount.Type))
        {
            Unsupported(hostPath, mount);
            return;
        }
        Open(mount, hostPath, path);
    }

    private void Open(Mount mount, string hostPath, Descriptor path)
    {
        var error = kernel.OpenFolder(path, out var folder);
        if (error != Errno.None)
        {
            var finding = CannotOpen(hostPath, error);
            Reject(hostPath, mount, FilesystemState.Failed, finding.Reason, finding.Message);
            return;
        }
        error = kernel.Identify(folder, out var identity);
        FilesystemIdentity filesystem = default;
        if (error == Errno.None && identity.MountId == mount.Id) error = kernel.IdentifyFilesystem(folder, out filesystem);
        if (error != Errno.None || identity.MountId != mount.Id)
        {
            kernel.Close(folder);
            Reject(hostPath, mount, FilesystemState.Failed, FreezeReason.IdentityChanged,
                $"{hostPath}: what was opened is not the mount that was resolved (mount {mount.Id} of {mount.Superblock}); it was left alone, try again");
            return;
        }
        var one = new PlannedFilesystem(hostPath, mount.Type, mount.Source, mount.Superblock, filesystem, folder, Stage: 0);
        planned.Add(mount.Superblock, one.MountDevice != default || kernel.DevicesBelow(mount.Superblock) is not [var member, ..] ? one : one with { MountDevice = member });
    }

    // The table was read before the opens, and the kernel gives a mount's id to the next one as soon as it is free: another mount may have taken the
    // place and the id of the one that was resolved. An open descriptor keeps its mount's id, so what the table says of it now is true.
    private void Verify()
    {
        if (planned.Count == 0) return;
        var error = MountTable.Read(kernel, out var now);
        foreach (var filesystem in planned.Values.ToList())
        {
            if (error == Errno.None && kernel.Identify(filesystem.Folder, out var identity) == Errno.None && now.Find(identity.MountId)?.Superblock == filesystem.Superblock)
                continue;
            kernel.Close(filesystem.Folder);
            _ = planned.Remove(filesystem.Superblock);
            var message = error == Errno.None
                ? $"{filesystem.Path}: the mount that was opened is not the {filesystem.Type} filesystem {filesystem.Source} ({filesystem.Superblock}) any more; it was left alone, try again"
                : $"{filesystem.Path}: cannot be verified, reading the mount table failed with {error.Describe()}";
            findings.Add(Report(filesystem, FilesystemState.Failed) with { Reason = FreezeReason.IdentityChanged, Message = message });
            Refuse(FreezeReason.IdentityChanged, message);
        }
    }

    private void Unsupported(string hostPath, Mount mount)
    {
        var message = $"{hostPath}: {mount.Type} cannot freeze";
        if (order.FailUnsupported)
            Reject(hostPath, mount, FilesystemState.Failed, FreezeReason.FreezeNotSupported, $"{message}, and the request says that this is a failure; leave the path out or allow skipping");
        else
            findings.Add(Found(hostPath, mount, FilesystemState.Skipped, FreezeReason.FreezeNotSupported, $"{message}; it was left out"));
    }

    private void Reject(string path, Mount? mount, FilesystemState state, string reason, string message)
    {
        findings.Add(Found(path, mount, state, reason, message));
        Refuse(reason, message);
    }

    private void Refuse(string reason, string message) => refusal ??= new Refusal(reason, message);

    private Refusal Strayed(string path, string link, Mount mount) => new(FreezeReason.InvalidPath,
        $"{path}: the link {link} lies on the {mount.Type} filesystem {mount.Source} ({mount.Superblock}, mounted at {HostPaths.ToHost(order.HostRoot, mount.MountPoint) ?? mount.MountPoint}) and leads off it, which may not be its owner's to decide; give the path it leads to");

    private static Refusal CannotOpen(string path, Errno error) => error switch
    {
        Errno.NoEntry => new Refusal(FreezeReason.PathNotFound, $"{path}: does not exist on this node; check the path and the node"),
        Errno.NotDirectory => new Refusal(FreezeReason.NotADirectory, $"{path}: a part of the path is not a folder; give a folder of the filesystem to freeze"),
        Errno.NotPermitted or Errno.AccessDenied => new Refusal(FreezeReason.PermissionDenied, $"{path}: {error.Describe()}; freezing needs root with CAP_SYS_ADMIN"),
        Errno.TooManyLinks => new Refusal(FreezeReason.InvalidPath, $"{path}: too many links, or a link of /proc; give the path they lead to"),
        Errno.NameTooLong => new Refusal(FreezeReason.InvalidPath, $"{path}: {error.Describe()}"),
        _ => new Refusal(FreezeReason.PathNotFound, $"{path}: cannot be opened: {error.Describe()}"),
    };

    private static FilesystemReport Found(string path, Mount? mount, FilesystemState state, string reason, string message) => new()
    {
        Path = path,
        State = state,
        Reason = reason,
        Message = message,
        Type = mount?.Type,
        Source = mount?.Source,
        Device = mount?.Superblock.ToString(),
    };

    private static FilesystemReport Report(PlannedFilesystem filesystem, FilesystemState state) => new()
    {
        Path = filesystem.Path,
        State = state,
        Type = filesystem.Type,
        Source = filesystem.Source,
        Device = filesystem.Superblock.ToString(),
    };
}
