using Quiesce.RealFilesystems;

namespace Quiesce.Benchmarks.Stalls;

/// <summary>The QEMU guest agent, which is running and is asked over its socket.</summary>
internal sealed class GuestAgentPeer(QemuGuestAgent agent) : IPeer
{
    internal const string ColumnName = "qemu-ga";

    public string Name => ColumnName;

    public Task FreezeAsync(IReadOnlyList<string> mountPoints) => agent.FreezeAsync(mountPoints);

    public Task ThawAsync(IReadOnlyList<string> mountPoints) => agent.ThawAsync();
}
