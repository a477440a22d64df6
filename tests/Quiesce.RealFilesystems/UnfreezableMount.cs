namespace Quiesce.RealFilesystems;

/// <summary>A mount of a kind that has no freeze: tmpfs, or an overlay over folders of the machine's own disk.</summary>
public sealed class UnfreezableMount : IAsyncDisposable
{
    private readonly string folder;

    private UnfreezableMount(string folder) => this.folder = folder;

    /// <summary>Where it is mounted.</summary>
    public string MountPoint => $"{folder}/mount";

    /// <summary>Makes one.</summary>
    /// <param name="type"><c>tmpfs</c> or <c>overlay</c>.</param>
    public static async Task<UnfreezableMount> CreateAsync(string type)
    {
        var mount = new UnfreezableMount(RealFilesystem.NewFolder(type));
        foreach (var part in (string[])["lower", "upper", "work", "mount"]) Directory.CreateDirectory($"{mount.folder}/{part}");
        string[] options = type == "overlay" ? ["-o", $"lowerdir={mount.folder}/lower,upperdir={mount.folder}/upper,workdir={mount.folder}/work"] : [];
        try
        {
            _ = await Command.RunAsync("mount", ["-t", type, .. options, type, mount.MountPoint]).ConfigureAwait(false);
            return mount;
        }
        catch
        {
            Directory.Delete(mount.folder, recursive: true);
            throw;
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (!Directory.Exists(folder)) return;
        _ = await Command.RunAsync("umount", MountPoint).ConfigureAwait(false);
        Directory.Delete(folder, recursive: true);
    }
}
