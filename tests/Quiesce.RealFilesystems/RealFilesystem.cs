using System.Globalization;

namespace Quiesce.RealFilesystems;

/// <summary>A filesystem in a sparse image file, on a loop device, mounted in a folder of its own. Disposing takes all of it away.</summary>
public sealed class RealFilesystem : IAsyncDisposable
{
    private static readonly TimeSpan GuardTime = TimeSpan.FromSeconds(20);
    private static readonly List<RealFilesystem> Living = [];
    private static int made;

    private readonly string folder;
    private readonly List<string> mounts = [];
    private readonly List<RealFilesystem> upper = [];
    private bool disposed;
    private int places;

    private RealFilesystem(FilesystemKind kind, string folder, string image)
    {
        Kind = kind;
        this.folder = folder;
        Image = image;
        MountPoint = $"{folder}/mount";
    }

    /// <summary>Where this process keeps its filesystems; its name tells a later run whose they were.</summary>
    public static string Root { get; } = $"{Path.GetTempPath().TrimEnd('/')}/{Leftovers.Prefix}{Environment.ProcessId.ToString(CultureInfo.InvariantCulture)}";

    /// <summary>What it is.</summary>
    public FilesystemKind Kind { get; }

    /// <summary>The image file.</summary>
    public string Image { get; }

    /// <summary>The loop device, such as <c>/dev/loop3</c>.</summary>
    public string LoopDevice { get; private set; } = "";

    /// <summary>Where it is mounted.</summary>
    public string MountPoint { get; }

    /// <summary>The loop device as <c>major:minor</c>.</summary>
    public string DeviceNumber => File.ReadAllText($"/sys/block/{Path.GetFileName(LoopDevice)}/dev").Trim();

    /// <summary>All mounts of it that were made here, the first one first.</summary>
    public IReadOnlyList<string> Mounts => mounts;

    /// <summary>Makes one on the machine's own disk.</summary>
    public static Task<RealFilesystem> CreateAsync(FilesystemKind kind, CancellationToken cancel = default) => CreateAsync(kind, null, 0, cancel);

    /// <summary>Makes one of at least that size, for tests that write much.</summary>
    public static Task<RealFilesystem> CreateAsync(FilesystemKind kind, int megabytes, CancellationToken cancel = default) => CreateAsync(kind, null, megabytes, cancel);

    /// <summary>Makes one whose image lies on this one. Disposing this one disposes it first.</summary>
    public async Task<RealFilesystem> StackedAsync(FilesystemKind kind, CancellationToken cancel = default)
    {
        var stacked = await CreateAsync(kind, $"{MountPoint}/{kind}.image", 0, cancel).ConfigureAwait(false);
        upper.Add(stacked);
        return stacked;
    }

    /// <summary>Mounts a folder of it a second time (<c>mount --bind</c>) and gives the new mount point.</summary>
    /// <param name="subfolder">Which folder; it is made.</param>
    /// <param name="name">The last part of the mount point; null for one that no other has.</param>
    public async Task<string> BindAsync(string subfolder = "", string? name = null)
    {
        var source = $"{MountPoint}/{subfolder}".TrimEnd('/');
        Directory.CreateDirectory(source);
        return await MountAsync(["--bind", source], name).ConfigureAwait(false);
    }

    /// <summary>Makes a subvolume of a btrfs, mounts it in a place of its own and gives the mount point.</summary>
    public async Task<string> SubvolumeAsync(string name)
    {
        _ = await Command.RunAsync("btrfs", "subvolume", "create", $"{MountPoint}/{name}").ConfigureAwait(false);
        return await MountAsync(["-o", $"subvol={name}", LoopDevice]).ConfigureAwait(false);
    }

    /// <summary>Makes the whole filesystem read-only or writable.</summary>
    public Task RemountAsync(bool readOnly) => Command.RunAsync("mount", "-o", readOnly ? "remount,ro" : "remount,rw", MountPoint);

    /// <summary>Takes one of its mounts away; a frozen one too, as long as nobody holds a descriptor on it.</summary>
    /// <param name="mountPoint">Which.</param>
    /// <param name="lazy">Take it out of the tree even when busy.</param>
    /// <exception cref="InvalidOperationException">It is busy.</exception>
    public async Task UnmountAsync(string mountPoint, bool lazy = false)
    {
        _ = await Command.RunAsync("umount", lazy ? ["--lazy", mountPoint] : [mountPoint]).ConfigureAwait(false);
        mounts.Remove(mountPoint);
    }

    /// <summary>Mounts it again at <see cref="MountPoint"/>.</summary>
    public async Task MountAgainAsync()
    {
        _ = await Command.RunAsync("mount", LoopDevice, MountPoint).ConfigureAwait(false);
        mounts.Insert(0, MountPoint);
    }

    /// <summary>A guard over it and what is stacked on it.</summary>
    public Guard Guard(TimeSpan? timeout = null) => RealFilesystems.Guard.Start(timeout ?? GuardTime, [.. Paths()]);

