using Quiesce.Freezing.Reports;

namespace Quiesce.Agent.Telemetry;

/// <summary>The stall of a window: while its filesystems were being frozen, writers of some already stood and none could rely on all.</summary>
internal static class Stall
{
    /// <summary>From when the first <c>FIFREEZE</c> was entered to when the last returned, in nanoseconds of <c>CLOCK_BOOTTIME</c>; null where none succeeded.</summary>
    internal static (long Begun, long Over)? Of(WindowReport report)
    {
        var frozen = report.Filesystems.Where(f => f is { FrozenAt: not null, FreezeNanoseconds: not null }).ToList();
        return frozen.Count == 0 ? null : (frozen.Min(f => f.FrozenAt!.Value - f.FreezeNanoseconds!.Value), frozen.Max(f => f.FrozenAt!.Value));
    }
}
