using Quiesce.Freezing.Kernel;

namespace Quiesce.Freezing.Tests.Simulation;

/// <summary>
/// A kernel in memory: superblocks, mounts, paths, descriptors and block devices, answering as Linux does. The contract suite holds it to the
/// real one. What a test adds: errors at any call, other programs at any point, a clock it sets, and a log.
/// </summary>
/// <remarks>One thread at a time.</remarks>
internal sealed class SimulatedKernel : IKernel
{
    private readonly record struct OpenFile(SimulatedPlace Place, bool PathOnly);

    private readonly record struct Fault(CallKind Kind, Func<KernelCall, bool> When, Errno Answer, int[] Left);

    private readonly Dictionary<int, OpenFile> descriptors = [];
    private readonly List<Fault> faults = [];
    private readonly List<SimulatedFilesystem> filesystems = [];
    private SimulatedPlace? hostRoot;

    internal SimulatedKernel()
    {
        Mounts.IsPinned = id => descriptors.Values.Any(d => d.Place.Mount.Id == id);
        Root = new SimulatedFilesystem("ext4", new DeviceNumber(8, 1), "/dev/sda1");
        _ = Mounts.Mount(Root, "/");
        Devices[new DeviceNumber(8, 1)] = new SimulatedDevice { Below = [new DeviceNumber(8, 0)] };
    }

    /// <summary>The filesystem mounted at <c>/</c>.</summary>
    internal SimulatedFilesystem Root { get; }

    internal MountTree Mounts { get; } = new();

    internal Dictionary<DeviceNumber, SimulatedDevice> Devices { get; } = [];

    /// <summary>Nanoseconds since boot; only the test moves it.</summary>
    internal long Now { get; set; } = 1_000_000_000;

    /// <summary>The mount table's text instead of the true one.</summary>
    internal string? MountTableText { get; set; }

    /// <summary>Called as a call enters and as it returns, with whatever another program does meanwhile; may throw to kill the caller.</summary>
    internal Action<KernelCall>? Before { get; set; }

    internal Action<AnsweredCall>? After { get; set; }

    /// <summary>Every call since the start; null to keep none.</summary>
    internal List<AnsweredCall>? Log { get; set; } = [];

    /// <summary>Descriptors that nobody has closed.</summary>
    internal IReadOnlyCollection<int> OpenDescriptors => descriptors.Keys;

    /// <summary>Closes of what was not open: a program that does it may close what another thread has just opened.</summary>
    internal int FalseCloses { get; private set; }

    /// <summary>Sets the folder that host paths are looked up in, as <see cref="LinuxKernel.Open"/> does.</summary>
    internal void SetHostRoot(string path)
    {
        Assert.Equal(Errno.None, Mounts.Walk(Mounts.ProcessRoot, path, out var place));
        hostRoot = place;
    }

    /// <summary>Makes calls of one kind fail.</summary>
    internal void Fail(CallKind kind, Errno answer, Func<KernelCall, bool>? when = null, int times = int.MaxValue) =>
        faults.Add(new Fault(kind, when ?? (_ => true), answer, [times]));

    /// <summary>Makes a filesystem with its device and mounts it.</summary>
    internal SimulatedFilesystem AddFilesystem(string type, DeviceNumber superblock, string source, string mountPoint)
    {
        var filesystem = new SimulatedFilesystem(type, superblock, source);
        _ = Mounts.Mount(filesystem, mountPoint);
        filesystems.Add(filesystem);
        return filesystem;
    }

    /// <summary>umount(2): busy while a descriptor stands on it, unless lazy.</summary>
    internal Errno Unmount(SimulatedMount mount, bool lazy = false)
    {
        if (!lazy && (descriptors.Values.Any(d => d.Place.Mount == mount) || Mounts.Attached.Any(m => m.On?.Mount == mount))) return Errno.Busy;
        Mounts.Detach(mount);
        return Errno.None;
    }

    /// <summary>FIFREEZE by another program.</summary>
    internal static Errno FreezeAsStranger(SimulatedFilesystem filesystem) => Freeze(filesystem, Freezer.Stranger);

    /// <summary>FITHAW by another program.</summary>
    internal static Errno ThawAsStranger(SimulatedFilesystem filesystem) => Thaw(filesystem);

    public Errno ReadMountTable(out string text)
    {
        text = "";
        if (Enter(CallKind.ReadMountTable) is var error and not Errno.None) return Leave(CallKind.ReadMountTable, error);
        text = MountTableText ?? Mounts.Table();
        return Leave(CallKind.ReadMountTable, Errno.None);
    }

