using Quiesce.Freezing.Kernel;
using Quiesce.RealFilesystems;

namespace Quiesce.Freezing.Tests.Contract;

/// <summary>A filesystem of this machine.</summary>
internal sealed class RealMachineFilesystem(RealMachine machine, RealFilesystem filesystem) : IMachineFilesystem
{
    public string MountPoint => filesystem.MountPoint;

    public DeviceNumber Device => DeviceNumber.TryParse(filesystem.DeviceNumber, out var number) ? number : throw new InvalidOperationException(filesystem.DeviceNumber);

    public string DevicePath => filesystem.LoopDevice;

    public bool IsMounted => filesystem.Mounts.Count > 0;

    public bool IsFrozen => FreezeProbe.IsFrozen(filesystem.Mounts[0]);

    public Task<string> BindAsync(string subfolder, string? name = null) => filesystem.BindAsync(subfolder, name);

    public Task<string> SubvolumeAsync(string name) => filesystem.SubvolumeAsync(name);

    public async Task<IMachineFilesystem> StackedAsync(FilesystemKind kind) => machine.Use(await filesystem.StackedAsync(kind));

    public Task RemountAsync(bool readOnly) => filesystem.RemountAsync(readOnly);

    public async Task<bool> UnmountAsync(string mountPoint, bool lazy = false)
    {
        try
        {
            await filesystem.UnmountAsync(mountPoint, lazy);
            return true;
        }
        catch (InvalidOperationException e) when (e.Message.Contains("busy", StringComparison.Ordinal))
        {
            return false;
        }
    }

    public Task MountAgainAsync() => filesystem.MountAgainAsync();

    public void MakeFolder(string path) => Directory.CreateDirectory($"{MountPoint}/{path}");

    public void MakeFile(string path)
    {
        Directory.CreateDirectory(Path.GetDirectoryName($"{MountPoint}/{path}")!);
        File.WriteAllBytes($"{MountPoint}/{path}", new byte[4096]);
    }

    public Task MakeFifoAsync(string path) => Command.RunAsync("mkfifo", $"{MountPoint}/{path}");

    public void MakeLink(string path, string target)
    {
        Directory.CreateDirectory(Path.GetDirectoryName($"{MountPoint}/{path}")!);
        File.CreateSymbolicLink($"{MountPoint}/{path}", target);
    }

    public void Write(string path) => File.WriteAllBytes($"{MountPoint}/{path}", new byte[64 * 1024]);

    public bool FreezeAsStranger() => FreezeProbe.Freeze(filesystem.Mounts[0]);

    public bool ThawAsStranger() => FreezeProbe.Thaw(filesystem.Mounts[0]);
}
