using Quiesce.Freezing.Holders;
using Quiesce.Freezing.Kernel;
using Quiesce.Freezing.Planning;
using Quiesce.Freezing.Reports;

namespace Quiesce.Agent.Serving;

/// <summary>The pause that is left between two holds of one filesystem. Safe for any number of threads.</summary>
/// <remarks>Kept by the process: only an administrator can replace an agent, and one that starts takes what it finds left behind for held until then.</remarks>
internal sealed class HoldPauses(TimeSpan pause)
{
    // An order carries as many; more are not held by one node within a pause that anybody would set.
    private const int Most = 4096;

    private readonly Dictionary<DeviceNumber, long> until = [];

    /// <summary>Takes note of what a window held.</summary>
    internal void Ended(WindowReport window)
    {
        if (pause <= TimeSpan.Zero) return;
        var again = Native.BootTimeNanoseconds() + (pause.Ticks * 100);
        lock (until)
        {
            // What was never frozen, or skipped, is not meant.
            foreach (var f in window.Filesystems.Where(f => f.FrozenAt is not null || f.HeldNanoseconds is not null))
                if (DeviceNumber.TryParse(f.Device, out var superblock)) until[superblock] = again;
        }
    }

    /// <summary>What is left alone at the moment, for <see cref="HolderOrder.Rests"/>.</summary>
    internal IReadOnlyList<Rest> Now()
    {
        if (pause <= TimeSpan.Zero) return [];
        var now = Native.BootTimeNanoseconds();
        lock (until)
        {
            foreach (var (superblock, _) in until.Where(u => u.Value <= now).ToList()) until.Remove(superblock);
            return [.. until.OrderByDescending(u => u.Value).Take(Most).Select(u => new Rest(u.Key, u.Value))];
        }
    }
}