    public Errno OpenPath(string path, out Descriptor descriptor)
    {
        descriptor = Descriptor.None;
        var error = Enter(CallKind.OpenPath, path);
        if (error == Errno.None) error = Walk(path, out var place) is var walked and not Errno.None ? walked : Open(place, pathOnly: true, out descriptor);
        return Leave(CallKind.OpenPath, error, path);
    }

    public Errno OpenNoFollow(string path, out Descriptor descriptor, out string? link)
    {
        (descriptor, link) = (Descriptor.None, null);
        var error = Enter(CallKind.OpenPath, path);
        if (error == Errno.None) error = Mounts.Walk(hostRoot ?? Mounts.ProcessRoot, path, out var place, follow: false) is var walked and not Errno.None ? walked : Open(place, pathOnly: true, out descriptor);
        if (error == Errno.None && descriptors[descriptor.Number].Place.Node is { Kind: NodeKind.Link or NodeKind.MagicLink } node) link = node.Target;
        return Leave(CallKind.OpenPath, error, path);
    }

    public Errno OpenFolder(Descriptor path, out Descriptor folder)
    {
        folder = Descriptor.None;
        var error = Enter(CallKind.OpenFolder, path, out var file);
        if (error == Errno.None) error = file.Place.Node.Kind != NodeKind.Folder ? Errno.NotDirectory : Open(file.Place, pathOnly: false, out folder);
        return Leave(CallKind.OpenFolder, error, file);
    }

    public Errno MountDetached(string type, DeviceNumber device, out Descriptor folder)
    {
        folder = Descriptor.None;
        var path = device.ToString();
        if (Enter(CallKind.MountDetached, path) is var error and not Errno.None) return Leave(CallKind.MountDetached, error, path);
        if (!Devices.ContainsKey(device)) return Leave(CallKind.MountDetached, Errno.NoDevice, path);
        var filesystem = filesystems.Find(f => f.Superblock == device || (Devices.TryGetValue(f.Superblock, out var d) && d.Below.Contains(device)));
        if (filesystem is null || !IsActive(filesystem)) return Leave(CallKind.MountDetached, Errno.Invalid, path);
        if (filesystem.Type != type) return Leave(CallKind.MountDetached, Errno.Busy, path);
        return Leave(CallKind.MountDetached, Open(Mounts.Unattached(filesystem), pathOnly: false, out folder), path);
    }

    public Errno Identify(Descriptor descriptor, out FileIdentity identity)
    {
        identity = default;
        var error = Enter(CallKind.Identify, descriptor, out var file);
        if (error == Errno.None)
            identity = new FileIdentity(
                file.Place.Mount.Id, file.Place.Node.Kind == NodeKind.Folder, file.Place.Mount.Filesystem.DeviceOf(file.Place.Node), file.Place.Node.Inode);
        return Leave(CallKind.Identify, error, file);
    }

    public Errno IdentifyFilesystem(Descriptor descriptor, out FilesystemIdentity identity)
    {
        identity = default;
        var error = Enter(CallKind.IdentifyFilesystem, descriptor, out var file);
        if (error == Errno.None) identity = file.Place.Mount.Filesystem.IdentityAt(file.Place.Node);
        return Leave(CallKind.IdentifyFilesystem, error, file);
    }

    public Errno Flush(Descriptor folder)
    {
        var error = Enter(CallKind.Flush, folder, out var file);
        return Leave(CallKind.Flush, error == Errno.None && file.PathOnly ? Errno.BadDescriptor : error, file);
    }

    public Errno Freeze(Descriptor folder)
    {
        var error = Enter(CallKind.Freeze, folder, out var file);
        if (error == Errno.None) error = file.PathOnly ? Errno.BadDescriptor : Freeze(file.Place.Mount.Filesystem, Freezer.Caller);
        return Leave(CallKind.Freeze, error, file);
    }

    public Errno Thaw(Descriptor folder)
    {
        var error = Enter(CallKind.Thaw, folder, out var file);
        if (error == Errno.None) error = file.PathOnly ? Errno.BadDescriptor : Thaw(file.Place.Mount.Filesystem);
        return Leave(CallKind.Thaw, error, file);
    }

    public void Close(Descriptor descriptor)
    {
        if (!descriptor.IsOpen) return;
        _ = Enter(CallKind.Close, descriptor, out var file);
        if (!descriptors.Remove(descriptor.Number)) FalseCloses++;
        _ = Leave(CallKind.Close, Errno.None, file);
    }

