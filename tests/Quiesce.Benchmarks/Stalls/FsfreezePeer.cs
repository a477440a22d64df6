using Quiesce.RealFilesystems;

namespace Quiesce.Benchmarks.Stalls;

/// <summary><c>fsfreeze(8)</c>, one after the other, as hooks and scripts do it.</summary>
internal sealed class FsfreezePeer : IPeer
{
    public string Name => "fsfreeze(8)";

    public async Task FreezeAsync(IReadOnlyList<string> mountPoints)
    {
        foreach (var path in mountPoints) _ = await Command.RunAsync("fsfreeze", "--freeze", path);
    }

    public async Task ThawAsync(IReadOnlyList<string> mountPoints)
    {
        foreach (var path in mountPoints.Reverse()) _ = await Command.RunAsync("fsfreeze", "--unfreeze", path);
    }
}
