using Quiesce.Crds;
using static Quiesce.Operator.Tests.Deciding.World;

namespace Quiesce.Operator.Tests.Deciding;

/// <summary>The life of a request for several nodes: all or nothing.</summary>
public sealed class SeveralNodesTests
{
    [Fact]
    public void Nothing_freezes_before_every_node_is_prepared()
    {
        var world = With("a", "b", "c").Settle();
        Assert.Equal((WindowState.Prepared, false), (world.Window!.Spec.DesiredState, world.Window.Spec.Confirmed));
        Assert.Equal(FreezePhase.Preparing, world.Status.Phase);
        Assert.Null(world.Status.DeadlineAt);
        world.Report(NodeFreezePhase.Prepared, "a", "b").Settle();
        Assert.Equal(WindowState.Prepared, world.Window.Spec.DesiredState);
        Assert.Equal(2, world.Status.NodesPrepared);
        Assert.Equal("2 of 3 nodes prepared.", world.Status.Message);
        world.Writes.Clear();
        world.Advance(1.5).Report(NodeFreezePhase.Prepared, "c").Settle();
        Assert.Equal(["Command:Frozen", "Status:Freezing"], world.Writes);
        Assert.Equal(Start.AddSeconds(21.5), world.Status.DeadlineAt);
    }

    [Fact]
    public void It_is_frozen_only_when_all_are_frozen_and_that_is_confirmed()
    {
        var world = With("a", "b").Settle().Report(NodeFreezePhase.Prepared, "a", "b").Settle().Report(NodeFreezePhase.Frozen, "a").Settle();
        Assert.Equal((FreezePhase.Freezing, 1), (world.Status.Phase, world.Status.NodesFrozen));
        Assert.False(world.Window!.Spec.Confirmed);
        world.Writes.Clear();
        world.Advance(0.25).Report(NodeFreezePhase.Frozen, "b").Settle();
        Assert.Equal(["Command:Confirmed", "Status:Frozen"], world.Writes);
        Assert.Equal((Start.AddSeconds(0.25), 250L, 2), (world.Status.FrozenAt, world.Status.SkewMilliseconds, world.Status.FrozenFilesystems));
    }

    [Fact]
    public void The_story_has_each_step_once()
    {
        var world = With("a", "b").Freeze().Thaw().Report(NodeFreezePhase.Thawed, "a", "b").Settle();
        Assert.Equal(["Accepted", "Preparing", "Freezing", "Frozen", "ThawRequested", "Thawed"], world.Stories.Select(s => s.Reason));
    }

    [Fact]
    public void One_node_that_fails_to_prepare_ends_it_before_anything_froze()
    {
        var world = With("a", "b").Settle().Report(NodeFreezePhase.Prepared, "a");
        world.Report("b", NodeFreezePhase.Failed, Reasons.PathNotFound, filesystems: [new() { Path = "/srv/orders", State = FilesystemState.Failed, Reason = Reasons.PathNotFound, Message = "no such folder" }]);
        world.Writes.Clear();
        world.Settle();
        Assert.Equal(["Thaw:Thawed", "Status:Thawing"], world.Writes);
        Assert.Equal((Reasons.PathNotFound, ConditionStatus.False), (world.Condition(ConditionTypes.Frozen).Reason, world.Condition(ConditionTypes.Frozen).Status));
        world.Report("a", NodeFreezePhase.Failed, Reasons.RolledBack).Settle();
        Assert.Equal((FreezePhase.Failed, Reasons.PathNotFound), (world.Status.Phase, world.Status.Reason));
        Assert.Contains("node b: /srv/orders: no such folder", world.Status.Message, StringComparison.Ordinal);
        Assert.Equal(2, world.Status.NodesFailed);
    }

    [Fact]
    public void One_node_that_fails_to_freeze_thaws_the_others_at_once_and_its_reason_wins_over_theirs()
    {
        var world = With("a", "b").Settle().Report(NodeFreezePhase.Prepared, "a", "b").Settle().Report(NodeFreezePhase.Frozen, "a");
        world.Report("b", NodeFreezePhase.Failed, Reasons.FreezeFailed).Settle();
        Assert.Equal(WindowState.Thawed, world.Window!.Spec.DesiredState);
        world.Report("a", NodeFreezePhase.Thawed).Settle();
        Assert.Equal((FreezePhase.Failed, Reasons.FreezeFailed), (world.Status.Phase, world.Status.Reason));
        Assert.Equal(ConditionStatus.True, world.Condition(ConditionTypes.Thawed).Status);
        Assert.Equal((1, 1, 1), (world.Status.NodesFrozen, world.Status.NodesThawed, world.Status.NodesFailed));
    }

