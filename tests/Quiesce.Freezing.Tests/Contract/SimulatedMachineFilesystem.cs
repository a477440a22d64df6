using Quiesce.Freezing.Kernel;
using Quiesce.Freezing.Tests.Simulation;
using Quiesce.RealFilesystems;

namespace Quiesce.Freezing.Tests.Contract;

/// <summary>A filesystem of the simulated machine.</summary>
internal sealed class SimulatedMachineFilesystem(
    SimulatedMachine machine, SimulatedKernel kernel, SimulatedFilesystem filesystem, DeviceNumber device, string mountPoint) : IMachineFilesystem
{
    private int mounts;
    private bool dirty;

    public string MountPoint => mountPoint;

    public DeviceNumber Device => device;

    public string DevicePath => filesystem.Source;

    public bool IsFrozen => filesystem.FrozenBy != Freezer.Nobody;

    public Task<string> BindAsync(string subfolder, string? name = null)
    {
        _ = filesystem.Add(subfolder);
        return Task.FromResult(MountOnce($"/{subfolder}", name));
    }

    public Task<string> SubvolumeAsync(string name)
    {
        _ = filesystem.AddSubvolume(name);
        return Task.FromResult(MountOnce($"/{name}"));
    }

    public Task<IMachineFilesystem> StackedAsync(FilesystemKind kind) =>
        Task.FromResult<IMachineFilesystem>(machine.Make(kind, filesystem, filesystem.Add($"{kind}.image", NodeKind.File)));

    public Task RemountAsync(bool readOnly)
    {
        filesystem.SuperOptions = readOnly ? "ro" : "rw";
        return Task.CompletedTask;
    }

    public Task<bool> UnmountAsync(string mountPoint, bool lazy = false) =>
        Task.FromResult(kernel.Unmount(kernel.Mounts.Attached.Last(m => m.MountPoint == mountPoint), lazy) == Errno.None);

    public Task MountAgainAsync()
    {
        _ = kernel.Mounts.Mount(filesystem, mountPoint);
        return Task.CompletedTask;
    }

    public void MakeFolder(string path) => filesystem.Add(path);

    public void MakeFile(string path)
    {
        _ = filesystem.Add(path, NodeKind.File);
        dirty = true;
    }

    public Task MakeFifoAsync(string path)
    {
        _ = filesystem.Add(path, NodeKind.Fifo);
        return Task.CompletedTask;
    }

    public void MakeLink(string path, string target) => filesystem.Add(path, NodeKind.Link, target);

    public void Write(string path)
    {
        MakeFile(path);
        kernel.After += call =>
        {
            if (call.Call is not { Kind: CallKind.Flush } || call.Call.Filesystem != filesystem || !dirty) return;
            dirty = false;
            filesystem.SectorsWritten += 8;
        };
    }

    public bool FreezeAsStranger() => SimulatedKernel.FreezeAsStranger(filesystem) == Errno.None;

    public bool ThawAsStranger() => SimulatedKernel.ThawAsStranger(filesystem) == Errno.None;

    private string MountOnce(string root, string? name = null)
    {
        var place = $"{mountPoint}-{++mounts}/{name}".TrimEnd('/');
        _ = kernel.Mounts.Mount(filesystem, place, root);
        return place;
    }
}
