using Quiesce.RealFilesystems;

namespace Quiesce.Benchmarks.Stalls;

/// <summary>Nothing but the calls, one after the other, from this process.</summary>
internal sealed class IoctlPeer : IPeer
{
    internal const string ColumnName = "ioctl loop";

    public string Name => ColumnName;

    public Task FreezeAsync(IReadOnlyList<string> mountPoints) => Task.Run(() =>
    {
        foreach (var path in mountPoints)
            if (!FreezeProbe.Freeze(path)) throw new InvalidOperationException($"{path} was frozen already");
    });

    public Task ThawAsync(IReadOnlyList<string> mountPoints) => Task.Run(() =>
    {
        foreach (var path in mountPoints.Reverse()) _ = FreezeProbe.Thaw(path);
    });
}
