using Quiesce.Crds;

namespace Quiesce.Operator.Tests.Flows;

/// <summary>The operator's wall clock is stepped by hours in the middle of a request.</summary>
public sealed class ClockTests
{
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(1);

    public static TheoryData<int> Steps => [-3, 3];

    public static TheoryData<int, int> StepsAndNodes => new() { { -3, 1 }, { 3, 1 }, { -3, 2 }, { 3, 2 } };

    [Theory]
    [MemberData(nameof(Steps))]
    public async Task A_window_neither_ends_early_nor_late_and_its_verdict_is_what_it_was(int hours)
    {
        var time = new SteppedTime(TimeProvider.System);
        await using var stage = await Stage.SetAsync(2, withOperator: false);
        await stage.StartOperatorAsync(time: time);
        var (intact, expiring) = (await stage.RequestAsync(s => s with { DeadlineSeconds = 60 }), await stage.RequestAsync(s => s with { DeadlineSeconds = 2 }));
        var opened = TimeProvider.System.GetTimestamp();
        foreach (var request in new[] { intact, expiring }) await stage.PhaseAsync(request, FreezePhase.Frozen);
        time.Step(TimeSpan.FromHours(hours));
        await stage.PhaseAsync(expiring, FreezePhase.Expired);
        Assert.InRange(TimeProvider.System.GetElapsedTime(opened).TotalSeconds, 2, 2 + Eventually.Bound.TotalSeconds / 2);
        var status = await stage.PhaseAsync(intact, FreezePhase.Frozen);
        await stage.ThawAsync(intact);
        var thawed = await stage.PhaseAsync(intact, FreezePhase.Thawed);
        Assert.Equal(ConditionStatus.True, Stage.Condition(thawed, ConditionTypes.WindowIntact).Status);
        Assert.InRange((thawed.ThawedAt - status.FrozenAt)!.Value.TotalSeconds, 0, 60);
        await stage.CleanAsync();
    }

    [Theory]
    [MemberData(nameof(StepsAndNodes))]
    public async Task A_lost_node_keeps_neither_the_request_nor_its_deletion(int hours, int nodes)
    {
        var time = new SteppedTime(TimeProvider.System);
        await using var stage = await Stage.SetAsync(nodes, withOperator: false);
        await stage.StartOperatorAsync(time: time);
        async Task<FreezeRequest> OpenAsync()
        {
            var request = await stage.RequestAsync(s => s with { DeadlineSeconds = 2, FreezeTimeoutSeconds = 5 });
            await stage.PhaseAsync(request, FreezePhase.Frozen);
            return request;
        }

        var (kept, deleted) = (await OpenAsync(), await OpenAsync());
        stage.Agents[^1].Script = new() { IsSilent = true };
        time.Step(TimeSpan.FromHours(hours));
        var stepped = TimeProvider.System.GetTimestamp();
        await stage.DeleteAsync(deleted);
        Assert.Equal(Reasons.NodeLost, (await stage.PhaseAsync(kept, FreezePhase.Failed)).Reason);
        await stage.GoneAsync(deleted);
        Assert.InRange(TimeProvider.System.GetElapsedTime(stepped), TimeSpan.Zero, TimeSpan.FromSeconds(2) + Grace + TimeSpan.FromSeconds(5));
        await stage.CleanAsync();
        Assert.Equal(nodes, stage.Ledger.Freezes(kept.Metadata.Uid));
    }

    [Theory]
    [MemberData(nameof(StepsAndNodes))]
    public async Task A_node_that_never_answers_is_given_up_in_time(int hours, int nodes)
    {
        var time = new SteppedTime(TimeProvider.System);
        await using var stage = await Stage.SetAsync(nodes, withOperator: false);
        await stage.StartOperatorAsync(time: time);
        stage.Agents[^1].Script = new() { IsSilent = true };
        var request = await stage.RequestAsync(s => s with { DeadlineSeconds = 1, FreezeTimeoutSeconds = 2 });
        await stage.PhaseAsync(request, FreezePhase.Preparing);
        time.Step(TimeSpan.FromHours(hours));
        var stepped = TimeProvider.System.GetTimestamp();
        Assert.Equal(Reasons.NodeLost, (await stage.PhaseAsync(request, FreezePhase.Failed)).Reason);
        Assert.InRange(TimeProvider.System.GetElapsedTime(stepped), TimeSpan.FromSeconds(1.5), TimeSpan.FromSeconds(3) + Grace + TimeSpan.FromSeconds(5));
        await stage.CleanAsync();
    }

    [Theory]
    [MemberData(nameof(Steps))]
    public async Task An_operator_that_is_started_again_after_the_step_ends_what_is_left_in_time_and_freezes_nothing_again(int hours)
    {
        await using var stage = await Stage.SetAsync(2);
        var request = await stage.RequestAsync(s => s with { DeadlineSeconds = 2 });
        await stage.PhaseAsync(request, FreezePhase.Frozen);
        stage.Agents[^1].Script = new() { IsSilent = true };
        await stage.StopOperatorAsync(stage.Operator);
        var time = new SteppedTime(TimeProvider.System);
        time.Step(TimeSpan.FromHours(hours));
        await stage.StartOperatorAsync(time: time);
        var started = TimeProvider.System.GetTimestamp();
        Assert.Equal(Reasons.NodeLost, (await stage.PhaseAsync(request, FreezePhase.Failed)).Reason);
        Assert.InRange(TimeProvider.System.GetElapsedTime(started), TimeSpan.Zero, TimeSpan.FromSeconds(2) + Grace + TimeSpan.FromSeconds(5));
        await stage.CleanAsync();
        Assert.Equal(2, stage.Ledger.Freezes(request.Metadata.Uid));
    }

    [Theory]
    [MemberData(nameof(Steps))]
    public async Task A_thaw_request_that_is_not_answered_ends_in_time(int hours)
    {
        var time = new SteppedTime(TimeProvider.System);
        await using var stage = await Stage.SetAsync(1, withOperator: false);
        await stage.StartOperatorAsync(time: time);
        stage.Agents[0].Script = new() { IsSilent = true };
        var client = stage.Cluster.ThawRequests;
        await client.CreateAsync(new() { Metadata = new() { Name = "recover" }, Spec = new() { NodeName = "node-1", TimeoutSeconds = 2 } }, CancellationToken.None);
        await Eventually.GetAsync(async () => await client.GetAsync(null, "recover", CancellationToken.None) is { Status.Phase: ThawPhase.Thawing } r ? r : null, () => "begun\n" + stage.Said);
        time.Step(TimeSpan.FromHours(hours));
        var stepped = TimeProvider.System.GetTimestamp();
        var failed = await Eventually.GetAsync(async () => await client.GetAsync(null, "recover", CancellationToken.None) is { Status.Phase: ThawPhase.Failed } r ? r : null, () => "an end\n" + stage.Said);
        Assert.Equal(Reasons.NodeLost, failed.Status!.Reason);
        Assert.InRange(TimeProvider.System.GetElapsedTime(stepped), TimeSpan.FromSeconds(1.5), TimeSpan.FromSeconds(7));
        await client.DeleteAsync(null, "recover");
        await stage.CleanAsync();
    }
}
