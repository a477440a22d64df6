using Quiesce.Crds;

namespace Quiesce.Operator.Tests.Flows;

/// <summary>Two replicas of the operator.</summary>
public sealed class LeaderTests
{
    private static OperatorOptions Elect(OperatorOptions options) => options with { LeaderElect = true };

    [Fact]
    public async Task The_second_does_nothing_until_the_first_has_stopped_and_then_goes_on_in_an_open_window()
    {
        await using var stage = await Stage.SetAsync(2, withOperator: false);
        var first = await stage.StartOperatorAsync(options: Elect);
        var request = await stage.RequestAsync(s => s with { DeadlineSeconds = 120 });
        await stage.PhaseAsync(request, FreezePhase.Frozen);
        var second = await stage.StartOperatorAsync(options: Elect);
        await Eventually.TrueAsync(() => second.IsReady, "the second in step");
        Assert.Equal(0, second.Switch.Writes);
        await stage.StopOperatorAsync(first);
        await stage.ThawAsync(request);
        await stage.PhaseAsync(request, FreezePhase.Thawed);
        Assert.True(second.Switch.Writes > 0);
        await stage.CleanAsync();
    }

    [Fact]
    public async Task Two_that_both_believe_to_lead_do_no_harm()
    {
        // Without election: as bad as a split can get.
        await using var stage = await Stage.SetAsync(2);
        await stage.StartOperatorAsync();
        for (var i = 0; i < 5; i++)
        {
            var request = await stage.RequestAsync();
            await stage.PhaseAsync(request, FreezePhase.Frozen);
            await stage.ThawAsync(request);
            var thawed = await stage.PhaseAsync(request, FreezePhase.Thawed);
            Assert.Equal(ConditionStatus.True, Stage.Condition(thawed, ConditionTypes.WindowIntact).Status);
            Assert.Equal(2, stage.Ledger.Freezes(request.Metadata.Uid));
        }

        await stage.CleanAsync();
    }
}