    /// <summary>Thaws, unmounts, detaches and deletes, whatever failed before.</summary>
    /// <exception cref="InvalidOperationException">It was still frozen, or could not be taken away whole; the message says what was wrong.</exception>
    public async ValueTask DisposeAsync()
    {
        if (disposed) return;
        disposed = true;
        var faults = new List<string>();
        // The lower one first: what is above cannot be thawed or unmounted while this one is frozen.
        if (LoopDevice.Length > 0 && !mounts.Any(IsMounted)) await AttemptAsync(MountAgainAsync).ConfigureAwait(false); // frozen and mounted nowhere, it would stay so
        using (Guard()) await Task.Run(() => Thaw(faults)).ConfigureAwait(false);
        foreach (var one in Enumerable.Reverse(upper)) await AttemptAsync(() => one.DisposeAsync().AsTask()).ConfigureAwait(false);
        foreach (var mount in Enumerable.Reverse(mounts.ToList()))
        {
            await AttemptAsync(() => Command.RunAsync("umount", mount)).ConfigureAwait(false);
            if (IsMounted(mount)) _ = await Command.TryAsync("umount", "--lazy", mount).ConfigureAwait(false);
        }
        if (LoopDevice.Length > 0) await AttemptAsync(() => Command.RunAsync("losetup", "--detach", LoopDevice)).ConfigureAwait(false);
        await AttemptAsync(() =>
        {
            File.Delete(Image);
            // Not recursively: through a mount that could not be taken away it would empty the filesystem.
            foreach (var place in Directory.EnumerateDirectories(folder)) Directory.Delete(place);
            Directory.Delete(folder);
            return Task.CompletedTask;
        }).ConfigureAwait(false);
        lock (Living) Living.Remove(this);
        if (faults.Count > 0) throw new InvalidOperationException($"{Kind} {folder}: {string.Join("; ", faults)}");

        async Task AttemptAsync(Func<Task> step)
        {
            try
            {
                await step().ConfigureAwait(false);
            }
            catch (Exception e) when (e is InvalidOperationException or IOException or UnauthorizedAccessException)
            {
                faults.Add(e.Message);
            }
        }
    }

    /// <summary>Those that nobody has disposed.</summary>
    internal static IReadOnlyList<RealFilesystem> Undisposed()
    {
        lock (Living) return [.. Living];
    }

    /// <summary>A folder below <see cref="Root"/> that no other has.</summary>
    internal static string NewFolder(string name) =>
        Directory.CreateDirectory($"{Root}/{Interlocked.Increment(ref made).ToString(CultureInfo.InvariantCulture)}-{name}").FullName;

    private static async Task<RealFilesystem> CreateAsync(FilesystemKind kind, string? image, int megabytes, CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        var folder = NewFolder(kind.ToString());
        var filesystem = new RealFilesystem(kind, folder, image ?? $"{folder}/image");
        lock (Living) Living.Add(filesystem);
        try
        {
            var (size, maker) = kind switch
            {
                FilesystemKind.Ext4 => (48L, (string[])["mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0"]),
                FilesystemKind.Xfs => (310L, ["mkfs.xfs", "-q", "-f"]), // 300 MB is the least it makes
                _ => (128L, ["mkfs.btrfs", "-q", "-f"]),
            };
            await using (var file = File.Create(filesystem.Image)) file.SetLength(Math.Max(size, megabytes) * 1024 * 1024); // sparse
            _ = await Command.RunAsync(maker[0], [.. maker[1..], filesystem.Image]).ConfigureAwait(false);
            filesystem.LoopDevice = await Command.RunAsync("losetup", "--find", "--show", filesystem.Image).ConfigureAwait(false);
            Directory.CreateDirectory(filesystem.MountPoint);
            await filesystem.MountAgainAsync().ConfigureAwait(false);
            return filesystem;
        }
        catch
        {
            await filesystem.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    private async Task<string> MountAsync(string[] what, string? name = null)
    {
        var place = $"{folder}/{name ?? $"mount-{(++places).ToString(CultureInfo.InvariantCulture)}"}";
        Directory.CreateDirectory(place);
        _ = await Command.RunAsync("mount", [.. what, place]).ConfigureAwait(false);
        mounts.Add(place);
        return place;
    }

    private IEnumerable<string> Paths() => mounts.Concat(upper.SelectMany(u => u.Paths()));

    private void Thaw(List<string> faults)
    {
        if (mounts.Find(IsMounted) is not { } mount) return;
        try
        {
            if (!FreezeProbe.IsFrozen(mount)) return;
            _ = FreezeProbe.Thaw(mount);
            faults.Add($"{mount} was still frozen at the end of the test");
        }
        catch (InvalidOperationException e)
        {
            faults.Add(e.Message);
        }
    }

    private static bool IsMounted(string path) => MountInfo.Read().Any(fields => fields[4] == path);
}
