using Quiesce.Freezing.Kernel;
using Quiesce.RealFilesystems;

namespace Quiesce.Freezing.Tests.Contract;

/// <summary>This machine, with loop-mounted filesystems, each under a guard as long as a test uses it.</summary>
public sealed class RealMachine : IMachine, IAsyncDisposable
{
    private readonly Dictionary<FilesystemKind, RealFilesystem> shared = [];
    private readonly Dictionary<string, UnfreezableMount> unfreezable = [];
    private readonly List<RealFilesystem> fresh = [];
    private readonly List<RealMachineFilesystem> used = [];
    private readonly List<Guard> guards = [];
    private readonly List<LinuxKernel> kernels = [];
    private PartitionedDisk? disk;

    public void Require() => RealKernel.Require();

    public IKernel Kernel(string hostRoot = "/")
    {
        Assert.Equal(Errno.None, LinuxKernel.Open(hostRoot, out var kernel));
        kernels.Add(kernel!);
        return kernel!;
    }

    public async Task<IMachineFilesystem> SharedAsync(FilesystemKind kind)
    {
        if (!shared.TryGetValue(kind, out var filesystem)) shared[kind] = filesystem = await RealFilesystem.CreateAsync(kind);
        return Use(filesystem);
    }

    public async Task<IMachineFilesystem> FreshAsync(FilesystemKind kind)
    {
        fresh.Add(await RealFilesystem.CreateAsync(kind));
        return Use(fresh[^1]);
    }

    public async Task<string> UnfreezableAsync(string type)
    {
        if (!unfreezable.TryGetValue(type, out var mount)) unfreezable[type] = mount = await UnfreezableMount.CreateAsync(type);
        return mount.MountPoint;
    }

    public async Task<(DeviceNumber Whole, DeviceNumber Partition)> PartitionedDiskAsync()
    {
        disk ??= await PartitionedDisk.CreateAsync();
        Assert.True(DeviceNumber.TryParse(disk.Whole, out var whole));
        Assert.True(DeviceNumber.TryParse(disk.Partition, out var partition));
        return (whole, partition);
    }

    public void LetTimePass() => Thread.SpinWait(1000);

    public async Task AfterTestAsync()
    {
        var frozen = used.Where(f => f.IsMounted && f.IsFrozen).ToList();
        foreach (var filesystem in frozen) _ = filesystem.ThawAsStranger();
        used.Clear();
        foreach (var kernel in kernels) kernel.Dispose(); // its host root keeps a mount busy
        kernels.Clear();
        foreach (var guard in guards) guard.Dispose();
        guards.Clear();
        foreach (var filesystem in Enumerable.Reverse(fresh)) await filesystem.DisposeAsync();
        fresh.Clear();
        Assert.True(frozen.Count == 0, $"still frozen: {string.Join(", ", frozen.Select(f => f.MountPoint))}");
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var mount in unfreezable.Values) await mount.DisposeAsync();
        if (disk is not null) await disk.DisposeAsync();
        foreach (var filesystem in shared.Values) await filesystem.DisposeAsync();
    }

    internal IMachineFilesystem Use(RealFilesystem filesystem)
    {
        guards.Add(filesystem.Guard());
        used.Add(new RealMachineFilesystem(this, filesystem));
        return used[^1];
    }
}