    public IReadOnlyList<DeviceNumber> DevicesBelow(DeviceNumber device)
    {
        _ = Enter(CallKind.DevicesBelow, device.ToString());
        return Devices.TryGetValue(device, out var d) ? d.Below : [];
    }

    public DeviceNumber? LoopBacking(DeviceNumber device)
    {
        var error = Enter(CallKind.LoopBacking, device.ToString());
        return error == Errno.None && Devices.TryGetValue(device, out var d) && d.IsLoop ? d.LoopFileOn : null;
    }

    public string? LoopFile(DeviceNumber device) => Devices.TryGetValue(device, out var d) ? d.LoopFile : null;

    public bool IsLoop(DeviceNumber device)
    {
        _ = Enter(CallKind.IsLoop, device.ToString());
        return Devices.TryGetValue(device, out var d) && d.IsLoop;
    }

    public DeviceNumber? DeviceOf(string path)
    {
        if (Enter(CallKind.DeviceOf, path) != Errno.None || Walk(path, out var place) != Errno.None) return null;
        return place.Node.Kind == NodeKind.BlockDevice ? place.Node.Device : null;
    }

    public long? SectorsWritten(DeviceNumber device)
    {
        _ = Enter(CallKind.SectorsWritten);
        return Counted?.Invoke(device) ?? Mounts.Attached.Select(m => m.Filesystem).FirstOrDefault(f => f.Superblock == device)?.SectorsWritten;
    }

    /// <summary>Where write counts come from instead of a search through the mounts.</summary>
    internal Func<DeviceNumber, long?>? Counted { get; set; }

    public long BootTime() => Now;

    private static Errno Freeze(SimulatedFilesystem filesystem, Freezer who)
    {
        if (!filesystem.CanFreeze) return Errno.NotSupported;
        if (filesystem.FrozenBy != Freezer.Nobody) return Errno.Busy;
        filesystem.FrozenBy = who;
        return Errno.None;
    }

    private static Errno Thaw(SimulatedFilesystem filesystem)
    {
        if (filesystem.FrozenBy == Freezer.Nobody) return Errno.Invalid;
        if (filesystem.Depth > 1) filesystem.Depth--;
        else filesystem.FrozenBy = Freezer.Nobody;
        return Errno.None;
    }

    // Mounted, frozen, or kept by a descriptor behind a lazy unmount.
    private bool IsActive(SimulatedFilesystem filesystem) =>
        filesystem.FrozenBy != Freezer.Nobody || Mounts.Attached.Any(m => m.Filesystem == filesystem) || descriptors.Values.Any(d => d.Place.Mount.Filesystem == filesystem);

    private Errno Walk(string path, out SimulatedPlace place) => Mounts.Walk(hostRoot ?? Mounts.ProcessRoot, path, out place);

    private Errno Open(SimulatedPlace place, bool pathOnly, out Descriptor descriptor)
    {
        var number = 3;
        while (descriptors.ContainsKey(number)) number++;
        descriptors[number] = new OpenFile(place, pathOnly);
        descriptor = new Descriptor(number);
        return Errno.None;
    }

    private Errno Enter(CallKind kind, string? path = null) => Enter(new KernelCall(kind, path, null));

    private Errno Enter(CallKind kind, Descriptor descriptor, out OpenFile file)
    {
        var known = descriptors.TryGetValue(descriptor.Number, out file);
        var error = Enter(new KernelCall(kind, null, known ? file.Place.Mount.Filesystem : null));
        return known ? error : Errno.BadDescriptor;
    }

    private Errno Enter(KernelCall call)
    {
        Before?.Invoke(call);
        foreach (var fault in faults)
            if (fault.Kind == call.Kind && fault.Left[0] > 0 && fault.When(call))
            {
                fault.Left[0]--;
                return fault.Answer;
            }
        return Errno.None;
    }

    private Errno Leave(CallKind kind, Errno answer, string? path = null) => Leave(new KernelCall(kind, path, null), answer);

    private Errno Leave(CallKind kind, Errno answer, OpenFile file) =>
        Leave(new KernelCall(kind, null, file.Place.Mount?.Filesystem), answer);

    private Errno Leave(KernelCall call, Errno answer)
    {
        var answered = new AnsweredCall(call, answer);
        Log?.Add(answered);
        After?.Invoke(answered);
        return answer;
    }
}
