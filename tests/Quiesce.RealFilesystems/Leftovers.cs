using System.Globalization;

namespace Quiesce.RealFilesystems;

/// <summary>
/// Put it on a test assembly (<c>[assembly: AssemblyFixture(typeof(Leftovers))]</c>): takes away at the start what killed runs left behind, and
/// fails the run at its end when one of its own filesystems is still there.
/// </summary>
public sealed class Leftovers : IAsyncDisposable
{
    internal const string Prefix = "quiesce-test-";

    /// <summary>Cleans up after runs whose process is gone.</summary>
    public Leftovers()
    {
        if (RealKernel.Missing is null) SweepAsync().GetAwaiter().GetResult();
    }

    /// <summary>Looks whether all is gone.</summary>
    /// <exception cref="InvalidOperationException">It is not, or something was still frozen.</exception>
    public async ValueTask DisposeAsync()
    {
        var faults = new List<string>();
        // The lower ones were made first and take what is stacked on them along.
        foreach (var filesystem in RealFilesystem.Undisposed())
        {
            faults.Add($"{filesystem.MountPoint} was not disposed");
            try
            {
                await filesystem.DisposeAsync().ConfigureAwait(false);
            }
            catch (InvalidOperationException e)
            {
                faults.Add(e.Message);
            }
        }
        var mounts = MountsBelow(RealFilesystem.Root);
        if (mounts.Count > 0) faults.Add($"still mounted: {string.Join(", ", mounts)}");
        if (Directory.Exists(RealFilesystem.Root))
        {
            faults.AddRange(Directory.EnumerateFileSystemEntries(RealFilesystem.Root).Select(e => $"{e} was left"));
            await ClearAsync(RealFilesystem.Root).ConfigureAwait(false);
        }
        if (faults.Count > 0) throw new InvalidOperationException(string.Join("; ", faults));
    }

    private static async Task SweepAsync()
    {
        foreach (var root in Directory.EnumerateDirectories(Path.GetTempPath(), $"{Prefix}*"))
        {
            if (int.TryParse(Path.GetFileName(root)[Prefix.Length..], CultureInfo.InvariantCulture, out var owner) && Directory.Exists($"/proc/{owner}")) continue;
            await ClearAsync(root).ConfigureAwait(false);
        }
    }

    private static async Task ClearAsync(string root)
    {
        var mounts = MountsBelow(root);
        foreach (var mount in mounts) _ = await Command.TryAsync("fsfreeze", "--unfreeze", mount).ConfigureAwait(false); // lower ones first
        foreach (var mount in Enumerable.Reverse(mounts))
        {
            _ = await Command.TryAsync("umount", mount).ConfigureAwait(false);
            await DetachAsync(root).ConfigureAwait(false); // an image on the next mount keeps that one busy
        }
        await DetachAsync(root).ConfigureAwait(false);
        if (MountsBelow(root).Count == 0) Directory.Delete(root, recursive: true);
    }

    // One that is still mounted is detached with its unmount.
    private static async Task DetachAsync(string root)
    {
        var (_, loops) = await Command.TryAsync("losetup", "--list", "--noheadings", "--output", "NAME,BACK-FILE").ConfigureAwait(false);
        foreach (var line in loops.Split('\n'))
            if (line.Contains($" {root}/", StringComparison.Ordinal)) _ = await Command.TryAsync("losetup", "--detach", line.Split(' ')[0]).ConfigureAwait(false);
    }

    private static List<string> MountsBelow(string root) =>
        [.. MountInfo.Read().Select(fields => fields[4]).Where(m => m.StartsWith(root + "/", StringComparison.Ordinal))];
}
