using Quiesce.RealFilesystems;

namespace Quiesce.Agent.Tests.Running;

/// <summary>An ext4, an XFS and a btrfs.</summary>
internal sealed class ThreeKinds : IAsyncDisposable
{
    private ThreeKinds(IReadOnlyList<RealFilesystem> all) => All = all;

    internal IReadOnlyList<RealFilesystem> All { get; }

    internal IEnumerable<string> MountPoints => All.Select(f => f.MountPoint);

    internal static async Task<ThreeKinds> CreateAsync()
    {
        var making = Enum.GetValues<FilesystemKind>().Select(kind => RealFilesystem.CreateAsync(kind, TestContext.Current.CancellationToken)).ToList();
        try
        {
            return new ThreeKinds(await Task.WhenAll(making));
        }
        catch
        {
            foreach (var made in making.Where(m => m.IsCompletedSuccessfully)) await made.Result.DisposeAsync();
            throw;
        }
    }

    internal Guard Guard() => RealFilesystems.Guard.Start(TimeSpan.FromSeconds(20), MountPoints);

    public async ValueTask DisposeAsync()
    {
        foreach (var filesystem in All) await filesystem.DisposeAsync();
    }
}
