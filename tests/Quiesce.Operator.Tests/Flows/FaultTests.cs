using Quiesce.Cluster.Faults;
using Quiesce.Crds;

namespace Quiesce.Operator.Tests.Flows;

/// <summary>An API server that refuses, loses answers, drops watches or is not there.</summary>
public sealed class FaultTests
{
    private static readonly RequestMatch OperatorWrites = RequestMatch.Writes with
    {
        UserAgent = "quiesce-operator",
        Where = r => r.Resource is not ("events" or "leases"),
    };

    public static TheoryData<string> Effects => ["409", "429", "500", "503", "cut before", "cut after"];

    private static FaultEffect Effect(string name) => name switch
    {
        "409" => FaultEffect.Conflict,
        "429" => FaultEffect.TooManyRequests(1),
        "500" => FaultEffect.InternalError,
        "503" => FaultEffect.Unavailable,
        "cut before" => FaultEffect.CutBefore,
        _ => FaultEffect.CutAfter,
    };

    [Theory]
    [MemberData(nameof(Effects))]
    public async Task Every_second_write_that_goes_wrong_changes_nothing_in_the_end(string effect)
    {
        await using var stage = await Stage.SetAsync(2);
        // One rule for each second write: the oldest rule that has hits left wins, and each lets one through first.
        for (var i = 0; i < 40; i++) stage.Cluster.Server.Faults.Inject(OperatorWrites, Effect(effect), skip: i * 2);
        var request = await stage.RequestAsync(s => s with { FreezeTimeoutSeconds = 30, DeadlineSeconds = 60 });
        await stage.PhaseAsync(request, FreezePhase.Frozen);
        await stage.ThawAsync(request);
        var thawed = await stage.PhaseAsync(request, FreezePhase.Thawed);
        Assert.Equal(ConditionStatus.True, Stage.Condition(thawed, ConditionTypes.WindowIntact).Status);
        await stage.CleanAsync();
    }

    [Fact]
    public async Task The_thaw_at_the_deadline_stays_what_ended_the_window_though_its_answer_was_lost_and_the_user_asks_for_a_thaw_a_moment_later()
    {
        await using var stage = await Stage.SetAsync(2, withOperator: false);
        // The nodes begin to count later than the operator, which therefore is first; and the operator hears of its window by its own writes alone.
        foreach (var agent in stage.Agents) agent.Script = new() { FreezeTime = TimeSpan.FromSeconds(3) };
        stage.Cluster.Server.Faults.Inject(new RequestMatch { Verbs = ["watch"], Resource = "freezewindows", UserAgent = "quiesce-operator" }, FaultEffect.SilentWatch, times: 1_000);
        await stage.StartOperatorAsync();
        var request = await stage.RequestAsync(s => s with { DeadlineSeconds = 5, FreezeTimeoutSeconds = 20 });
        await stage.PhaseAsync(request, FreezePhase.Frozen);
        using var lost = stage.Cluster.Server.Faults.Inject(RequestMatch.Of("patch", "freezewindows") with { UserAgent = "quiesce-operator" }, FaultEffect.CutAfter, times: 1);
        await Eventually.TrueAsync(() => lost.Hits == 1, () => "the thaw at the deadline\n" + stage.Said);
        await stage.ThawAsync(request);
        var expired = await stage.PhaseAsync(request, FreezePhase.Expired);
        Assert.Equal((Reasons.DeadlineExceeded, ConditionStatus.False), (expired.Reason, Stage.Condition(expired, ConditionTypes.WindowIntact).Status));
        await stage.DeleteAsync(request);
        await stage.GoneAsync(request);
    }

    [Fact]
    public async Task Watches_that_are_cut_ended_or_expired_all_the_time_change_nothing_in_the_end()
    {
        await using var stage = await Stage.SetAsync(3);
        using var stop = new CancellationTokenSource();
        var faults = stage.Cluster.Server.Faults;
        var trouble = Task.Run(async () =>
        {
            for (var i = 0; !stop.IsCancellationRequested; i++)
            {
                _ = (i % 3) switch { 0 => faults.DropWatches(), 1 => faults.EndWatches(), _ => faults.ExpireWatches() };
                await Task.Delay(20);
            }
        });
        for (var i = 0; i < 3; i++)
        {
            var request = await stage.RequestAsync(s => s with { DeadlineSeconds = 60 });
            await stage.PhaseAsync(request, FreezePhase.Frozen);
            await stage.ThawAsync(request);
            await stage.PhaseAsync(request, FreezePhase.Thawed);
        }

        await stop.CancelAsync();
        await trouble;
        await stage.CleanAsync();
    }

