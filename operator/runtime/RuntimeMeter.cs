using System.Collections.Concurrent;
using System.Diagnostics.Metrics;

namespace Quiesce.Runtime;

/// <summary>What controllers, their queues and the election measure, under the names that controller-runtime gave them: dashboards and alerts for those serve here too.</summary>
/// <remarks>Source: <c>pkg/internal/controller/metrics</c>, <c>pkg/internal/metrics/workqueue.go</c> and <c>pkg/metrics/leaderelection.go</c> of controller-runtime.</remarks>
public sealed class RuntimeMeter : IDisposable
{
    /// <summary>Name of the meter, for exporters.</summary>
    public const string Name = "Quiesce.Runtime";

    private static readonly InstrumentAdvice<double> ReconcileSeconds = new()
    {
        HistogramBucketBoundaries = [0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.25, 1.5, 1.75, 2, 2.5, 3, 3.5, 4, 4.5, 5, 6, 7, 8, 9, 10, 15, 20, 25, 30, 40, 50, 60],
    };

    private static readonly InstrumentAdvice<double> QueueSeconds = new() { HistogramBucketBoundaries = [1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1, 10, 100, 1000] };

    private readonly Meter _meter = new(Name);
    private readonly ConcurrentDictionary<string, ControllerMetrics> _controllers = [];
    private readonly ConcurrentDictionary<string, bool> _leads = [];

    /// <summary>One for each process.</summary>
    public RuntimeMeter()
    {
        Reconciles = _meter.CreateCounter<long>("controller_runtime_reconcile_total", null, "Reconciles.");
        Errors = _meter.CreateCounter<long>("controller_runtime_reconcile_errors_total", null, "Reconciles that failed.");
        ReconcileTime = _meter.CreateHistogram("controller_runtime_reconcile_time_seconds", "s", "Duration of a reconcile.", advice: ReconcileSeconds);
        Adds = _meter.CreateCounter<long>("workqueue_adds_total", null, "Keys added to the queue.");
        Retries = _meter.CreateCounter<long>("workqueue_retries_total", null, "Keys that come again because work on them failed.");
        QueueTime = _meter.CreateHistogram("workqueue_queue_duration_seconds", "s", "How long a key waits for a worker.", advice: QueueSeconds);
        WorkTime = _meter.CreateHistogram("workqueue_work_duration_seconds", "s", "How long the work on a key takes.", advice: QueueSeconds);
        Gauge("workqueue_depth", null, "Keys that wait for a worker.", c => c.Queue?.Count ?? 0);
        Gauge("workqueue_unfinished_work_seconds", "s", "How long all work that is under way has taken so far.", c => c.Queue?.UnderWay().Sum ?? 0);
        Gauge("workqueue_longest_running_processor_seconds", "s", "How long the oldest work that is under way has taken so far.", c => c.Queue?.UnderWay().Longest ?? 0);
        Gauge("controller_runtime_active_workers", null, "Workers that reconcile now.", c => c.Queue?.UnderWay().Count ?? 0);
        Gauge("controller_runtime_max_concurrent_reconciles", null, "Workers.", c => c.Workers);
        _ = _meter.CreateObservableGauge(
            "leader_election_master_status", () => _leads.Select(lease => new Measurement<int>(lease.Value ? 1 : 0, Tag("name", lease.Key))), null, "1 where this process holds the lease.");
    }

    internal Counter<long> Reconciles { get; }

    internal Counter<long> Errors { get; }

    internal Histogram<double> ReconcileTime { get; }

    internal Counter<long> Adds { get; }

    internal Counter<long> Retries { get; }

    internal Histogram<double> QueueTime { get; }

    internal Histogram<double> WorkTime { get; }

    /// <inheritdoc/>
    public void Dispose() => _meter.Dispose();

    internal static KeyValuePair<string, object?> Tag(string name, string value) => new(name, value);

    internal ControllerMetrics Of(string controller, int workers) => _controllers.GetOrAdd(controller, name => new(this, name, workers));

    internal void Leads(string lease, bool leads) => _leads[lease] = leads;

    private void Gauge(string name, string? unit, string description, Func<ControllerMetrics, double> value) => _meter.CreateObservableGauge(
        name, () => _controllers.Values.Select(c => new Measurement<double>(value(c), name.StartsWith("workqueue_", StringComparison.Ordinal) ? c.QueueTags : c.Tags)), unit, description);
}
