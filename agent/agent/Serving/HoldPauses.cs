using Quiesce.Crds;
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
        // What was never frozen, or skipped, is not meant.
        Ended(window.Filesystems.Where(f => f.FrozenAt is not null || f.HeldNanoseconds is not null).Select(f => f.Device));
    }

    /// <summary>Takes note of what was thawed after its holder had died: it may have been held until then.</summary>
    internal void Recovered(WindowReport window) => Ended(window.Filesystems.Select(f => f.Device));

    /// <summary>Takes note of what an earlier process held, as far as it had reported that: its holders may have thawed and cleared everything away before this one looked.</summary>
    internal void Ended(NodeFreezeStatus? status) => Ended((status?.Filesystems ?? []).Where(f => f.FrozenAt is not null).Select(f => f.Device));

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

    private void Ended(IEnumerable<string?> devices)
    {
        if (pause <= TimeSpan.Zero) return;
        var again = Native.BootTimeNanoseconds() + (pause.Ticks * 100);
        lock (until)
        {
            foreach (var device in devices)
                if (DeviceNumber.TryParse(device, out var superblock)) until[superblock] = again;
        }
    }
}
