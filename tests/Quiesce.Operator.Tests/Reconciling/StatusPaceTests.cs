using Microsoft.Extensions.Time.Testing;
using Quiesce.Crds;
using Quiesce.Operator.Reconciling;

namespace Quiesce.Operator.Tests.Reconciling;

/// <summary>How often a status is written.</summary>
public sealed class StatusPaceTests
{
    private static readonly FreezeRequestStatus Before = new()
    {
        Phase = FreezePhase.Preparing,
        Conditions = [new() { Type = ConditionTypes.Frozen, Status = ConditionStatus.False, Reason = Reasons.InProgress, LastTransitionTime = DateTimeOffset.UnixEpoch }],
    };

    private readonly FakeTimeProvider _time = new();
    private readonly StatusPace _pace;

    public StatusPaceTests()
    {
        _pace = new(_time);
        _pace.Written("a");
    }

    [Fact]
    public void Counts_are_written_once_a_second()
    {
        var after = Before with { NodesPrepared = 1 };
        _time.Advance(TimeSpan.FromSeconds(0.4));
        Assert.Equal(TimeSpan.FromSeconds(0.6), _pace.Wait("a", Before, after));
        _time.Advance(TimeSpan.FromSeconds(0.6));
        Assert.Equal(TimeSpan.Zero, _pace.Wait("a", Before, after));
    }

    public static TheoryData<string> Changes => ["phase", "reason", "generation", "deadline", "condition", "condition's reason"];

    [Theory]
    [MemberData(nameof(Changes))]
    public void A_change_that_someone_waits_for_is_written_at_once(string change)
    {
        var condition = Before.Conditions[0];
        var after = change switch
        {
            "phase" => Before with { Phase = FreezePhase.Frozen },
            "reason" => Before with { Reason = Reasons.AllFrozen },
            "generation" => Before with { ObservedGeneration = 2 },
            "deadline" => Before with { DeadlineAt = DateTimeOffset.UnixEpoch },
            "condition" => Before with { Conditions = [condition with { Status = ConditionStatus.True }] },
            _ => Before with { Conditions = [condition with { Reason = Reasons.AllFrozen }] },
        };
        Assert.Equal(TimeSpan.Zero, _pace.Wait("a", Before, after));
    }

    [Theory]
    [InlineData(FreezePhase.Pending, FreezePhase.Preparing)]
    [InlineData(FreezePhase.Preparing, FreezePhase.Freezing)]
    [InlineData(FreezePhase.Frozen, FreezePhase.Thawing)]
    public void A_phase_on_the_way_is_written_where_it_lasts(FreezePhase from, FreezePhase to)
    {
        var (before, after) = (Before with { Phase = from }, Before with { Phase = to, Reason = Reasons.InProgress });
        Assert.Equal(TimeSpan.FromSeconds(0.25), _pace.Wait("a", before, after));
        _time.Advance(TimeSpan.FromSeconds(0.2));
        Assert.Equal(TimeSpan.FromSeconds(0.05), _pace.Wait("a", before, after));
        Assert.Equal(TimeSpan.Zero, _pace.Wait("a", before, after with { Phase = FreezePhase.Failed }));
        _time.Advance(TimeSpan.FromSeconds(0.05));
        Assert.Equal(TimeSpan.Zero, _pace.Wait("a", before, after));
        _pace.Written("a");
        Assert.Equal(TimeSpan.FromSeconds(0.25), _pace.Wait("a", before, after));
    }

    [Fact]
    public void A_first_status_and_one_of_an_unknown_request_are_written_at_once()
    {
        Assert.Equal(TimeSpan.Zero, _pace.Wait("a", null, Before));
        Assert.Equal(TimeSpan.Zero, _pace.Wait("b", Before, Before with { NodesPrepared = 1 }));
        _pace.Forget("a");
        Assert.Equal(TimeSpan.Zero, _pace.Wait("a", Before, Before with { NodesPrepared = 1 }));
    }
}
