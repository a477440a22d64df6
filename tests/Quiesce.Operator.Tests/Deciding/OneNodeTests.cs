using Quiesce.Crds;
using static Quiesce.Operator.Tests.Deciding.World;

namespace Quiesce.Operator.Tests.Deciding;

/// <summary>The life of a request for one node: prepare and freeze are one step.</summary>
public sealed class OneNodeTests
{
    [Fact]
    public void The_window_is_a_freeze_command_from_the_start_and_there_before_the_plan()
    {
        var world = With("node-1").Settle();
        Assert.Equal(["Claim", "CreateWindow", "Status:Pending", "CreateNodeFreezes", "Status:Preparing"], world.Writes);
        Assert.Equal(
            (WindowState.Frozen, true, 20, InternalNames.Window(world.Request.Metadata.Uid)),
            (world.Window!.Spec.DesiredState, world.Window.Spec.Confirmed, world.Window.Spec.DeadlineSeconds, world.Window.Metadata.Name));
        var plan = world.Plans["node-1"];
        Assert.Equal(world.Request.Metadata.Uid, plan.Metadata.Labels[QuiesceApi.RequestUidLabel]);
        Assert.Equal("true", plan.Metadata.Labels[QuiesceApi.ExcludeFromBackupLabel]);
        Assert.Equal(("shop", "nightly", NodeFreezeMode.Hold), (plan.Spec.Request.Namespace, plan.Spec.Request.Name, plan.Spec.Mode));
        Assert.Equal(world.Window.Metadata.Name, plan.Spec.Window);
        Assert.Equal(Start.AddSeconds(20), world.Status.DeadlineAt);
    }

    [Fact]
    public void It_is_frozen_when_the_node_says_so_and_says_until_when()
    {
        var world = With("node-1").Settle().Advance(0.4).Report(NodeFreezePhase.Frozen, "node-1").Settle();
        Assert.Equal((FreezePhase.Frozen, Reasons.AllFrozen), (world.Status.Phase, world.Status.Reason));
        Assert.Equal(Start.AddSeconds(0.4), world.Status.FrozenAt);
        Assert.Equal(Start.AddSeconds(20), world.Status.DeadlineAt);
        Assert.Equal((1, 1, 1, 1, 0), (world.Status.FrozenFilesystems, world.Status.NodeCount, world.Status.NodesPrepared, world.Status.NodesFrozen, world.Status.NodesFailed));
        Assert.Equal(0, world.Status.SkewMilliseconds);
        Assert.Equal((ConditionStatus.True, Reasons.AllFrozen), (world.Condition(ConditionTypes.Frozen).Status, world.Condition(ConditionTypes.Frozen).Reason));
        Assert.Equal((ConditionStatus.Unknown, Reasons.WindowOpen), (world.Condition(ConditionTypes.WindowIntact).Status, world.Condition(ConditionTypes.WindowIntact).Reason));
        Assert.Equal(ConditionStatus.False, world.Condition(ConditionTypes.Finished).Status);
        Assert.Equal(TimeSpan.FromSeconds(20.001), world.RequeueAfter);
    }

    [Fact]
    public void A_thaw_on_request_is_one_write_and_a_verdict()
    {
        var world = With("node-1").Freeze().Advance(5);
        world.Writes.Clear();
        world.Thaw();
        Assert.Equal(["Thaw:Thawed", "Status:Thawing"], world.Writes);
        Assert.Equal(Reasons.ThawRequested, world.Condition(ConditionTypes.Frozen).Reason);
        world.Advance(0.2).Report(NodeFreezePhase.Thawed, "node-1").Settle();
        Assert.Equal(["Thaw:Thawed", "Status:Thawing", "Status:Thawed", "ReleaseRequest", "DeleteInternals"], world.Writes);
        Assert.Equal((FreezePhase.Thawed, Reasons.ThawRequested), (world.Status.Phase, world.Status.Reason));
        Assert.Equal((1, 1, 1), (world.Status.FrozenFilesystems, world.Status.ThawedFilesystems, world.Status.NodesThawed));
        Assert.Equal(Start.AddSeconds(5.2), world.Status.ThawedAt);
        Assert.Equal((ConditionStatus.True, Reasons.HeldWithoutBreak), (world.Condition(ConditionTypes.WindowIntact).Status, world.Condition(ConditionTypes.WindowIntact).Reason));
        Assert.Equal(ConditionStatus.True, world.Condition(ConditionTypes.Thawed).Status);
        Assert.Equal(ConditionStatus.True, world.Condition(ConditionTypes.Finished).Status);
        Assert.Equal(ConditionStatus.False, world.Condition(ConditionTypes.Frozen).Status);
        Assert.Null(world.RequeueAfter);
    }

