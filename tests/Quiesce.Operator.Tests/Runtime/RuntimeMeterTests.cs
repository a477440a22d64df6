using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.Time.Testing;
using Quiesce.Crds.Client;
using Quiesce.Runtime;

namespace Quiesce.Operator.Tests.Runtime;

/// <summary>What a queue and its controller measure.</summary>
public sealed class RuntimeMeterTests : IDisposable
{
    private readonly FakeTimeProvider _time = new();
    private readonly RuntimeMeter _meter = new();
    private readonly string _controller = $"test-{Guid.NewGuid():n}";
    private readonly ConcurrentQueue<(string Name, double Value, string? Result)> _measured = new();
    private readonly MeterListener _listener = new();

    public RuntimeMeterTests()
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter.Name == RuntimeMeter.Name) listener.EnableMeasurementEvents(instrument);
        };
        _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Keep(instrument.Name, value, tags));
        _listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Keep(instrument.Name, value, tags));
        _listener.Start();
    }

    public void Dispose()
    {
        _listener.Dispose();
        _meter.Dispose();
    }

    [Fact]
    public async Task A_key_is_measured_from_when_it_is_added_to_when_it_is_done()
    {
        var metrics = _meter.Of(_controller, workers: 3);
        using var queue = new WorkQueue<ObjectKey>(Backoff.Default, _time, metrics);
        metrics.Queue = queue;
        queue.Add(new("ns", "a"));
        queue.Add(new("ns", "a")); // waits already
        queue.Add(new("ns", "b"));
        Assert.Equal((2, 2), (Sum("workqueue_adds_total"), Gauge("workqueue_depth")));
        _time.Advance(TimeSpan.FromSeconds(2));
        var a = await queue.TakeAsync(CancellationToken.None);
        _time.Advance(TimeSpan.FromSeconds(1));
        var b = await queue.TakeAsync(CancellationToken.None);
        Assert.Equal([2, 3], All("workqueue_queue_duration_seconds"));
        _time.Advance(TimeSpan.FromSeconds(4));
        Assert.Equal((5 + 4, 5, 2, 0), (Gauge("workqueue_unfinished_work_seconds"), Gauge("workqueue_longest_running_processor_seconds"), Gauge("controller_runtime_active_workers"), Gauge("workqueue_depth")));
        queue.Done(a);
        queue.Failed(b);
        Assert.Equal([5, 4], All("workqueue_work_duration_seconds"));
        Assert.Equal((1, 0, 3), (Sum("workqueue_retries_total"), Gauge("workqueue_unfinished_work_seconds"), Gauge("controller_runtime_max_concurrent_reconciles")));
    }

    [Fact]
    public void Reconciles_are_counted_by_result()
    {
        var metrics = _meter.Of(_controller, workers: 1);
        metrics.Reconciled(success: true, requeue: false, TimeSpan.FromSeconds(1));
        metrics.Reconciled(success: true, requeue: true, TimeSpan.FromSeconds(2));
        metrics.Reconciled(success: false, requeue: true, TimeSpan.FromSeconds(3));
        Assert.Equal(["success", "requeue_after", "error"], _measured.Where(m => m is { Name: "controller_runtime_reconcile_total", Value: 1 }).Select(m => m.Result));
        Assert.Equal(1, Sum("controller_runtime_reconcile_errors_total"));
        Assert.Equal([1, 2, 3], All("controller_runtime_reconcile_time_seconds"));
    }

    private double Gauge(string name)
    {
        while (_measured.TryDequeue(out var one))
        {
            if (!IsGauge(one.Name)) _kept.Add(one);
        }

        _listener.RecordObservableInstruments();
        return _measured.Single(m => m.Name == name).Value;
    }

    private readonly List<(string Name, double Value, string? Result)> _kept = [];

    private double Sum(string name) => All(name).Sum();

    private double[] All(string name) => [.. _kept.Concat(_measured).Where(m => m.Name == name).Select(m => m.Value)];

    private static bool IsGauge(string name) => name is "workqueue_depth" or "workqueue_unfinished_work_seconds" or "workqueue_longest_running_processor_seconds"
        or "controller_runtime_active_workers" or "controller_runtime_max_concurrent_reconciles" or "leader_election_master_status";

    private void Keep(string name, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        string? result = null;
        var ours = false;
        foreach (var (key, tag) in tags)
        {
            if (key == "controller") ours = (string?)tag == _controller;
            else if (key == "result") result = (string?)tag;
        }

        if (ours) _measured.Enqueue((name, value, result));
    }
}