    [Fact]
    public async Task An_outage_in_the_window_ends_in_an_honest_verdict()
    {
        await using var stage = await Stage.SetAsync(2);
        var request = await stage.RequestAsync(s => s with { DeadlineSeconds = 2 });
        await stage.PhaseAsync(request, FreezePhase.Frozen);
        await stage.Cluster.Server.RefuseConnectionsAsync();
        // The agents go by their own deadlines.
        await Eventually.TrueAsync(() => stage.Ledger.Holding == 0, "a thaw without the API server");
        await stage.Cluster.Server.ResumeAsync();
        var status = await Eventually.GetAsync(
            async () => (await stage.GetAsync(request))!.Status is { Phase: >= FreezePhase.Thawed } s ? s : null, () => "an end\n" + stage.Said);
        // Expired when the agents were heard within the grace, lost otherwise: never intact.
        Assert.Contains(status.Phase, new[] { FreezePhase.Expired, FreezePhase.Failed });
        Assert.Equal(ConditionStatus.False, Stage.Condition(status, ConditionTypes.WindowIntact).Status);
        await stage.CleanAsync();
    }

    [Fact]
    public async Task A_user_who_writes_at_the_same_time_loses_nothing()
    {
        await using var stage = await Stage.SetAsync(2);
        var request = await stage.RequestAsync();
        using var stop = new CancellationTokenSource();
        var count = 0;
        var user = Task.Run(async () =>
        {
            while (!stop.IsCancellationRequested)
            {
                var labels = new System.Text.Json.Nodes.JsonObject { ["touched"] = $"{++count}" };
                await stage.Cluster.FreezeRequests.PatchAsync("shop", request.Metadata.Name, new() { ["metadata"] = new System.Text.Json.Nodes.JsonObject { ["labels"] = labels } });
            }
        });
        await stage.PhaseAsync(request, FreezePhase.Frozen);
        await stage.ThawAsync(request);
        await stage.PhaseAsync(request, FreezePhase.Thawed);
        await stop.CancelAsync();
        await user;
        await stage.CleanAsync();
        Assert.Equal($"{count}", (await stage.GetAsync(request))!.Metadata.Labels["touched"]);
    }

    [Fact]
    public async Task Someone_elses_finalizer_survives_ours()
    {
        await using var stage = await Stage.SetAsync(1);
        var request = await stage.RequestAsync();
        await stage.PhaseAsync(request, FreezePhase.Frozen);
        await stage.Cluster.FreezeRequests.PatchAsync(
            "shop", request.Metadata.Name,
            new() { ["metadata"] = new System.Text.Json.Nodes.JsonObject { ["finalizers"] = new System.Text.Json.Nodes.JsonArray(QuiesceApi.Finalizer, "example.com/other") } });
        await stage.DeleteAsync(request);
        await Eventually.GetAsync(
            async () => (await stage.GetAsync(request))!.Metadata.Finalizers is ["example.com/other"] ? "left" : null, () => "the other finalizer alone\n" + stage.Said);
        Assert.Equal(FreezePhase.Thawed, (await stage.GetAsync(request))!.Status!.Phase);
        Assert.Equal(0, stage.Ledger.Holding);
    }

    [Fact]
    public async Task A_raise_of_a_window_on_pods_does_not_depend_on_reading_them()
    {
        await using var stage = await Stage.SetAsync(1);
        await stage.PodAsync("db-0", "node-1");
        var request = await stage.RequestAsync(s => s with { Targets = [Stage.Pods], DeadlineSeconds = 20, FreezeTimeoutSeconds = 20 });
        await stage.PhaseAsync(request, FreezePhase.Frozen);
        foreach (var effect in new[] { FaultEffect.Forbidden, FaultEffect.Unavailable })
        {
            stage.Cluster.Server.Faults.Clear();
            for (var i = 0; i < 20; i++) stage.Cluster.Server.Faults.Inject(new() { Verbs = ["list"], Resource = "pods", Namespace = "shop", UserAgent = "quiesce-operator" }, effect);
            var deadline = effect == FaultEffect.Forbidden ? 120 : 240;
            await stage.PatchSpecAsync(request, "deadlineSeconds", deadline);
            await Eventually.GetAsync(
                async () => (await stage.Cluster.NodeFreezes.ListAsync(InternalNames.DefaultNamespace)).Items is [{ Status.DeadlineSeconds: var held }] && held == deadline ? "raised" : null,
                () => "a raise\n" + stage.Said);
            await stage.PhaseAsync(request, FreezePhase.Frozen);
        }

        stage.Cluster.Server.Faults.Clear();
        await stage.ThawAsync(request);
        await stage.PhaseAsync(request, FreezePhase.Thawed);
        await stage.CleanAsync();
    }
}
