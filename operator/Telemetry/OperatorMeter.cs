using System.Diagnostics.Metrics;
using Quiesce.Crds;
using Quiesce.Operator.Nodes;
using Quiesce.Telemetry;

namespace Quiesce.Operator.Telemetry;

/// <summary>The operator's metrics; <c>docs/telemetry.md</c> has them all.</summary>
internal sealed class OperatorMeter : IDisposable
{
    /// <summary>Name of the meter, for exporters.</summary>
    public const string Name = "Quiesce.Operator";

    /// <summary>Why an open window breaks.</summary>
    private static readonly string[] Breaks =
    [
        Reasons.AgentRestarted, Reasons.AgentStopped, Reasons.CommandGone, Reasons.DeviceWritten, Reasons.HolderDied, Reasons.NodeRebooted, Reasons.NotConfirmed, Reasons.ThawedByOther,
        Reasons.ThawFailed, Reasons.ThawStuck,
    ];

    private readonly Meter _meter = new(Name);
    private readonly Counter<long> _finished;
    private readonly Histogram<double> _toFrozen;
    private readonly Histogram<double> _held;

    public OperatorMeter()
    {
        _finished = _meter.CreateCounter<long>("quiesce.requests.finished", "{request}", "FreezeRequests that reached a final phase.");
        _toFrozen = _meter.CreateHistogram("quiesce.request.freeze.duration", "s", "From the first sight of a FreezeRequest to Frozen.", advice: Buckets.Windows);
        _held = _meter.CreateHistogram("quiesce.request.hold.duration", "s", "From Frozen to the last node's release.", advice: Buckets.Windows);
        // A series that is there from the start tells an increase from the first one on: those that alerts look at.
        Finished(FreezePhase.Thawed, Reasons.ThawRequested, 0);
        Finished(FreezePhase.Expired, Reasons.DeadlineExceeded, 0);
        foreach (var reason in Breaks) Finished(FreezePhase.Broken, reason, 0);
    }

    /// <summary>A request's status was written with another phase than before.</summary>
    public void Phase(FreezeRequestStatus? before, FreezeRequestStatus after)
    {
        if (after is { StartedAt: { } started, FrozenAt: { } frozen } && before?.FrozenAt is null) _toFrozen.Record((frozen - started).TotalSeconds);
        if (after.Phase < FreezePhase.Thawed) return;
        Finished(after.Phase, after.Reason, 1);
        if (after is { FrozenAt: { } opened, ThawedAt: { } thawed }) _held.Record((thawed - opened).TotalSeconds);
    }

    /// <summary>Has counted, when metrics are collected, what the log lost.</summary>
    public void Log(Func<long> dropped) => _meter.CreateObservableCounter("quiesce.log.lines.dropped", dropped, "{line}", "Lines of the log that were dropped because standard output did not take them.");

    /// <summary>Has counted, when metrics are collected, which requests there are.</summary>
    public void Requests(Func<IReadOnlyList<FreezeRequest>> requests) => _meter.CreateObservableGauge(
        "quiesce.requests.active",
        () =>
        {
            var counts = requests().CountBy(r => r.Status?.Phase ?? FreezePhase.Pending).ToDictionary();
            return Enum.GetValues<FreezePhase>().Where(phase => phase < FreezePhase.Thawed)
                .Select(phase => new Measurement<int>(counts.GetValueOrDefault(phase), new KeyValuePair<string, object?>("phase", phase.ToString())));
        },
        "{request}",
        "FreezeRequests that have not ended.");

    /// <summary>Has counted, when metrics are collected, what the nodes' reports say now.</summary>
    /// <remarks>Of what is there, not of what this process has seen happen: it is as true after a restart.</remarks>
    public void Nodes(Func<IReadOnlyList<NodeFreeze>> nodeFreezes, Func<ClusterView> cluster)
    {
        _meter.CreateObservableGauge(
            "quiesce.cluster.filesystems.stuck",
            () =>
            {
                var (freezes, thaws) = NodeCounts.Stuck(nodeFreezes());
                return new[] { new Measurement<int>(freezes, new KeyValuePair<string, object?>("call", "freeze")), new(thaws, new KeyValuePair<string, object?>("call", "thaw")) };
            },
            "{filesystem}",
            "Filesystems whose freeze or thaw call does not return, by the nodes' reports.");
        _meter.CreateObservableGauge(
            "quiesce.cluster.nodes.unprotected",
            () => NodeCounts.Unprotected(nodeFreezes()),
            "{node}",
            "Nodes with a request whose holder is within reach of what kills or pauses the agent's container, by their last report.");
        _meter.CreateObservableGauge(
            "quiesce.cluster.nodes.without_agent",
            () => NodeCounts.WithoutAgent(cluster()),
            "{node}",
            "Linux nodes without a ready agent.");
    }

    /// <inheritdoc/>
    public void Dispose() => _meter.Dispose();

    private void Finished(FreezePhase outcome, string? reason, int requests) => _finished.Add(requests, new("outcome", outcome.ToString()), new("reason", reason));
}