    [Fact]
    public void The_story_is_told_in_order()
    {
        var world = With("node-1").Freeze().Thaw().Report(NodeFreezePhase.Thawed, "node-1").Settle();
        Assert.Equal(["Accepted", "Preparing", "Freezing", "Frozen", "ThawRequested", "Thawed"], world.Stories.Select(s => s.Reason));
        Assert.DoesNotContain(world.Stories, s => s.IsWarning);
    }

    [Fact]
    public void A_node_that_fails_ends_the_request_with_its_own_reason()
    {
        var world = With("node-1").Settle();
        world.Report(
            "node-1", NodeFreezePhase.Failed, Reasons.AlreadyFrozen,
            filesystems: [new() { Path = "/srv/orders", Type = "xfs", Source = "/dev/sdb1", State = FilesystemState.Failed, Reason = Reasons.AlreadyFrozen, Message = "someone else froze it" }]).Settle();
        Assert.Equal((FreezePhase.Failed, Reasons.AlreadyFrozen), (world.Status.Phase, world.Status.Reason));
        Assert.Contains("node node-1: /srv/orders (xfs on /dev/sdb1): someone else froze it", world.Status.Message, StringComparison.Ordinal);
        Assert.Contains("ThawRequest", world.Status.Message, StringComparison.Ordinal);
        Assert.Equal(1, world.Status.NodesFailed);
        Assert.Equal((ConditionStatus.True, Reasons.Accepted), (world.Condition(ConditionTypes.Accepted).Status, world.Condition(ConditionTypes.Accepted).Reason));
        Assert.Equal(ConditionStatus.False, world.Condition(ConditionTypes.Thawed).Status);
        Assert.Equal(ConditionStatus.False, world.Condition(ConditionTypes.WindowIntact).Status);
        Assert.Contains("Thaw:Thawed", world.Writes);
        Assert.Null(world.Window);
    }

    [Fact]
    public void A_user_who_thaws_before_it_froze_is_told_so()
    {
        var world = With("node-1").Settle().Thaw();
        Assert.Equal(FreezePhase.Thawing, world.Status.Phase);
        world.Report("node-1", NodeFreezePhase.Failed, Reasons.ThawedBeforeFrozen).Settle();
        Assert.Equal((FreezePhase.Failed, Reasons.ThawedBeforeFrozen), (world.Status.Phase, world.Status.Reason));
    }

    [Fact]
    public void A_thaw_that_meets_a_node_already_frozen_counts_as_a_window_that_held()
    {
        var world = With("node-1").Settle().Thaw().Report(NodeFreezePhase.Thawed, "node-1").Settle();
        Assert.Equal((FreezePhase.Thawed, Reasons.ThawRequested), (world.Status.Phase, world.Status.Reason));
        Assert.NotNull(world.Status.FrozenAt);
    }

    [Fact]
    public void A_node_that_does_not_answer_is_given_up_after_the_freeze_timeout_and_lost_after_all_it_can_hold()
    {
        var world = With("node-1").Settle();
        Assert.Equal(TimeSpan.FromSeconds(10.001), world.RequeueAfter);
        world.Advance(10).Settle();
        Assert.Equal((FreezePhase.Thawing, Reasons.FreezeTimeout), (world.Status.Phase, world.Status.Reason));
        Assert.Equal(WindowState.Thawed, world.Window!.Spec.DesiredState);
        Assert.Contains("node-1", world.Status.Message, StringComparison.Ordinal);
        // It may have frozen at the last moment without anyone hearing of it, and then holds for the deadline: 10 + 20 + 5.
        Assert.Equal(TimeSpan.FromSeconds(25.001), world.RequeueAfter);
        world.Advance(25).Settle();
        Assert.Equal((FreezePhase.Failed, Reasons.NodeLost), (world.Status.Phase, world.Status.Reason));
        Assert.Contains("not frozen within 10 s", world.Status.Message, StringComparison.Ordinal);
        Assert.Equal(1, world.Status.NodesFailed);
        Assert.Null(world.Window);
    }

