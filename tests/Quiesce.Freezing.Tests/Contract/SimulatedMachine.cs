using Quiesce.Freezing.Kernel;
using Quiesce.Freezing.Tests.Simulation;
using Quiesce.RealFilesystems;

namespace Quiesce.Freezing.Tests.Contract;

/// <summary>The machine whose kernel is simulated.</summary>
internal sealed class SimulatedMachine : IMachine
{
    private readonly SimulatedKernel kernel = new();
    private readonly List<SimulatedMachineFilesystem> made = [];
    private readonly Dictionary<FilesystemKind, IMachineFilesystem> shared = [];
    private uint devices;

    internal SimulatedMachine()
    {
        _ = kernel.AddFilesystem("proc", new DeviceNumber(0, 20), "proc", "/proc").Add("self/cwd", NodeKind.MagicLink);
        _ = kernel.AddFilesystem("devtmpfs", new DeviceNumber(0, 6), "devtmpfs", "/dev");
    }

    public void Require()
    {
    }

    public IKernel Kernel(string hostRoot = "/")
    {
        kernel.SetHostRoot(hostRoot);
        return kernel;
    }

    public async Task<IMachineFilesystem> SharedAsync(FilesystemKind kind) =>
        shared.TryGetValue(kind, out var there) ? there : shared[kind] = await FreshAsync(kind);

    public Task<IMachineFilesystem> FreshAsync(FilesystemKind kind) => Task.FromResult<IMachineFilesystem>(Make(kind, kernel.Root, kernel.Root.Root));

    public Task<string> UnfreezableAsync(string type)
    {
        var mountPoint = $"/mnt/{type}";
        kernel.AddFilesystem(type, new DeviceNumber(0, 70 + devices++), type, mountPoint).SectorsWritten = null;
        return Task.FromResult(mountPoint);
    }

    public Task<(DeviceNumber Whole, DeviceNumber Partition)> PartitionedDiskAsync()
    {
        var disk = (Whole: new DeviceNumber(7, 99), Partition: new DeviceNumber(259, 0));
        kernel.Devices[disk.Whole] = SimulatedDevice.Loop(kernel.Root.Superblock);
        kernel.Devices[disk.Partition] = SimulatedDevice.Over(disk.Whole);
        return Task.FromResult(disk);
    }

    public void LetTimePass() => kernel.Now++;

    public Task AfterTestAsync()
    {
        foreach (var filesystem in made) Assert.False(filesystem.IsFrozen, $"{filesystem.MountPoint} is still frozen");
        Assert.Empty(kernel.OpenDescriptors);
        return Task.CompletedTask;
    }

    internal SimulatedMachineFilesystem Make(FilesystemKind kind, SimulatedFilesystem below, SimulatedNode image)
    {
        var number = devices++;
        var device = new DeviceNumber(7, number);
        var superblock = kind == FilesystemKind.Btrfs ? new DeviceNumber(0, 40 + number) : device; // btrfs takes an anonymous one
        kernel.Devices[device] = SimulatedDevice.Loop(below.DeviceOf(image));
        if (kind == FilesystemKind.Btrfs) kernel.Devices[superblock] = SimulatedDevice.Over(device);
        Assert.Equal(Errno.None, kernel.Mounts.Walk(kernel.Mounts.ProcessRoot, "/dev", out var dev));
        _ = dev.Mount.Filesystem.Add($"loop{number}", NodeKind.BlockDevice, device: device);
        var filesystem = kernel.AddFilesystem(kind.ToString().ToLowerInvariant(), superblock, $"/dev/loop{number}", $"/mnt/{number}-{kind}");
        made.Add(new SimulatedMachineFilesystem(this, kernel, filesystem, device, $"/mnt/{number}-{kind}"));
        return made[^1];
    }
}
