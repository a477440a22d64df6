using System.Text.Json;
using System.Text.Json.Nodes;
using Quiesce.Cluster;
using Quiesce.Cluster.Faults;
using Quiesce.Crds;
using Quiesce.Crds.Client;

namespace Quiesce.Operator.Tests.Flows;

/// <summary>Many nodes are called at once by one object, and make their plans themselves; who does not answer is given one.</summary>
public sealed class CallTests
{
    private static async Task<Stage> SetAsync(int nodes)
    {
        var stage = await Stage.SetAsync(nodes, withOperator: false);
        await stage.StartOperatorAsync(null, o => o with { CallFromNodes = 2 });
        return stage;
    }

    [Fact]
    public async Task Nodes_that_are_called_make_their_plans_and_the_window_opens_holds_and_ends_as_any_other()
    {
        await using var stage = await SetAsync(3);
        for (var time = 1; time <= 2; time++)
        {
            var request = await stage.RequestAsync();
            var frozen = await stage.PhaseAsync(request, FreezePhase.Frozen);
            Assert.Equal((3, 3, 6), (frozen.NodeCount, frozen.NodesFrozen, frozen.FrozenFilesystems));
            var window = await stage.WindowAsync(request);
            Assert.Equal(InternalNames.CalledWindow, window!.Metadata.Name);
            var plans = await stage.PlansAsync(request);
            Assert.Equal(stage.Agents.Select(a => InternalNames.PlanId(window.Metadata.Uid, a.Node)).Order(), plans.Select(p => p.PlanId).Order());
            Assert.All(plans, p => Assert.Equal((window.Metadata.Uid, "/srv", true), (p.WindowUid, Assert.Single(p.Spec.Paths), p.Metadata.Annotations.ContainsKey(QuiesceApi.ReportAnnotation))));
            if (stage.Cluster.IsLocal) Assert.Equal(0, stage.Cluster.Server.Requests.Count(RequestMatch.Of("create", "nodefreezes") with { UserAgent = "quiesce-operator" }));
            await stage.ThawAsync(request);
            var thawed = await stage.PhaseAsync(request, FreezePhase.Thawed);
            Assert.Equal(ConditionStatus.True, Stage.Condition(thawed, ConditionTypes.WindowIntact).Status);
            await stage.CleanAsync();
        }
    }

    [Fact]
    public async Task One_window_calls_at_a_time_and_the_nodes_of_another_are_given_their_plans()
    {
        await using var stage = await SetAsync(2);
        var first = await stage.RequestAsync();
        await stage.PhaseAsync(first, FreezePhase.Frozen);
        var second = await stage.RequestAsync();
        await stage.PhaseAsync(second, FreezePhase.Frozen);
        Assert.Equal(InternalNames.CalledWindow, (await stage.WindowAsync(first))!.Metadata.Name);
        Assert.Equal(InternalNames.Window(second.Metadata.Uid), (await stage.WindowAsync(second))!.Metadata.Name);
        Assert.Equal(["node-1-0", "node-1-1", "node-2-0", "node-2-1"], (await stage.PlansAsync(first)).Concat(await stage.PlansAsync(second)).Select(p => p.Metadata.Name).Order());
        await stage.ThawAsync(first);
        await stage.PhaseAsync(first, FreezePhase.Thawed);
        Assert.Equal(FreezePhase.Frozen, (await stage.GetAsync(second))!.Status!.Phase);
        await stage.ThawAsync(second);
        await stage.PhaseAsync(second, FreezePhase.Thawed);
        await stage.CleanAsync();
    }

    [Fact]
    public async Task A_request_that_meets_anothers_call_which_it_did_not_know_of_does_without()
    {
        await using var stage = await SetAsync(2);
        stage.Cluster.Server.Faults.Inject(RequestMatch.Of("create", "freezewindows"), FaultEffect.Status(409, "AlreadyExists", "freezewindows \"called\" already exists"), times: 1);
        var request = await stage.RequestAsync();
        await stage.PhaseAsync(request, FreezePhase.Frozen);
        Assert.Equal(InternalNames.Window(request.Metadata.Uid), (await stage.WindowAsync(request))!.Metadata.Name);
        await stage.DeleteAsync(request);
        await stage.GoneAsync(request);
        await stage.CleanAsync();
    }

    [Fact]
    public async Task A_node_that_does_not_hear_the_call_is_given_its_plan_and_freezes_with_the_others()
    {
        await using var stage = await SetAsync(3);
        stage.Agents[1].Script = new() { IsDeafToCalls = true };
        var request = await stage.RequestAsync(s => s with { FreezeTimeoutSeconds = 8 });
        await stage.PhaseAsync(request, FreezePhase.Preparing);
        await stage.PhaseAsync(request, FreezePhase.Frozen);
        Assert.Equal(["node-2"], (await stage.PlansAsync(request)).Where(p => !p.Metadata.Annotations.ContainsKey(QuiesceApi.ReportAnnotation)).Select(p => p.Spec.NodeName));
        await stage.ThawAsync(request);
        await stage.PhaseAsync(request, FreezePhase.Thawed);
        await stage.CleanAsync();
    }