    [Fact]
    public void A_freeze_that_comes_after_the_timeout_is_no_window()
    {
        var world = With("node-1").Settle().Advance(10).Settle().Report(NodeFreezePhase.Frozen, "node-1").Settle();
        Assert.Equal(FreezePhase.Thawing, world.Status.Phase);
        world.Report(NodeFreezePhase.Thawed, "node-1").Settle();
        Assert.Equal((FreezePhase.Failed, Reasons.FreezeTimeout), (world.Status.Phase, world.Status.Reason));
        Assert.Equal(ConditionStatus.True, world.Condition(ConditionTypes.Thawed).Status);
    }

    [Fact]
    public void The_operator_thaws_at_the_deadline_and_calls_it_expired_also_when_the_node_followed_the_command()
    {
        var world = With("node-1").Freeze().Advance(20).Settle();
        Assert.Equal((FreezePhase.Thawing, Reasons.DeadlineExceeded), (world.Status.Phase, world.Status.Reason));
        world.Report(NodeFreezePhase.Thawed, "node-1").Settle();
        Assert.Equal((FreezePhase.Expired, Reasons.DeadlineExceeded), (world.Status.Phase, world.Status.Reason));
        Assert.Equal((ConditionStatus.False, Reasons.DeadlineExceeded), (world.Condition(ConditionTypes.WindowIntact).Status, world.Condition(ConditionTypes.WindowIntact).Reason));
        Assert.Contains(world.Stories, s => s is { Reason: "Expired", IsWarning: true });
    }

    [Fact]
    public void A_flush_that_takes_longer_than_the_deadline_costs_nothing_of_it()
    {
        var world = With("node-1").Spec(s => s with { DeadlineSeconds = 2 }).Settle().Advance(5).Settle();
        Assert.Equal(FreezePhase.Preparing, world.Status.Phase);
        world.Report(NodeFreezePhase.Frozen, "node-1").Settle();
        Assert.Equal(FreezePhase.Frozen, world.Status.Phase);
        // No node expires before this, and this one will not for two seconds yet.
        Assert.Equal(Start.AddSeconds(2), world.Status.DeadlineAt);
        Assert.Equal(TimeSpan.FromSeconds(2.001), world.RequeueAfter);
        world.Advance(1.9).Settle();
        Assert.Equal(FreezePhase.Frozen, world.Status.Phase);
        world.Advance(0.1).Settle();
        Assert.Equal((FreezePhase.Thawing, Reasons.DeadlineExceeded), (world.Status.Phase, world.Status.Reason));
    }

    [Fact]
    public void A_node_that_expires_by_itself_ends_the_request_as_expired()
    {
        var world = With("node-1").Freeze().Advance(19.9).Report(NodeFreezePhase.Expired, "node-1").Settle();
        Assert.Equal((FreezePhase.Expired, Reasons.DeadlineExceeded), (world.Status.Phase, world.Status.Reason));
    }

    [Fact]
    public void A_window_that_was_thawed_by_someone_else_is_broken()
    {
        var world = With("node-1").Freeze().Thaw();
        world.Report("node-1", NodeFreezePhase.Broken, Reasons.ThawedByOther, thawed: 0).Settle();
        Assert.Equal((FreezePhase.Broken, Reasons.ThawedByOther), (world.Status.Phase, world.Status.Reason));
        Assert.Equal((1, 0), (world.Status.FrozenFilesystems, world.Status.ThawedFilesystems));
        Assert.Equal((ConditionStatus.False, Reasons.ThawedByOther), (world.Condition(ConditionTypes.WindowIntact).Status, world.Condition(ConditionTypes.WindowIntact).Reason));
    }

