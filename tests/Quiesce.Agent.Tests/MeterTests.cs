using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using Quiesce.Agent.Telemetry;
using Quiesce.Crds;
using Quiesce.Freezing;
using Quiesce.Freezing.Kernel;
using Quiesce.Freezing.Reports;
using Quiesce.Freezing.Windows;
using FilesystemState = Quiesce.Freezing.Reports.FilesystemState;

namespace Quiesce.Agent.Tests;

/// <summary>What the agent makes of its holders' reports: numbers and spans.</summary>
public sealed class MeterTests : IDisposable
{
    private const long Second = 1_000_000_000;

    private static readonly long Now = Native.BootTimeNanoseconds();

    private readonly AgentMeter meter;
    private readonly MeterListener listener = new();
    private readonly ConcurrentQueue<(string Name, double Value, string Tags)> measured = new();

    public MeterTests()
    {
        meter = new AgentMeter(() => 7);
        listener.InstrumentPublished = (instrument, l) =>
        {
            if (instrument.Meter.Name == AgentMeter.Name) l.EnableMeasurementEvents(instrument);
        };
        listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Keep(instrument, value, tags));
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Keep(instrument, value, tags));
        listener.SetMeasurementEventCallback<int>((instrument, value, tags, _) => Keep(instrument, value, tags));
        listener.Start();
    }

    public void Dispose()
    {
        listener.Dispose();
        meter.Dispose();
    }

    [Fact]
    public void The_stall_lasts_from_the_first_freeze_that_was_entered_to_the_last_that_returned()
    {
        var early = Frozen("/a", frozenAt: Now, freeze: 30_000_000);
        var late = Frozen("/b", frozenAt: Now + 20_000_000, freeze: 5_000_000);
        meter.Ended(Thawed(early, late));
        Assert.Equal(0.05, Assert.Single(Of("quiesce.window.stall.duration")).Value, 9);
        Assert.Equal([(0.03, "system.filesystem.type=ext4"), (0.005, "system.filesystem.type=ext4")], Of("quiesce.filesystem.freeze.duration").Select(m => (m.Value, m.Tags)));
        Assert.Equal([2, 2], Of("quiesce.filesystem.hold.duration").Select(m => m.Value));
        Assert.Equal([(1, "outcome=Thawed,reason=ThawRequested")], Of("quiesce.freezes").Select(m => (m.Value, m.Tags)));
        Assert.Equal([(2, "cause=Request")], Of("quiesce.thaws").Select(m => (m.Value, m.Tags)));
    }

    [Fact]
    public void A_window_that_never_was_has_no_times()
    {
        meter.Ended(new WindowReport { Phase = WindowPhase.Failed, Reason = FreezeReason.ProtectedFilesystem, Filesystems = [new() { Path = "/", State = FilesystemState.Refused }] });
        Assert.DoesNotContain(measured, m => m.Name.EndsWith(".duration", StringComparison.Ordinal));
        Assert.Equal("outcome=Failed,reason=ProtectedFilesystem", Assert.Single(Of("quiesce.freezes")).Tags);
    }

    [Theory]
    [InlineData(FreezeReason.DeadlineExceeded, false, "Deadline")]
    [InlineData(FreezeReason.HolderDied, true, "Backup")]
    [InlineData(FreezeReason.DeadlineExceeded, true, "Backup")]
    [InlineData(FreezeReason.CommandGone, false, "Other")]
    public void What_thawed_is_told(string reason, bool backup, string cause)
    {
        meter.Ended(Thawed(Frozen("/a")) with { Phase = WindowPhase.Broken, Reason = reason }, backup);
        Assert.Equal($"cause={cause}", Assert.Single(Of("quiesce.thaws")).Tags);
    }

    [Fact]
    public void What_is_frozen_now_and_its_nearest_deadline_are_told_until_it_is_thawed()
    {
        Assert.Equal((0, double.PositiveInfinity), (Gauge("quiesce.filesystems.frozen"), Gauge("quiesce.deadline.remaining")));
        meter.Stands("far", Open(Now + (60 * Second), Frozen("/a"), Frozen("/b")));
        meter.Stands("near", Open(Now + (10 * Second), Frozen("/c"), Frozen("/d") with { State = FilesystemState.Thawing }, Frozen("/e") with { State = FilesystemState.Thawed }));
        meter.Stands("nearer, but nothing is frozen", Open(Now + Second, Frozen("/f") with { State = FilesystemState.Freezing }));
        Assert.Equal(4, Gauge("quiesce.filesystems.frozen"));
        Assert.InRange(Gauge("quiesce.deadline.remaining"), 0, 10);
        meter.Stands("near", Open(Now - (5 * Second), Frozen("/c")));
        Assert.InRange(Gauge("quiesce.deadline.remaining"), -60, -5);
        meter.Stands("near", Thawed(Frozen("/c")));
        Assert.InRange(Gauge("quiesce.deadline.remaining"), 10, 60);
        Assert.Equal(2, Gauge("quiesce.filesystems.frozen"));
    }

    [Fact]
    public void A_call_that_does_not_return_is_told_by_its_kind_and_a_thaw_leaves_the_filesystem_frozen()
    {
        meter.Stands("stuck", Open(
            Now - Second,
            Frozen("/a") with { State = FilesystemState.Stuck, Reason = FreezeReason.FreezeStuck },
            Frozen("/b") with { State = FilesystemState.Stuck, Reason = FreezeReason.ThawStuck }));
        Assert.Equal((1, 1, 1), (Gauge("quiesce.filesystems.stuck", "call=freeze"), Gauge("quiesce.filesystems.stuck", "call=thaw"), Gauge("quiesce.filesystems.frozen")));
        Assert.True(Gauge("quiesce.deadline.remaining") < 0);
    }

    [Fact]
    public void A_holder_that_is_not_protected_is_told_until_another_one_is()
    {
        meter.Stands("a", Open(Now, Frozen("/a")) with { HolderProtected = false });
        Assert.Equal(1, Gauge("quiesce.holders.unprotected"));
        meter.Stands("b", Open(Now, Frozen("/b")));
        Assert.Equal(1, Gauge("quiesce.holders.unprotected"));
        meter.Protected(true);
        Assert.Equal((0, 7), (Gauge("quiesce.holders.unprotected"), Gauge("quiesce.log.lines.dropped")));
    }

    [Fact]
    public void What_the_holder_measured_becomes_spans_below_the_plans_trace_at_the_times_at_which_it_happened()
    {
        var ended = new ConcurrentQueue<Activity>();
        var trace = ActivityTraceId.CreateRandom();
        using var spans = new ActivityListener
        {
            ShouldListenTo = source => source.Name == AgentActivity.Name,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = activity =>
            {
                if (activity.TraceId == trace) ended.Enqueue(activity);
            },
        };
        ActivitySource.AddActivityListener(spans);
        var plan = new NodeFreeze
        {
            Metadata = new() { Name = "plan", Annotations = new Dictionary<string, string> { [QuiesceApi.TraceParentAnnotation] = $"00-{trace}-b7ad6b7169203331-01" } },
            Spec = new() { NodeName = "node-1", Request = new() { Namespace = "shop", Name = "nightly", Uid = "0d5e" } },
        };
        var now = TimeProvider.System.GetUtcNow().UtcDateTime;
        AgentActivity.End(AgentActivity.Begin(plan), Thawed(Frozen("/a", frozenAt: Now, freeze: 30_000_000) with { FlushedAt = Now - 40_000_000, FlushNanoseconds = 10_000_000 }), TimeProvider.System);
        Assert.Equal(["stall", "flush", "freeze", "hold", "thaw", "Hold"], ended.Select(a => a.OperationName));
        var whole = ended.Last();
        Assert.Equal(("b7ad6b7169203331", "node-1", ActivityStatusCode.Ok), (whole.ParentSpanId.ToString(), whole.GetTagItem("k8s.node.name"), whole.Status));
        Assert.All(ended.SkipLast(1), span => Assert.Equal(whole.SpanId, span.ParentSpanId));
        Assert.Equal([30, 10, 30, 2000, 1], ended.SkipLast(1).Select(a => Math.Round(a.Duration.TotalMilliseconds, 3)));
        var freeze = ended.Single(a => a.OperationName == "freeze");
        Assert.Equal(("/a", "ext4"), (freeze.GetTagItem("system.filesystem.mountpoint"), freeze.GetTagItem("system.filesystem.type")));
        Assert.InRange((freeze.StartTimeUtc + freeze.Duration - now + TimeSpan.FromTicks((Native.BootTimeNanoseconds() - Now) / 100)).TotalSeconds, -1, 1);
    }

    private static FilesystemReport Frozen(string path, long? frozenAt = null, long freeze = 1_000_000) => new()
    {
        Path = path,
        State = FilesystemState.Frozen,
        Type = "ext4",
        FlushNanoseconds = 500_000,
        FrozenAt = frozenAt ?? Now,
        FreezeNanoseconds = freeze,
        HeldNanoseconds = 2 * Second,
        ThawNanoseconds = 1_000_000,
    };

    private static WindowReport Open(long deadlineAt, params FilesystemReport[] filesystems) => new() { Phase = WindowPhase.Frozen, DeadlineAt = deadlineAt, Filesystems = filesystems };

    private static WindowReport Thawed(params FilesystemReport[] filesystems) => new()
    {
        Phase = WindowPhase.Thawed,
        Reason = FreezeReason.ThawRequested,
        ThawedFilesystems = filesystems.Length,
        Filesystems = [.. filesystems.Select(f => f with { State = FilesystemState.Thawed })],
    };

    private (string Name, double Value, string Tags)[] Of(string name) => [.. measured.Where(m => m.Name == name)];

    private double Gauge(string name, string tags = "")
    {
        measured.Clear();
        listener.RecordObservableInstruments();
        return measured.Single(m => m.Name == name && m.Tags == tags).Value;
    }

    private void Keep(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        var text = new List<string>();
        foreach (var (key, tag) in tags) text.Add($"{key}={tag}");
        measured.Enqueue((instrument.Name, value, string.Join(',', text)));
    }
}
