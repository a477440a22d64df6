using Quiesce.Crds.Client;

namespace Quiesce.Runtime;

/// <summary>The measurements of one controller and its queue.</summary>
internal sealed class ControllerMetrics
{
    private readonly RuntimeMeter _meter;
    private readonly string _controller;

    internal ControllerMetrics(RuntimeMeter meter, string controller, int workers)
    {
        (_meter, _controller, Workers) = (meter, controller, workers);
        Tags = [RuntimeMeter.Tag("controller", controller)];
        QueueTags = [RuntimeMeter.Tag("name", controller), RuntimeMeter.Tag("controller", controller)];
        // A series that is there from the start tells a rate from the first increase on.
        foreach (var result in (string[])["success", "error", "requeue_after"]) meter.Reconciles.Add(0, [.. Tags, RuntimeMeter.Tag("result", result)]);
        meter.Errors.Add(0, Tags);
        meter.Adds.Add(0, QueueTags);
        meter.Retries.Add(0, QueueTags);
    }

    internal KeyValuePair<string, object?>[] Tags { get; }

    internal KeyValuePair<string, object?>[] QueueTags { get; }

    internal int Workers { get; }

    /// <summary>The queue of now; null while the controller does not run.</summary>
    internal WorkQueue<ObjectKey>? Queue { get; set; }

    internal void Added() => _meter.Adds.Add(1, QueueTags);

    internal void Retried() => _meter.Retries.Add(1, QueueTags);

    internal void Waited(TimeSpan time) => _meter.QueueTime.Record(time.TotalSeconds, QueueTags);

    internal void Worked(TimeSpan time) => _meter.WorkTime.Record(time.TotalSeconds, QueueTags);

    internal void Reconciled(bool success, bool requeue, TimeSpan time)
    {
        _meter.Reconciles.Add(1, RuntimeMeter.Tag("controller", _controller), RuntimeMeter.Tag("result", !success ? "error" : requeue ? "requeue_after" : "success"));
        if (!success) _meter.Errors.Add(1, Tags);
        _meter.ReconcileTime.Record(time.TotalSeconds, Tags);
    }
}
