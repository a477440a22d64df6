using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using Quiesce.Operator.Hosting;
using Quiesce.Telemetry;

namespace Quiesce.Operator.Tests.Hosting;

/// <summary>Where the log goes.</summary>
public sealed class LogOutputTests
{
    private readonly FakeTimeProvider _time = new(new(2026, 3, 1, 12, 0, 0, 123, TimeSpan.Zero));

    [Fact]
    public async Task Lines_come_out_in_order()
    {
        using var stream = new Gate(isOpen: true);
        using var output = new LogOutput(stream, _time);
        for (var i = 0; i < 1000; i++) output.WriteLine($"{i}");
        await Eventually.TrueAsync(() => stream.Lines.Length == 1000, "every line");
        Assert.Equal(Enumerable.Range(0, 1000).Select(i => $"{i}"), stream.Lines);
    }

    [Fact]
    public async Task An_output_that_takes_nothing_holds_up_nobody_and_what_was_dropped_is_said_afterwards()
    {
        using var stream = new Gate(isOpen: false);
        using var output = new LogOutput(stream, _time, capacity: 100);
        output.WriteLine("in the stream");
        await stream.Entered.Soon();
        // Nine bytes and the end of the line: ten of these fit. Nothing here waits, or the test would not end.
        for (var i = 0; i < 25; i++) output.WriteLine($"line {i:D4}");
        Assert.Equal(15, output.Dropped);
        stream.Open();
        await Eventually.TrueAsync(() => stream.Lines.Length == 12, () => string.Join('\n', stream.Lines));
        Assert.Equal("line 0009", stream.Lines[10]);
        Assert.Equal("2026-03-01T12:00:00.123Z warn: Quiesce.Operator.Hosting.LogOutput[0] 15 lines of the log were dropped, because standard output did not take them", stream.Lines[11]);
        output.WriteLine("goes on");
        await Eventually.TrueAsync(() => stream.Lines[^1] == "goes on", "a line after it");
    }

    [Fact]
    public async Task A_write_that_fails_loses_its_line_alone_and_is_told_when_one_succeeds()
    {
        using var stream = new Gate(isOpen: true) { Fails = true };
        using var output = new LogOutput(stream, _time);
        for (var i = 0; i < 3; i++) output.WriteLine("lost");
        await Eventually.TrueAsync(() => output.Dropped == 3, "three lost");
        // It does not try to tell an output that fails: three lines, three tries.
        Assert.Equal(3, stream.Tries);
        stream.Fails = false;
        output.WriteLine("kept");
        await Eventually.TrueAsync(() => stream.Lines.Length == 2, "the line and the notice");
        Assert.Equal("kept", stream.Lines[0]);
        Assert.Contains(" 3 lines of the log were dropped", stream.Lines[1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Its_end_waits_for_what_is_left_and_no_longer_than_a_second()
    {
        using var stream = new Gate(isOpen: false);
        var output = new LogOutput(stream, TimeProvider.System);
        output.WriteLine("never");
        await stream.Entered.Soon();
        var started = TimeProvider.System.GetTimestamp();
        output.Dispose();
        Assert.InRange(TimeProvider.System.GetElapsedTime(started).TotalSeconds, 0.9, 10);

        using var open = new Gate(isOpen: true);
        using (var last = new LogOutput(open, TimeProvider.System))
        {
            for (var i = 0; i < 100; i++) last.WriteLine("last words");
        }

        Assert.Equal(100, open.Lines.Length);
    }

    [Fact]
    public async Task A_line_has_time_level_category_and_text_in_one()
    {
        using var stream = new Gate(isOpen: true);
        using var provider = new LineLoggerProvider(new(stream, _time), _time);
#pragma warning disable CA1848, CA2254 // Not a log but a test of one.
        provider.CreateLogger("Quiesce.Some").Log(LogLevel.Warning, new EventId(7), new InvalidOperationException("inner"), "two\nlines");
#pragma warning restore CA1848, CA2254
        await Eventually.TrueAsync(() => stream.Lines.Length == 1, "a line");
        Assert.Equal("2026-03-01T12:00:00.123Z warn: Quiesce.Some[7] two lines System.InvalidOperationException: inner", stream.Lines[0]);
    }

    [Fact]
    public async Task A_line_says_which_trace_it_belongs_to_as_text_and_as_json()
    {
        using var stream = new Gate(isOpen: true);
        using var text = new LineLoggerProvider(new(stream, _time), _time);
        using var json = new LineLoggerProvider(new(stream, _time, format: LogFormat.Json), _time, LogFormat.Json);
        using var activity = new Activity("test").SetIdFormat(ActivityIdFormat.W3C).Start();
#pragma warning disable CA1848 // Not a log but a test of one.
        text.CreateLogger("Quiesce.Some").LogWarning(new EventId(7), "said of {Name}", "x");
        await Eventually.TrueAsync(() => stream.Lines.Length == 1, "a line");
        json.CreateLogger("Quiesce.Some").LogWarning(new EventId(7), new InvalidOperationException("inner"), "said of {Name}", "a \"b\"\nc");
#pragma warning restore CA1848
        await Eventually.TrueAsync(() => stream.Lines.Length == 2, "two lines");
        Assert.Equal($"2026-03-01T12:00:00.123Z warn: Quiesce.Some[7] said of x trace_id={activity.TraceId}", stream.Lines[0]);
        var line = JsonDocument.Parse(stream.Lines[1]).RootElement;
        string? Of(string name) => line.GetProperty(name).GetString();
        Assert.Equal(
            ("2026-03-01T12:00:00.123Z", "warning", "Quiesce.Some", "said of a \"b\"\nc", activity.TraceId.ToString(), activity.SpanId.ToString()),
            (Of("time"), Of("level"), Of("category"), Of("message"), Of("trace_id"), Of("span_id")));
        Assert.Contains("inner", Of("exception"), StringComparison.Ordinal);
        Assert.Equal("{\"Name\":\"a \\\"b\\\"\\nc\"}", line.GetProperty("attributes").GetRawText());
    }

    /// <summary>A stream whose writes wait until it is opened, or fail.</summary>
    private sealed class Gate(bool isOpen) : MemoryStream
    {
        private readonly ManualResetEventSlim _open = new(isOpen);
        private readonly TaskCompletionSource _entered = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly ConcurrentQueue<string> _lines = new();
        private int _tries;

        public bool Fails { get; set; }

        public int Tries => Volatile.Read(ref _tries);

        public Task Entered => _entered.Task;

        public string[] Lines => [.. _lines];

        public void Open() => _open.Set();

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            Interlocked.Increment(ref _tries);
            _entered.TrySetResult();
            _open.Wait();
            if (Fails) throw new IOException("no");
            _lines.Enqueue(Encoding.UTF8.GetString(buffer).TrimEnd('\n'));
        }
    }
}
