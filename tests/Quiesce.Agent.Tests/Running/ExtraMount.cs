using Quiesce.RealFilesystems;

namespace Quiesce.Agent.Tests.Running;

/// <summary>A mount that is no <see cref="RealFilesystem"/>: a tmpfs, an overlay. In a folder of its own below <see cref="RealFilesystem.Root"/>.</summary>
internal sealed class ExtraMount : IAsyncDisposable
{
    private ExtraMount(string path) => MountPoint = path;

    internal string MountPoint { get; }

    /// <summary>Mounts it.</summary>
    /// <param name="name">The folder's name.</param>
    /// <param name="arguments">What mount(8) is given before the folder.</param>
    internal static async Task<ExtraMount> CreateAsync(string name, params string[] arguments)
    {
        var mount = new ExtraMount($"{RealFilesystem.Root}/{name}");
        Directory.CreateDirectory(mount.MountPoint);
        _ = await Command.RunAsync("mount", [.. arguments, mount.MountPoint]);
        return mount;
    }

    internal static Task<ExtraMount> TmpfsAsync(string name, string options = "size=1m") => CreateAsync(name, "-t", "tmpfs", "-o", options, "tmpfs");

    public async ValueTask DisposeAsync()
    {
        _ = await Command.RunAsync("umount", MountPoint);
        Directory.Delete(MountPoint);
    }
}
