using Microsoft.Extensions.Time.Testing;
using Quiesce.Crds;
using Quiesce.Operator.Freezing;
using Quiesce.Operator.Reconciling;

namespace Quiesce.Operator.Tests.Reconciling;

/// <summary>The time a request lives by.</summary>
public sealed class RequestClocksTests
{
    private static readonly DateTimeOffset Start = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    private readonly FakeTimeProvider _time = new(Start);
    private readonly SteppedTime _wall;
    private readonly RequestClocks _clocks;

    public RequestClocksTests()
    {
        _wall = new(_time);
        _clocks = new(_wall);
    }

    private static FreezeRequest Request(DateTimeOffset? started = null, string uid = "a") =>
        new() { Metadata = new() { Uid = uid }, Status = started is null ? null : new() { StartedAt = started } };

    private static FreezeWindow Window(params (string Name, DateTimeOffset At)[] annotations) => new()
    {
        Metadata = new() { Annotations = annotations.ToDictionary(a => a.Name, a => WindowRecord.Format(a.At)) },
        Spec = new() { Request = new() { Namespace = "shop", Name = "nightly", Uid = "a" } },
    };

    [Fact]
    public void It_begins_with_the_wall_clock_and_goes_on_with_it()
    {
        Assert.Equal(Start, _clocks.Now(Request(), null));
        _time.Advance(TimeSpan.FromSeconds(7));
        Assert.Equal(Start.AddSeconds(7), _clocks.Now(Request(Start), null));
    }

    [Theory]
    [InlineData(-5)]
    [InlineData(5)]
    public void A_step_of_the_wall_clock_while_it_lives_is_not_seen(int hours)
    {
        _clocks.Now(Request(), null);
        _time.Advance(TimeSpan.FromSeconds(2));
        _wall.Step(TimeSpan.FromHours(hours));
        Assert.Equal(Start.AddSeconds(2), _clocks.Now(Request(Start), null));
        _time.Advance(TimeSpan.FromSeconds(3));
        Assert.Equal(Start.AddSeconds(5), _clocks.Now(Request(Start), null));
    }

    [Fact]
    public void A_request_that_comes_after_the_step_has_the_new_time()
    {
        _clocks.Now(Request(), null);
        _wall.Step(TimeSpan.FromHours(-5));
        Assert.Equal(Start.AddHours(-5), _clocks.Now(Request(uid: "b"), null));
    }

    public static TheoryData<string> Sources => ["status", "condition", WindowRecord.CommandedAtAnnotation, WindowRecord.FrozenAtAnnotation, "end"];

    [Theory]
    [MemberData(nameof(Sources))]
    public void What_was_written_later_than_now_is_where_it_goes_on(string source)
    {
        // Another operator wrote it, or this one before a restart, and the clock went back by hours.
        var written = Start.AddHours(3);
        var request = source switch
        {
            "status" => Request(written),
            "condition" => Request(Start) with { Status = new() { Conditions = [new() { Type = ConditionTypes.Frozen, Status = ConditionStatus.True, Reason = Reasons.AllFrozen, LastTransitionTime = written }] } },
            _ => Request(Start),
        };
        var window = source switch
        {
            "status" or "condition" => null,
            "end" => Window((WindowRecord.EndAtAnnotation, written)),
            _ => Window((source, written)),
        };
        if (source == "end") window!.Metadata.Annotations[WindowRecord.EndReasonAnnotation] = Reasons.ThawRequested;
        Assert.Equal(written, _clocks.Now(request, window));
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(written.AddSeconds(1), _clocks.Now(request, window));
    }

    [Fact]
    public void A_deadline_is_always_to_come_and_moves_nothing() =>
        Assert.Equal(Start, _clocks.Now(Request() with { Status = new() { StartedAt = Start, DeadlineAt = Start.AddSeconds(20) } }, null));

    [Fact]
    public void A_thaw_request_and_a_window_left_behind_have_theirs()
    {
        Assert.Equal(Start.AddHours(1), _clocks.Now(new ThawRequest { Metadata = new() { Uid = "t" }, Status = new() { StartedAt = Start.AddHours(1) } }));
        Assert.Equal(Start.AddHours(2), _clocks.Now("o", Window((WindowRecord.CommandedAtAnnotation, Start.AddHours(2)))));
        Assert.Equal(Start, _clocks.Now("p", null));
    }

    [Fact]
    public void One_that_is_forgotten_begins_anew()
    {
        _clocks.Now(Request(), null);
        _clocks.Now(Request(uid: "b"), null);
        _wall.Step(TimeSpan.FromHours(5));
        _clocks.Keep(new HashSet<string> { "b" });
        Assert.Equal(Start.AddHours(5), _clocks.Now(Request(), null));
        Assert.Equal(Start, _clocks.Now(Request(uid: "b"), null));
    }
}
