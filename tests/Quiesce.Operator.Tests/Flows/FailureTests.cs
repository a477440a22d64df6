using Quiesce.Cluster.Faults;
using Quiesce.Crds;

namespace Quiesce.Operator.Tests.Flows;

/// <summary>All or nothing, whatever an agent does.</summary>
public sealed class FailureTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public async Task A_node_that_cannot_prepare_fails_the_request_before_anything_is_frozen(int nodes)
    {
        await using var stage = await Stage.SetAsync(nodes);
        stage.Agents[^1].Script = new() { FailsToPrepare = Reasons.PathNotFound };
        var request = await stage.RequestAsync();
        var failed = await stage.PhaseAsync(request, FreezePhase.Failed);
        Assert.Equal(Reasons.PathNotFound, failed.Reason);
        Assert.Contains($"node-{nodes}", failed.Message, StringComparison.Ordinal);
        Assert.Contains("/srv/0", failed.Message, StringComparison.Ordinal);
        Assert.Equal((ConditionStatus.True, Reasons.PathNotFound), (Stage.Condition(failed, ConditionTypes.Finished).Status, Stage.Condition(failed, ConditionTypes.Finished).Reason));
        Assert.Equal(ConditionStatus.False, Stage.Condition(failed, ConditionTypes.Frozen).Status);
        Assert.Equal(0, stage.Ledger.Freezes(request.Metadata.Uid));
        await stage.CleanAsync();
    }

    [Theory]
    [InlineData(4)]
    [InlineData(60)] // so many that reports are looked at together
    public async Task A_node_that_cannot_freeze_thaws_all_the_others(int nodes)
    {
        await using var stage = await Stage.SetAsync(nodes);
        stage.Agents[1].Script = new() { FailsToFreeze = Reasons.AlreadyFrozen, FreezeTime = TimeSpan.FromMilliseconds(150) };
        var request = await stage.RequestAsync();
        var failed = await stage.PhaseAsync(request, FreezePhase.Failed);
        Assert.Equal(Reasons.AlreadyFrozen, failed.Reason);
        Assert.Equal(("node-2", NodeFreezePhase.Failed), (failed.Nodes[0].Name, failed.Nodes[0].Phase));
        Assert.True(stage.Ledger.Freezes(request.Metadata.Uid) > 0, "nobody else froze");
        Assert.Equal(ConditionStatus.True, Stage.Condition(failed, ConditionTypes.Thawed).Status);
        await stage.CleanAsync();
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task A_node_that_says_nothing_is_given_up_after_the_freeze_timeout_and_lost(int nodes)
    {
        await using var stage = await Stage.SetAsync(nodes);
        stage.Agents[0].Script = new() { IsSilent = true };
        var request = await stage.RequestAsync(s => s with { FreezeTimeoutSeconds = 1, DeadlineSeconds = 1 });
        var failed = await stage.PhaseAsync(request, FreezePhase.Failed);
        Assert.Equal(Reasons.NodeLost, failed.Reason);
        Assert.Contains("No end was reported by node node-1", failed.Message, StringComparison.Ordinal);
        await stage.CleanAsync();
    }

    [Fact]
    public async Task A_slow_node_holds_up_the_freeze_of_all_but_is_waited_for()
    {
        await using var stage = await Stage.SetAsync(3);
        stage.Agents[0].Script = new() { PrepareTime = TimeSpan.FromMilliseconds(700), FreezeTime = TimeSpan.FromMilliseconds(100) };
        var request = await stage.RequestAsync();
        Assert.Equal(3, (await stage.PhaseAsync(request, FreezePhase.Frozen)).NodesFrozen);
        await stage.ThawAsync(request);
        await stage.PhaseAsync(request, FreezePhase.Thawed);
        await stage.CleanAsync();
    }

    [Fact]
    public async Task A_node_that_falls_silent_in_the_window_is_lost_and_does_not_keep_the_request()
    {
        await using var stage = await Stage.SetAsync(2);
        stage.Agents[1].Script = new() { FallsSilentWhenFrozen = true };
        // Silent from its own Frozen on: it never becomes a window, and the other is thawed when the time is up.
        var request = await stage.RequestAsync(s => s with { FreezeTimeoutSeconds = 1, DeadlineSeconds = 2 });
        var failed = await stage.PhaseAsync(request, FreezePhase.Failed);
        Assert.Equal(Reasons.NodeLost, failed.Reason);
        await stage.CleanAsync();
    }

    [Fact]
    public async Task An_agent_cut_off_in_an_open_window_is_a_lost_node()
    {
        await using var stage = await Stage.SetAsync(2);
        var request = await stage.RequestAsync(s => s with { DeadlineSeconds = 1 });
        await stage.PhaseAsync(request, FreezePhase.Frozen);
        stage.Agents[1].Script = new() { IsSilent = true };
        var failed = await stage.PhaseAsync(request, FreezePhase.Failed);
        Assert.Equal(Reasons.NodeLost, failed.Reason);
        Assert.Equal(("node-2", Reasons.NodeLost), (failed.Nodes[0].Name, failed.Nodes[0].Reason));
        Assert.Equal(ConditionStatus.False, Stage.Condition(failed, ConditionTypes.WindowIntact).Status);
        await stage.CleanAsync();
    }

    [Fact]
    public async Task Deleting_a_request_whose_node_is_gone_takes_no_longer_than_deadline_and_grace()
    {
        await using var stage = await Stage.SetAsync(1);
        var request = await stage.RequestAsync(s => s with { DeadlineSeconds = 2 });
        await stage.PhaseAsync(request, FreezePhase.Frozen);
        var frozen = TimeProvider.System.GetTimestamp();
        stage.Agents[0].Script = new() { IsSilent = true };
        await stage.DeleteAsync(request);
        await stage.GoneAsync(request);
        Assert.InRange(TimeProvider.System.GetElapsedTime(frozen).TotalSeconds, 2, 6);
        await stage.CleanAsync();
    }

    [Fact]
    public async Task An_agent_that_is_restarted_in_the_window_breaks_it()
    {
        await using var stage = await Stage.SetAsync(2);
        var request = await stage.RequestAsync();
        await stage.PhaseAsync(request, FreezePhase.Frozen);
        await stage.RestartAgentAsync(0);
        var broken = await stage.PhaseAsync(request, FreezePhase.Broken);
        Assert.Equal(Reasons.AgentRestarted, broken.Reason);
        Assert.Equal((ConditionStatus.False, Reasons.AgentRestarted), (Stage.Condition(broken, ConditionTypes.WindowIntact).Status, Stage.Condition(broken, ConditionTypes.WindowIntact).Reason));
        await stage.CleanAsync();
    }

    [Theory]
    [InlineData("waiting")]
    [InlineData("terminated")]
    public async Task An_agent_that_kubelet_says_does_not_run_ends_the_window_before_its_successor_comes(string state)
    {
        await using var stage = await Stage.SetAsync(2);
        var request = await stage.RequestAsync();
        await stage.PhaseAsync(request, FreezePhase.Frozen);
        await stage.KillAgentAsync(0);
        await stage.Cluster.AgentContainerAsync("node-1", state);
        var ending = await stage.PhaseAsync(request, FreezePhase.Thawing);
        Assert.Equal(Reasons.AgentRestarted, ending.Reason);
        Assert.Contains("node-1", ending.Message, StringComparison.Ordinal);
        await Eventually.TrueAsync(() => stage.Ledger.HoldingFor(request.Metadata.Uid) == 0, "the other node does not stand still for it");
        await stage.Cluster.AgentContainerAsync("node-1", "running");
        await stage.AddAgentAsync("node-1");
        Assert.Equal(Reasons.AgentRestarted, (await stage.PhaseAsync(request, FreezePhase.Broken)).Reason);
        await stage.CleanAsync();
    }

    [Fact]
    public async Task An_agent_whose_container_runs_is_not_taken_for_one_that_ended()
    {
        await using var stage = await Stage.SetAsync(2);
        var request = await stage.RequestAsync();
        await stage.PhaseAsync(request, FreezePhase.Frozen);
        await stage.Cluster.AgentContainerAsync("node-1", "running");
        await stage.Cluster.SetAgentReadyAsync("node-2", false);
        await Task.Delay(500);
        Assert.Equal(FreezePhase.Frozen, (await stage.GetAsync(request))!.Status!.Phase);
        await stage.ThawAsync(request);
        await stage.PhaseAsync(request, FreezePhase.Thawed);
        await stage.CleanAsync();
    }

    [Fact]
    public async Task A_release_that_proves_nothing_breaks_the_window()
    {
        await using var stage = await Stage.SetAsync(2);
        stage.Agents[1].Script = new() { BreaksAtThaw = Reasons.ThawedByOther };
        var request = await stage.RequestAsync();
        await stage.PhaseAsync(request, FreezePhase.Frozen);
        await stage.ThawAsync(request);
        var broken = await stage.PhaseAsync(request, FreezePhase.Broken);
        Assert.Equal((Reasons.ThawedByOther, 4, 2), (broken.Reason, broken.FrozenFilesystems, broken.ThawedFilesystems));
        await stage.CleanAsync();
    }

    [Fact]
    public async Task A_node_without_a_ready_agent_is_refused_at_once()
    {
        await using var stage = await Stage.SetAsync(2, withOperator: false);
        await stage.Cluster.SetAgentReadyAsync("node-2", false);
        await stage.StartOperatorAsync();
        var request = await stage.RequestAsync();
        var failed = await stage.PhaseAsync(request, FreezePhase.Failed);
        Assert.Equal(Reasons.AgentNotReady, failed.Reason);
        Assert.Contains("node-2", failed.Message, StringComparison.Ordinal);
        if (stage.Cluster.IsLocal) Assert.Equal(0, stage.Cluster.Server.Requests.Count(RequestMatch.Of("create", "nodefreezes")));
    }

    [Fact]
    public async Task An_unknown_node_is_refused_with_its_name()
    {
        await using var stage = await Stage.SetAsync(1);
        var request = await stage.RequestAsync(s => s with { Targets = [new() { HostPath = new() { Path = "/srv", NodeName = "node-9" } }] });
        var failed = await stage.PhaseAsync(request, FreezePhase.Failed);
        Assert.Equal(Reasons.NodeNotFound, failed.Reason);
        Assert.Contains("node-9", failed.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_window_deleted_by_hand_thaws_and_breaks()
    {
        await using var stage = await Stage.SetAsync(2);
        var request = await stage.RequestAsync();
        await stage.PhaseAsync(request, FreezePhase.Frozen);
        await stage.Cluster.Windows.DeleteAsync(InternalNames.DefaultNamespace, InternalNames.Window(request.Metadata.Uid));
        var broken = await stage.PhaseAsync(request, FreezePhase.Broken);
        Assert.Equal(Reasons.CommandGone, broken.Reason);
        await stage.CleanAsync();
    }

    [Fact]
    public async Task A_request_stripped_of_its_finalizer_and_deleted_is_thawed_and_swept()
    {
        await using var stage = await Stage.SetAsync(2);
        var request = await stage.RequestAsync();
        await stage.PhaseAsync(request, FreezePhase.Frozen);
        await stage.StopOperatorAsync(stage.Operator);
        await stage.Cluster.FreezeRequests.PatchAsync(
            "shop", request.Metadata.Name, new() { ["metadata"] = new System.Text.Json.Nodes.JsonObject { ["finalizers"] = null } });
        await stage.DeleteAsync(request);
        Assert.Equal(2, stage.Ledger.Holding);
        await stage.StartOperatorAsync();
        await stage.CleanAsync();
    }

    [Fact]
    public async Task A_thaw_command_that_the_api_server_refuses_for_good_becomes_a_deletion()
    {
        await using var stage = await Stage.SetAsync(2);
        var request = await stage.RequestAsync();
        await stage.PhaseAsync(request, FreezePhase.Frozen);
        stage.Cluster.Server.Faults.Inject(RequestMatch.Of("patch", "freezewindows"), FaultEffect.Status(422, "Invalid", "a policy says no"), times: 100);
        await stage.ThawAsync(request);
        await Eventually.TrueAsync(() => stage.Ledger.Holding == 0, () => "a thaw\n" + stage.Said);
        Assert.Equal(Reasons.CommandGone, (await stage.PhaseAsync(request, FreezePhase.Broken)).Reason);
        await stage.CleanAsync();
    }

    [Theory]
    [InlineData("freezewindows")]
    [InlineData("nodefreezes")]
    public async Task A_creation_that_the_api_server_refuses_for_good_fails_the_request_with_its_words(string resource)
    {
        await using var stage = await Stage.SetAsync(2);
        stage.Cluster.Server.Faults.Inject(RequestMatch.Of("create", resource), FaultEffect.Status(403, "Forbidden", "exceeded quota: nothing left"), times: 2);
        var request = await stage.RequestAsync();
        var failed = await stage.PhaseAsync(request, FreezePhase.Failed);
        Assert.Equal(Reasons.InternalError, failed.Reason);
        Assert.Contains("exceeded quota: nothing left", failed.Message, StringComparison.Ordinal);
        await stage.CleanAsync();
    }
}