    [Fact]
    public async Task Nobody_is_called_while_one_of_the_agents_is_too_old_to_hear_it()
    {
        await using var stage = await Stage.SetAsync(2, withOperator: false);
        await new ResourceClient<Pod>(stage.Cluster.Connection, Kinds.Pods).PatchAsync(
            AgentNodes.Namespace, AgentNodes.PodName("node-2"), new JsonObject { ["metadata"] = new JsonObject { ["labels"] = new JsonObject { [QuiesceApi.HearsCallsLabel] = null } } });
        await stage.StartOperatorAsync(null, o => o with { CallFromNodes = 2 });
        var request = await stage.RequestAsync();
        await stage.PhaseAsync(request, FreezePhase.Frozen);
        Assert.Equal(InternalNames.Window(request.Metadata.Uid), (await stage.WindowAsync(request))!.Metadata.Name);
        await stage.ThawAsync(request);
        await stage.PhaseAsync(request, FreezePhase.Thawed);
        await stage.CleanAsync();
    }

    [Fact]
    public async Task A_node_that_fails_to_prepare_fails_the_request_while_others_have_not_answered_yet()
    {
        await using var stage = await SetAsync(3);
        stage.Agents[0].Script = new() { FailsToPrepare = Reasons.PathNotFound };
        stage.Agents[2].Script = new() { PrepareTime = TimeSpan.FromSeconds(3) };
        var request = await stage.RequestAsync();
        var failed = await stage.PhaseAsync(request, FreezePhase.Failed);
        Assert.Equal(Reasons.PathNotFound, failed.Reason);
        Assert.Equal(0, stage.Ledger.Freezes(request.Metadata.Uid));
        await stage.CleanAsync();
        // Nor does it come later: nobody is left to whom it would be of use.
        await Task.Delay(TimeSpan.FromSeconds(3.5), TestContext.Current.CancellationToken);
        await stage.CleanAsync();
    }

    [Fact]
    public async Task A_node_that_neither_answers_nor_reports_fails_the_request_as_lost()
    {
        await using var stage = await SetAsync(2);
        stage.Agents[1].Script = new() { IsSilent = true };
        var request = await stage.RequestAsync(s => s with { FreezeTimeoutSeconds = 3 });
        var failed = await stage.PhaseAsync(request, FreezePhase.Failed);
        Assert.Equal(Reasons.NodeLost, failed.Reason);
        Assert.Contains("node-2", failed.Message, StringComparison.Ordinal);
        await stage.CleanAsync();
    }

    [Fact]
    public async Task Plans_that_the_api_server_refuses_for_good_fail_the_request_with_its_words()
    {
        await using var stage = await SetAsync(2);
        stage.Cluster.Server.Faults.Inject(RequestMatch.Of("create", "nodefreezes"), FaultEffect.Status(403, "Forbidden", "exceeded quota: nothing left"), times: 100);
        var request = await stage.RequestAsync(s => s with { FreezeTimeoutSeconds = 4 });
        var failed = await stage.PhaseAsync(request, FreezePhase.Failed);
        Assert.Equal(Reasons.InternalError, failed.Reason);
        Assert.Contains("exceeded quota: nothing left", failed.Message, StringComparison.Ordinal);
        await stage.CleanAsync();
    }