    [Fact]
    public void A_reason_of_its_own_is_told_before_a_roll_back()
    {
        var world = With("a", "b").Settle();
        world.Report("a", NodeFreezePhase.Failed, Reasons.RolledBack).Report("b", NodeFreezePhase.Failed, Reasons.ProtectedFilesystem).Settle();
        Assert.Equal(Reasons.ProtectedFilesystem, world.Status.Reason);
    }

    [Fact]
    public void A_node_that_never_answers_costs_a_window_that_was_never_commanded_only_the_grace()
    {
        var world = With("a", "b").Settle().Report(NodeFreezePhase.Prepared, "a").Advance(10).Settle();
        Assert.Equal((FreezePhase.Thawing, Reasons.FreezeTimeout), (world.Status.Phase, world.Status.Reason));
        Assert.Contains("node b", world.Status.Message, StringComparison.Ordinal);
        world.Report("a", NodeFreezePhase.Failed, Reasons.ThawedBeforeFrozen).Settle();
        Assert.Equal(TimeSpan.FromSeconds(5.001), world.RequeueAfter);
        world.Advance(5).Settle();
        Assert.Equal((FreezePhase.Failed, Reasons.NodeLost), (world.Status.Phase, world.Status.Reason));
        Assert.Contains("node b not prepared within 10 s", world.Status.Message, StringComparison.Ordinal);
        Assert.Contains("No end was reported by node b", world.Status.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_node_cut_off_before_the_confirmation_is_lost_after_twice_the_freeze_timeout_not_after_a_long_deadline()
    {
        var world = With("a", "b").Spec(s => s with { DeadlineSeconds = 600 }).Settle().Report(NodeFreezePhase.Prepared, "a", "b").Settle();
        world.Report(NodeFreezePhase.Frozen, "a").Advance(10).Settle();
        Assert.Equal(Reasons.FreezeTimeout, world.Status.Reason);
        world.Report("a", NodeFreezePhase.Thawed).Settle();
        // Commanded at 0: frozen at 10 at the latest, thawed by itself at 20, and the grace.
        Assert.Equal(TimeSpan.FromSeconds(15.001), world.RequeueAfter);
        world.Advance(15).Settle();
        Assert.Equal((FreezePhase.Failed, Reasons.NodeLost), (world.Status.Phase, world.Status.Reason));
    }

    [Fact]
    public void All_frozen_but_too_late_is_not_confirmed()
    {
        var world = With("a", "b").Settle().Report(NodeFreezePhase.Prepared, "a", "b").Settle();
        world.Advance(10.1).Report(NodeFreezePhase.Frozen, "a", "b").Settle();
        Assert.False(world.Window!.Spec.Confirmed);
        Assert.Equal((FreezePhase.Thawing, Reasons.FreezeTimeout), (world.Status.Phase, world.Status.Reason));
        world.Report(NodeFreezePhase.Thawed, "a", "b").Settle();
        Assert.Equal(FreezePhase.Failed, world.Status.Phase);
        Assert.Null(world.Status.FrozenAt);
    }

    [Theory]
    [InlineData(NodeFreezePhase.Expired, null, FreezePhase.Expired, Reasons.DeadlineExceeded)]
    [InlineData(NodeFreezePhase.Broken, Reasons.HolderDied, FreezePhase.Broken, Reasons.HolderDied)]
    [InlineData(NodeFreezePhase.Broken, Reasons.AgentRestarted, FreezePhase.Broken, Reasons.AgentRestarted)]
    [InlineData(NodeFreezePhase.Broken, Reasons.NotConfirmed, FreezePhase.Broken, Reasons.NotConfirmed)]
    [InlineData(NodeFreezePhase.Thawed, null, FreezePhase.Broken, Reasons.CommandGone)]
    public void A_node_that_ends_by_itself_in_an_open_window_thaws_all_others_at_once(NodeFreezePhase phase, string? said, FreezePhase final, string reason)
    {
        var world = With("a", "b").Freeze();
        world.Writes.Clear();
        world.Report("a", phase, said).Settle();
        Assert.Equal("Thaw:Thawed", world.Writes[0]);
        world.Report(NodeFreezePhase.Thawed, "b").Settle();
        Assert.Equal((final, reason), (world.Status.Phase, world.Status.Reason));
        Assert.Equal(ConditionStatus.False, world.Condition(ConditionTypes.WindowIntact).Status);
    }

    [Fact]
    public void A_broken_node_outweighs_an_expired_one_and_a_lost_one()
    {
        var world = With("a", "b", "c").Freeze().Advance(20).Settle();
        world.Report("a", NodeFreezePhase.Expired).Report("b", NodeFreezePhase.Broken, Reasons.ThawedByOther, thawed: 0).Advance(30).Settle();
        Assert.Equal((FreezePhase.Broken, Reasons.ThawedByOther), (world.Status.Phase, world.Status.Reason));
        Assert.Equal(ConditionStatus.Unknown, world.Condition(ConditionTypes.Thawed).Status);
    }

    [Fact]
    public void A_lost_node_outweighs_an_expired_one()
    {
        var world = With("a", "b").Freeze().Advance(20).Settle().Report("a", NodeFreezePhase.Expired).Advance(30).Settle();
        Assert.Equal((FreezePhase.Failed, Reasons.NodeLost), (world.Status.Phase, world.Status.Reason));
        Assert.Contains("node b", world.Status.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_node_frozen_after_the_thaw_command_is_waited_for()
    {
        var world = With("a", "b").Settle().Report(NodeFreezePhase.Prepared, "a", "b").Settle().Report(NodeFreezePhase.Frozen, "a").Thaw();
        world.Report("a", NodeFreezePhase.Thawed).Report(NodeFreezePhase.Frozen, "b").Settle();
        Assert.Equal(FreezePhase.Thawing, world.Status.Phase);
        world.Report(NodeFreezePhase.Thawed, "b").Settle();
        Assert.Equal((FreezePhase.Failed, Reasons.ThawedBeforeFrozen), (world.Status.Phase, world.Status.Reason));
        Assert.Equal(ConditionStatus.True, world.Condition(ConditionTypes.Thawed).Status);
    }

    [Fact]
    public void A_deadline_that_ends_before_all_are_frozen_is_no_window()
    {
        var world = With("a", "b").Spec(s => s with { DeadlineSeconds = 2 }).Settle().Report(NodeFreezePhase.Prepared, "a", "b").Settle();
        world.Report(NodeFreezePhase.Frozen, "a").Advance(2).Report(NodeFreezePhase.Expired, "a").Settle();
        Assert.Equal((FreezePhase.Thawing, Reasons.DeadlineExceeded), (world.Status.Phase, world.Status.Reason));
        world.Report("b", NodeFreezePhase.Failed, Reasons.RolledBack).Settle();
        Assert.Equal((FreezePhase.Failed, Reasons.DeadlineExceeded), (world.Status.Phase, world.Status.Reason));
    }

    [Fact]
    public void A_node_restarted_between_prepare_and_freeze_fails_it()
    {
        var world = With("a", "b").Settle().Report(NodeFreezePhase.Prepared, "a", "b");
        world.Restarted.Add("b");
        world.Settle();
        Assert.DoesNotContain("Command:Frozen", world.Writes);
        world.Report("a", NodeFreezePhase.Failed, Reasons.ThawedBeforeFrozen).Report("b", NodeFreezePhase.Failed, Reasons.ThawedBeforeFrozen).Settle();
        Assert.Equal((FreezePhase.Failed, Reasons.AgentRestarted), (world.Status.Phase, world.Status.Reason));
    }

    [Fact]
    public void A_command_that_the_api_server_refuses_for_good_ends_it()
    {
        var world = With("a", "b").Settle().Report(NodeFreezePhase.Prepared, "a", "b");
        world.WriteRefused = new(Reasons.InternalError, "the API server refused: no.");
        world.Settle();
        Assert.Equal((FreezePhase.Thawing, Reasons.InternalError), (world.Status.Phase, world.Status.Reason));
    }
}
