using System.Diagnostics.Metrics;
using Quiesce.Crds;

namespace Quiesce.Operator.Telemetry;

/// <summary>The operator's metrics.</summary>
internal sealed class OperatorMeter : IDisposable
{
    /// <summary>Name of the meter, for exporters.</summary>
    public const string Name = "Quiesce.Operator";

    // The defaults suit milliseconds; these are seconds.
    private static readonly double[] Seconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600];

    private readonly Meter _meter = new(Name);
    private readonly Counter<long> _finished;
    private readonly Histogram<double> _toFrozen;
    private readonly Histogram<double> _held;
    private readonly Histogram<double> _reconcile;

    public OperatorMeter()
    {
        _finished = _meter.CreateCounter<long>("quiesce.requests.finished", "{request}", "FreezeRequests that reached a final phase.");
        _toFrozen = Histogram("quiesce.requests.time_to_frozen", "From the first sight of a FreezeRequest to Frozen.");
        _held = Histogram("quiesce.windows.held", "From Frozen to the last node's release.");
        _reconcile = Histogram("quiesce.reconcile.duration", "Duration of one reconcile.");
    }

    /// <summary>A request's status was written with another phase than before.</summary>
    public void Phase(FreezeRequestStatus? before, FreezeRequestStatus after)
    {
        if (after is { StartedAt: { } started, FrozenAt: { } frozen } && before?.FrozenAt is null) _toFrozen.Record((frozen - started).TotalSeconds);
        if (after.Phase < FreezePhase.Thawed) return;
        _finished.Add(1, new("phase", after.Phase.ToString()), new("reason", after.Reason));
        if (after is { FrozenAt: { } opened, ThawedAt: { } thawed }) _held.Record((thawed - opened).TotalSeconds);
    }

    /// <summary>A reconcile ended.</summary>
    public void Reconciled(string kind, bool success, TimeSpan duration) =>
        _reconcile.Record(duration.TotalSeconds, new("kind", kind), new("result", success ? "success" : "failure"));

    /// <summary>Has the length of a controller's queue read when metrics are collected.</summary>
    public void Queue(string kind, Func<int> length) => _meter.CreateObservableGauge(
        "quiesce.queue.length", () => new Measurement<int>(length(), new KeyValuePair<string, object?>("kind", kind)), "{key}", "Objects that wait for a reconcile.");

    /// <summary>Has counted, when metrics are collected, what the nodes' reports say now.</summary>
    /// <remarks>Of what is there, not of what this process has seen happen: it is as true after a restart.</remarks>
    public void Nodes(Func<IReadOnlyList<NodeFreeze>> nodeFreezes)
    {
        _meter.CreateObservableGauge(
            "quiesce.filesystems.stuck",
            () =>
            {
                var (freezes, thaws) = NodeCounts.Stuck(nodeFreezes());
                return new[] { new Measurement<int>(freezes, new KeyValuePair<string, object?>("call", "freeze")), new(thaws, new KeyValuePair<string, object?>("call", "thaw")) };
            },
            "{filesystem}",
            "Filesystems whose freeze or thaw call does not return.");
        _meter.CreateObservableGauge(
            "quiesce.nodes.unprotected",
            () => NodeCounts.Unprotected(nodeFreezes()),
            "{node}",
            "Nodes with a request whose holder is within reach of what kills or pauses the agent's container, by their last report.");
    }

    /// <inheritdoc/>
    public void Dispose() => _meter.Dispose();

    private Histogram<double> Histogram(string name, string description) =>
        _meter.CreateHistogram(name, "s", description, advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = Seconds });
}