    [Fact]
    public async Task A_plan_deleted_by_hand_before_all_are_prepared_is_made_once_more()
    {
        await using var stage = await SetAsync(2);
        stage.Agents[1].Script = new() { PrepareTime = TimeSpan.FromSeconds(3) };
        stage.Ledger.MostFreezes = 1;
        var request = await stage.RequestAsync(s => s with { FreezeTimeoutSeconds = 16 });
        var plan = await Eventually.GetAsync(async () => (await stage.PlansAsync(request)) is [var one] ? one : null, () => "one plan\n" + stage.Said);
        await stage.Cluster.NodeFreezes.DeleteAsync(plan.Metadata.NamespaceProperty, plan.Metadata.Name);
        await stage.PhaseAsync(request, FreezePhase.Frozen);
        await stage.ThawAsync(request);
        await stage.PhaseAsync(request, FreezePhase.Thawed);
        await stage.CleanAsync();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task An_answer_that_comes_when_the_window_is_gone_is_swept_and_is_none_to_the_next_window(bool requestIsGone)
    {
        await using var stage = await SetAsync(2);
        var request = await stage.RequestAsync();
        await stage.PhaseAsync(request, FreezePhase.Frozen);
        var late = CalledPlans.Of((await stage.WindowAsync(request))!, "node-1")!;
        await stage.ThawAsync(request);
        await stage.PhaseAsync(request, FreezePhase.Thawed);
        await stage.CleanAsync();
        if (requestIsGone)
        {
            await stage.DeleteAsync(request);
            await stage.GoneAsync(request);
        }

        late.Metadata.Annotations[QuiesceApi.ReportAnnotation] = JsonSerializer.Serialize(new NodeFreezeStatus { Phase = NodeFreezePhase.Prepared, BootID = "boot", AgentInstance = "late" }, CrdsJson.Default.NodeFreezeStatus);
        late.Metadata.CreationTimestamp = null;
        await stage.Cluster.NodeFreezes.CreateAsync(late, CancellationToken.None);
        await stage.CleanAsync();
    }

    [Fact]
    public async Task An_answer_that_comes_between_two_windows_of_a_request_that_waits_is_none_to_either()
    {
        await using var stage = await SetAsync(2);
        stage.Agents[1].Script = new() { FailsToPrepare = Reasons.HeldByOtherRequest };
        var request = await stage.RequestAsync(s => s with { ConflictPolicy = ConflictPolicy.Wait, FreezeTimeoutSeconds = 40 });
        // Each time it begins anew a node answers to the call before: when the plans were deleted, and the window is about to be.
        stage.Cluster.Server.Faults.Inject(RequestMatch.Of("delete", "freezewindows"), FaultEffect.Delay(TimeSpan.FromMilliseconds(700)), times: 1_000);
        var answered = new HashSet<string>();
        while (answered.Count < 3)
        {
            var last = await Eventually.GetAsync(
                async () => await stage.WindowAsync(request) is { Spec.DesiredState: WindowState.Thawed } window && (await stage.PlansAsync(request)).Count == 0
                    && CalledPlans.Of(window, "node-1") is { } plan && answered.Add(plan.PlanId) ? plan : null,
                () => $"a window that ends, after {answered.Count}\n{stage.Said}");
            last.Metadata.Name = InternalNames.NodeFreeze("node-1", 20 + answered.Count);
            last.Metadata.CreationTimestamp = null;
            last.Metadata.Annotations[QuiesceApi.ReportAnnotation] = JsonSerializer.Serialize(new NodeFreezeStatus { Phase = NodeFreezePhase.Prepared, BootID = "boot", AgentInstance = "late" }, CrdsJson.Default.NodeFreezeStatus);
            await stage.Cluster.NodeFreezes.CreateAsync(last, CancellationToken.None);
        }

        Assert.True((await stage.GetAsync(request))!.Status!.Phase < FreezePhase.Thawed, stage.Said);
        stage.Agents[1].Script = new();
        await stage.PhaseAsync(request, FreezePhase.Frozen);
        await stage.ThawAsync(request);
        await stage.PhaseAsync(request, FreezePhase.Thawed);
        await stage.CleanAsync();
    }

    [Fact]
    public async Task An_agent_restarted_after_it_answered_ends_the_request_for_all()
    {
        await using var stage = await SetAsync(2);
        stage.Agents[1].Script = new() { PrepareTime = TimeSpan.FromSeconds(10) };
        var request = await stage.RequestAsync(s => s with { FreezeTimeoutSeconds = 60 });
        await Eventually.GetAsync(async () => (await stage.PlansAsync(request)) is [{ Report.Phase: NodeFreezePhase.Prepared }] ? "answered" : null, () => "one plan\n" + stage.Said);
        await stage.RestartAgentAsync(0);
        Assert.Equal(Reasons.AgentRestarted, (await stage.PhaseAsync(request, FreezePhase.Failed)).Reason);
        Assert.Equal(0, stage.Ledger.Freezes(request.Metadata.Uid));
        await stage.CleanAsync();
    }

    [Fact]
    public async Task A_deadline_raised_before_all_have_answered_counts_for_all()
    {
        await using var stage = await SetAsync(2);
        stage.Agents[1].Script = new() { PrepareTime = TimeSpan.FromSeconds(2) };
        var request = await stage.RequestAsync(s => s with { DeadlineSeconds = 20, FreezeTimeoutSeconds = 60 });
        await stage.PhaseAsync(request, FreezePhase.Preparing);
        await stage.PatchSpecAsync(request, "deadlineSeconds", 120);
        await stage.PhaseAsync(request, FreezePhase.Frozen);
        await Eventually.GetAsync(async () => (await stage.PlansAsync(request)).All(p => p.Report?.DeadlineSeconds == 120) ? "raised" : null, () => "the raise\n" + stage.Said);
        await stage.DeleteAsync(request);
        await stage.GoneAsync(request);
        await stage.CleanAsync();
    }
}