    [Fact]
    public void A_node_that_thawed_fewer_than_it_froze_is_broken_whatever_it_says()
    {
        var world = With("node-1").Settle().Report("node-1", NodeFreezePhase.Frozen, frozen: 2).Settle().Thaw();
        world.Report("node-1", NodeFreezePhase.Thawed, frozen: 2, thawed: 1).Settle();
        Assert.Equal(FreezePhase.Broken, world.Status.Phase);
        Assert.Equal(ConditionStatus.False, world.Condition(ConditionTypes.WindowIntact).Status);
    }

    [Fact]
    public void A_node_that_ends_without_being_told_is_broken()
    {
        var world = With("node-1").Freeze().Report("node-1", NodeFreezePhase.Thawed, Reasons.AgentStopped).Settle();
        Assert.Equal((FreezePhase.Broken, Reasons.AgentStopped), (world.Status.Phase, world.Status.Reason));
    }

    [Fact]
    public void A_report_from_another_agent_process_breaks_the_window()
    {
        var world = With("node-1").Freeze();
        world.Restarted.Add("node-1");
        world.Settle();
        Assert.Equal((FreezePhase.Thawing, Reasons.AgentRestarted), (world.Status.Phase, world.Status.Reason));
        world.Report(NodeFreezePhase.Thawed, "node-1").Settle();
        Assert.Equal((FreezePhase.Broken, Reasons.AgentRestarted), (world.Status.Phase, world.Status.Reason));
    }

    [Fact]
    public void A_node_that_is_silent_after_the_thaw_command_is_lost_past_deadline_and_grace_and_not_before()
    {
        var world = With("node-1").Settle().Advance(1).Report(NodeFreezePhase.Frozen, "node-1").Settle().Advance(3).Thaw();
        // Frozen at 1 s, so its own deadline is at 21 s at the latest, and the grace ends at 26.
        Assert.Equal(TimeSpan.FromSeconds(22.001), world.RequeueAfter);
        world.Advance(21.9).Settle();
        Assert.Equal(FreezePhase.Thawing, world.Status.Phase);
        world.Advance(0.1).Settle();
        Assert.Equal((FreezePhase.Failed, Reasons.NodeLost), (world.Status.Phase, world.Status.Reason));
        Assert.Contains("node-1", world.Status.Message, StringComparison.Ordinal);
        Assert.Equal((ConditionStatus.Unknown, Reasons.NodeLost), (world.Condition(ConditionTypes.Thawed).Status, world.Condition(ConditionTypes.Thawed).Reason));
        Assert.Equal((ConditionStatus.False, Reasons.NodeLost), (world.Condition(ConditionTypes.WindowIntact).Status, world.Condition(ConditionTypes.WindowIntact).Reason));
        Assert.Null(world.Status.ThawedAt);
        Assert.Equal((NodeFreezePhase.Failed, Reasons.NodeLost), (world.Status.Nodes[0].Phase, world.Status.Nodes[0].Reason));
    }

    [Fact]
    public void Deletion_thaws_first_and_keeps_the_verdict_until_the_finalizer_goes()
    {
        var world = With("node-1").Freeze().Delete().Settle();
        Assert.Equal((FreezePhase.Thawing, Reasons.RequestDeleted), (world.Status.Phase, world.Status.Reason));
        world.Report(NodeFreezePhase.Thawed, "node-1").Settle();
        Assert.Equal((FreezePhase.Thawed, Reasons.RequestDeleted), (world.Status.Phase, world.Status.Reason));
        // The controller takes the finalizer off; what is left goes with the deletion.
        Assert.Equal("Status:Thawed", world.Writes[^1]);
        Assert.Null(world.RequeueAfter);
    }

    [Fact]
    public void Deletion_before_it_froze_fails_it()
    {
        var world = With("node-1").Settle().Delete().Settle();
        world.Report("node-1", NodeFreezePhase.Failed, Reasons.ThawedBeforeFrozen).Settle();
        Assert.Equal((FreezePhase.Failed, Reasons.RequestDeleted), (world.Status.Phase, world.Status.Reason));
    }
}
