using System.Diagnostics.Metrics;
using Quiesce.Freezing;
using Quiesce.Freezing.Kernel;
using Quiesce.Freezing.Reports;
using Quiesce.Freezing.Windows;
using Quiesce.Telemetry;

namespace Quiesce.Agent.Telemetry;

/// <summary>The agent's metrics; <c>docs/telemetry.md</c> has them all. Any thread may call any member, and none waits for anybody.</summary>
/// <remarks>Times are those the holder measured: everything here is done after the fact, from its reports.</remarks>
internal sealed class AgentMeter : IDisposable
{
    /// <summary>Name of the meter, for exporters.</summary>
    internal const string Name = "Quiesce.Agent";

    private readonly Meter meter = new(Name);
    private readonly object gate = new();
    private readonly Dictionary<string, WindowReport> open = [];
    private readonly Counter<long> freezes;
    private readonly Counter<long> thaws;
    private readonly Histogram<double> flush;
    private readonly Histogram<double> freeze;
    private readonly Histogram<double> hold;
    private readonly Histogram<double> thaw;
    private readonly Histogram<double> stall;
    private int unprotected;

    /// <param name="droppedLines">Reads how many lines the log has lost.</param>
    internal AgentMeter(Func<long> droppedLines)
    {
        freezes = meter.CreateCounter<long>("quiesce.freezes", "{window}", "Windows of this node that have ended, or never opened.");
        thaws = meter.CreateCounter<long>("quiesce.thaws", "{filesystem}", "Filesystems thawed.");
        flush = meter.CreateHistogram("quiesce.filesystem.flush.duration", "s", "Flushes of a filesystem before its freeze; writers go on meanwhile.", advice: Buckets.Calls);
        freeze = meter.CreateHistogram("quiesce.filesystem.freeze.duration", "s", "FIFREEZE of a filesystem.", advice: Buckets.Calls);
        hold = meter.CreateHistogram("quiesce.filesystem.hold.duration", "s", "From the return of FIFREEZE to the return of FITHAW.", advice: Buckets.Windows);
        thaw = meter.CreateHistogram("quiesce.filesystem.thaw.duration", "s", "FITHAW of a filesystem.", advice: Buckets.Calls);
        stall = meter.CreateHistogram("quiesce.window.stall.duration", "s", "From the first FIFREEZE of a window that was entered to the last that returned.", advice: Buckets.Calls);
        _ = meter.CreateObservableGauge("quiesce.filesystems.frozen", () => Count(IsFrozen), "{filesystem}", "Filesystems that are frozen now.");
        _ = meter.CreateObservableGauge("quiesce.deadline.remaining", Remaining, "s", "Until the nearest deadline of what is frozen; negative when it has passed, +Inf while nothing is frozen.");
        _ = meter.CreateObservableGauge("quiesce.filesystems.stuck", Stuck, "{filesystem}", "Filesystems whose freeze or thaw call does not return.");
        _ = meter.CreateObservableGauge("quiesce.holders.unprotected", () => Volatile.Read(ref unprotected), "{holder}", "1 where the last holder was within reach of what kills or pauses the agent's container.");
        _ = meter.CreateObservableCounter("quiesce.log.lines.dropped", droppedLines, "{line}", "Lines of the log that were dropped because standard output did not take them.");
        // A series that is there from the start tells a rate from the first increase on.
        Ended(WindowPhase.Thawed, FreezeReason.ThawRequested, 0);
        Ended(WindowPhase.Expired, FreezeReason.DeadlineExceeded, 0);
        foreach (var cause in Enum.GetValues<ThawCause>()) Thawed(cause, 0);
    }

    /// <summary>How a window stands now, or how one stands that an earlier instance left behind; it counts until it is final.</summary>
    internal void Stands(string window, WindowReport report)
    {
        if (report.HolderProtected is { } isProtected) Protected(isProtected);
        lock (gate)
        {
            if (report.IsFinal) _ = open.Remove(window);
            else open[window] = report;
        }
    }

    /// <summary>A window is over, or never was open.</summary>
    /// <param name="report">Its last report.</param>
    /// <param name="backup">The backup path ended it.</param>
    internal void Ended(WindowReport report, bool backup = false)
    {
        Ended(report.Phase, report.Reason ?? "", 1);
        Thawed(
            backup ? ThawCause.Backup : report.Reason switch
            {
                FreezeReason.ThawRequested or FreezeReason.ThawedBeforeFrozen => ThawCause.Request,
                FreezeReason.DeadlineExceeded => ThawCause.Deadline,
                _ => ThawCause.Other,
            },
            report.ThawedFilesystems);
        foreach (var f in report.Filesystems)
        {
            var type = new KeyValuePair<string, object?>("system.filesystem.type", f.Type ?? "");
            Record(flush, f.FlushNanoseconds, type);
            Record(freeze, f.FrozenAt is null ? null : f.FreezeNanoseconds, type);
            Record(hold, f.HeldNanoseconds, type);
            Record(thaw, f.ThawNanoseconds, type);
        }
        if (Stall.Of(report) is var (begun, over)) stall.Record((over - begun) / 1e9);
    }

    /// <summary>Filesystems were thawed outside of a window of this instance.</summary>
    internal void Thawed(ThawCause cause, int filesystems) => thaws.Add(filesystems, new KeyValuePair<string, object?>("cause", cause.ToString()));

    /// <summary>Whether a holder was beyond the reach of what ends its agent's container.</summary>
    internal void Protected(bool isProtected) => Volatile.Write(ref unprotected, isProtected ? 0 : 1);

    /// <inheritdoc/>
    public void Dispose() => meter.Dispose();

    private static void Record(Histogram<double> histogram, long? nanoseconds, KeyValuePair<string, object?> type)
    {
        if (nanoseconds is { } ns) histogram.Record(ns / 1e9, type);
    }

    // Of a thaw that does not return the filesystem is frozen still.
    private static bool IsFrozen(FilesystemReport f) =>
        f.State is FilesystemState.Frozen or FilesystemState.Thawing || f is { State: FilesystemState.Stuck, Reason: FreezeReason.ThawStuck };

    private void Ended(WindowPhase outcome, string reason, int windows) => freezes.Add(windows, new("outcome", outcome.ToString()), new("reason", reason));

    private int Count(Func<FilesystemReport, bool> condition)
    {
        lock (gate) return open.Values.Sum(window => window.Filesystems.Count(condition));
    }

    private double Remaining()
    {
        lock (gate)
        {
            return open.Values.Where(window => window.DeadlineAt is not null && window.Filesystems.Any(IsFrozen))
                .Select(window => (window.DeadlineAt!.Value - Native.BootTimeNanoseconds()) / 1e9)
                .DefaultIfEmpty(double.PositiveInfinity)
                .Min();
        }
    }

    private IEnumerable<Measurement<int>> Stuck()
    {
        yield return new(Count(f => f is { State: FilesystemState.Stuck, Reason: not FreezeReason.ThawStuck }), new KeyValuePair<string, object?>("call", "freeze"));
        yield return new(Count(f => f is { State: FilesystemState.Stuck, Reason: FreezeReason.ThawStuck }), new KeyValuePair<string, object?>("call", "thaw"));
    }
}
