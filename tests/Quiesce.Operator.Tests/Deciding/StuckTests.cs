using Quiesce.Crds;
using static Quiesce.Operator.Tests.Deciding.World;

namespace Quiesce.Operator.Tests.Deciding;

/// <summary>Freeze and thaw calls that do not return: nothing waits for them, and nothing forgets them.</summary>
public sealed class StuckTests
{
    private static FilesystemStatus Fs(FilesystemState state, string path = "/srv/orders", string? reason = null) => new() { Path = path, State = state, Reason = reason };

    private static FilesystemStatus StuckFreeze(string path = "/srv/orders") => Fs(FilesystemState.Stuck, path, Reasons.FreezeStuck);

    private static FilesystemStatus StuckThaw(string path = "/srv/orders") => Fs(FilesystemState.Stuck, path, Reasons.ThawStuck);

    /// <summary>Two nodes were commanded to freeze; a is frozen, b's freeze does not return, and the freeze timeout is over.</summary>
    private static World FreezeStuckOnB()
    {
        var world = With("a", "b").Settle().Report(NodeFreezePhase.Prepared, "a", "b").Settle().Report(NodeFreezePhase.Frozen, "a").Settle().Advance(10).Settle();
        Assert.Equal(WindowState.Thawed, world.Window!.Spec.DesiredState);
        return world.Report("b", NodeFreezePhase.Thawing, Reasons.FreezeTimeout, frozen: 0, filesystems: StuckFreeze()).WithoutFrozenAt("b").Settle();
    }

    /// <summary>One node, whose window was open and whose thaw does not return.</summary>
    private static World ThawStuck(int? ttl = null) => With("node-1").Spec(s => s with { TtlSecondsAfterFinished = ttl }).Freeze().Thaw()
        .Report("node-1", NodeFreezePhase.Thawing, Reasons.ThawRequested, filesystems: StuckThaw()).Settle();

    private static Condition? Stuck(World world) => world.Status.Conditions.FirstOrDefault(c => c.Type == ConditionTypes.FilesystemStuck);

    [Fact]
    public void A_stuck_freeze_fails_the_request_as_soon_as_all_others_are_released()
    {
        var world = FreezeStuckOnB();
        Assert.Equal(FreezePhase.Thawing, world.Status.Phase);
        world.Report(NodeFreezePhase.Thawed, "a").Settle();
        Assert.Equal((FreezePhase.Failed, Reasons.FreezeStuck), (world.Status.Phase, world.Status.Reason));
        Assert.Contains("node b: /srv/orders", world.Status.Message, StringComparison.Ordinal);
        Assert.Contains("thawed as soon as", world.Status.Message, StringComparison.Ordinal);
        Assert.Equal((ConditionStatus.True, Reasons.FreezeStuck), (Stuck(world)!.Status, Stuck(world)!.Reason));
        Assert.Equal((ConditionStatus.False, Reasons.FreezeStuck), (world.Condition(ConditionTypes.Thawed).Status, world.Condition(ConditionTypes.Thawed).Reason));
        Assert.Equal((NodeFreezePhase.Thawing, Reasons.FreezeStuck), (world.Status.Nodes[0].Phase, world.Status.Nodes[0].Reason));
        Assert.Equal(1, world.Status.NodesFailed);
    }

    [Fact]
    public void What_else_the_node_has_still_to_release_is_waited_for()
    {
        var world = With("node-1").Freeze().Thaw();
        world.Report("node-1", NodeFreezePhase.Thawing, frozen: 2, filesystems: [StuckThaw(), Fs(FilesystemState.Thawing, "/srv/ledger")]).Settle();
        Assert.Equal((FreezePhase.Thawing, ConditionStatus.True), (world.Status.Phase, Stuck(world)!.Status));
        world.Report("node-1", NodeFreezePhase.Thawing, frozen: 2, thawed: 1, filesystems: [StuckThaw(), Fs(FilesystemState.Thawed, "/srv/ledger")]).Settle();
        Assert.Equal((FreezePhase.Broken, Reasons.ThawStuck), (world.Status.Phase, world.Status.Reason));
    }

    [Fact]
    public void What_else_the_node_never_releases_is_waited_for_no_longer_than_a_lost_node()
    {
        var world = With("node-1").Freeze().Thaw();
        world.Report("node-1", NodeFreezePhase.Thawing, frozen: 2, filesystems: [StuckThaw(), Fs(FilesystemState.Thawing, "/srv/ledger")]).Settle().Advance(25).Settle();
        Assert.Equal((FreezePhase.Broken, Reasons.ThawStuck), (world.Status.Phase, world.Status.Reason));
    }

    [Fact]
    public void A_stuck_thaw_breaks_an_open_window_at_once_and_it_is_not_called_thawed_before_it_is()
    {
        var world = ThawStuck();
        Assert.Equal((FreezePhase.Broken, Reasons.ThawStuck), (world.Status.Phase, world.Status.Reason));
        Assert.Contains("node node-1: /srv/orders", world.Status.Message, StringComparison.Ordinal);
        Assert.Equal((ConditionStatus.False, Reasons.ThawStuck), (world.Condition(ConditionTypes.WindowIntact).Status, world.Condition(ConditionTypes.WindowIntact).Reason));
        Assert.Equal((ConditionStatus.False, Reasons.ThawStuck), (world.Condition(ConditionTypes.Thawed).Status, world.Condition(ConditionTypes.Thawed).Reason));
        Assert.Equal(ConditionStatus.True, world.Condition(ConditionTypes.Finished).Status);
        Assert.Null(world.Status.ThawedAt);
        world.Advance(60).Report("node-1", NodeFreezePhase.Broken, Reasons.ThawStuck, thawed: 1, filesystems: Fs(FilesystemState.Thawed)).Settle();
        Assert.Equal((ConditionStatus.True, Reasons.Released), (world.Condition(ConditionTypes.Thawed).Status, world.Condition(ConditionTypes.Thawed).Reason));
        Assert.Equal((Start.AddSeconds(60), 1), (world.Status.ThawedAt, world.Status.ThawedFilesystems));
    }

    [Theory]
    [InlineData(NodeFreezePhase.Thawed)]
    [InlineData(NodeFreezePhase.Broken)]
    [InlineData(NodeFreezePhase.Failed)]
    [InlineData(NodeFreezePhase.Expired)]
    public void The_final_phase_and_the_verdict_stay_whatever_the_node_says_later(NodeFreezePhase later)
    {
        var world = ThawStuck();
        world.Report("node-1", later, Reasons.ThawRequested, thawed: 1, filesystems: Fs(FilesystemState.Thawed)).Settle();
        Assert.Equal((FreezePhase.Broken, Reasons.ThawStuck), (world.Status.Phase, world.Status.Reason));
        Assert.Equal((ConditionStatus.False, Reasons.ThawStuck), (world.Condition(ConditionTypes.WindowIntact).Status, world.Condition(ConditionTypes.WindowIntact).Reason));
    }

    [Fact]
    public void Internal_objects_are_kept_until_the_last_one_is_released_and_the_finalizer_is_not()
    {
        var world = FreezeStuckOnB().Report(NodeFreezePhase.Thawed, "a").Settle();
        Assert.DoesNotContain("DeleteInternals", world.Writes);
        Assert.Empty(world.Request.Metadata.Finalizers);
        world.Advance(100_000).Settle();
        Assert.DoesNotContain("DeleteInternals", world.Writes);
        world.Writes.Clear();
        world.Report("b", NodeFreezePhase.Failed, Reasons.FreezeTimeout, filesystems: Fs(FilesystemState.Thawed)).Settle();
        Assert.Equal(["Status:Failed", "DeleteInternals"], world.Writes);
        Assert.Equal((ConditionStatus.False, Reasons.Released), (Stuck(world)!.Status, Stuck(world)!.Reason));
        Assert.Contains("/srv/orders on node b", Stuck(world)!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Of_several_each_release_is_shown_and_the_last_one_ends_it()
    {
        var world = With("node-1").Freeze().Thaw();
        world.Report("node-1", NodeFreezePhase.Thawing, frozen: 2, filesystems: [StuckThaw(), StuckThaw("/srv/ledger")]).Settle();
        world.Report("node-1", NodeFreezePhase.Thawing, frozen: 2, thawed: 1, filesystems: [Fs(FilesystemState.Thawed), StuckThaw("/srv/ledger")]).Settle();
        Assert.Equal((ConditionStatus.True, 1), (Stuck(world)!.Status, world.Status.ThawedFilesystems));
        Assert.DoesNotContain("/srv/orders", Stuck(world)!.Message, StringComparison.Ordinal);
        world.Report("node-1", NodeFreezePhase.Broken, frozen: 2, thawed: 2, filesystems: [Fs(FilesystemState.Thawed), Fs(FilesystemState.Thawed, "/srv/ledger")]).Settle();
        Assert.Equal((ConditionStatus.False, 2), (Stuck(world)!.Status, world.Status.ThawedFilesystems));
    }

    [Fact]
    public void The_story_tells_when_it_begins_and_when_it_ends_each_once()
    {
        var world = ThawStuck().Advance(1).Settle();
        world.Report("node-1", NodeFreezePhase.Broken, Reasons.ThawStuck, thawed: 1, filesystems: Fs(FilesystemState.Thawed)).Settle();
        Assert.Equal([(Reasons.ThawStuck, true), ("Broken", true), (Reasons.Released, false)], world.Stories.Select(s => (s.Reason, s.IsWarning)).TakeLast(3));
        Assert.Single(world.Stories, s => s.Reason == Reasons.ThawStuck);
    }

    [Fact]
    public void A_request_without_anything_stuck_says_nothing_of_it()
    {
        var world = With("node-1").Freeze().Thaw().Report(NodeFreezePhase.Thawed, "node-1").Settle();
        Assert.Null(Stuck(world));
    }

    [Fact]
    public void A_return_with_an_error_is_told_apart_from_a_release()
    {
        var world = ThawStuck();
        world.Report("node-1", NodeFreezePhase.Broken, Reasons.ThawFailed, thawed: 0, filesystems: Fs(FilesystemState.Failed, reason: Reasons.ThawFailed)).Settle();
        Assert.Equal((ConditionStatus.False, Reasons.ThawFailed), (Stuck(world)!.Status, Stuck(world)!.Reason));
        Assert.Equal((ConditionStatus.False, Reasons.ThawFailed), (world.Condition(ConditionTypes.Thawed).Status, world.Condition(ConditionTypes.Thawed).Reason));
        Assert.True(Assert.Single(world.Stories, s => s.Reason == Reasons.ThawFailed).IsWarning);
        Assert.Equal("DeleteInternals", world.Writes[^1]);
    }

    [Fact]
    public void A_thaw_that_was_refused_is_not_called_thawed()
    {
        var world = With("node-1").Freeze().Thaw();
        world.Report("node-1", NodeFreezePhase.Broken, Reasons.ThawFailed, thawed: 0, filesystems: Fs(FilesystemState.Failed, reason: Reasons.ThawFailed)).Settle();
        Assert.Equal((FreezePhase.Broken, Reasons.ThawFailed), (world.Status.Phase, world.Status.Reason));
        Assert.Equal((ConditionStatus.False, Reasons.ThawFailed), (world.Condition(ConditionTypes.Thawed).Status, world.Condition(ConditionTypes.Thawed).Reason));
        Assert.Null(world.Status.ThawedAt);
    }

    [Fact]
    public void A_report_that_is_deleted_ends_the_wait_and_nobody_claims_a_release()
    {
        var world = ThawStuck();
        world.Plans.Clear();
        world.Settle();
        Assert.Equal((ConditionStatus.Unknown, Reasons.CommandGone), (Stuck(world)!.Status, Stuck(world)!.Reason));
        Assert.Equal(ConditionStatus.Unknown, world.Condition(ConditionTypes.Thawed).Status);
        Assert.Null(world.Window);
        Assert.Contains(world.Status.Nodes, n => n.Filesystems.Any(f => f.State == FilesystemState.Stuck));
        Assert.Equal(Reasons.CommandGone, world.Stories[^1].Reason);
    }

    [Fact]
    public void Its_time_to_live_is_not_prolonged_by_what_is_stuck()
    {
        var world = ThawStuck(ttl: 30);
        Assert.Equal(TimeSpan.FromSeconds(30.001), world.RequeueAfter);
        world.Advance(30).Step();
        world.Step();
        Assert.Equal(["DeleteInternals", "DeleteRequest"], world.Writes[^2..]);
    }

    [Fact]
    public void A_request_that_is_deleted_while_it_is_open_goes_although_its_thaw_is_stuck()
    {
        var world = With("node-1").Freeze().Delete().Settle();
        world.Report("node-1", NodeFreezePhase.Thawing, filesystems: StuckThaw()).Settle();
        Assert.Equal((FreezePhase.Broken, Reasons.ThawStuck), (world.Status.Phase, world.Status.Reason));
        Assert.Null(world.RequeueAfter);
    }

    [Fact]
    public void A_node_that_ended_by_itself_and_is_stuck_thaws_all_others_at_once()
    {
        var world = With("a", "b").Freeze();
        world.Writes.Clear();
        world.Report("a", NodeFreezePhase.Thawing, Reasons.HolderDied, filesystems: StuckThaw()).Settle();
        Assert.Equal(["Thaw:Thawed", "Status:Thawing"], world.Writes);
        Assert.Equal(ConditionStatus.False, world.Condition(ConditionTypes.Frozen).Status);
        world.Report(NodeFreezePhase.Thawed, "b").Settle();
        Assert.Equal((FreezePhase.Broken, Reasons.ThawStuck), (world.Status.Phase, world.Status.Reason));
    }

    [Fact]
    public void A_stuck_one_that_a_restarted_agent_reports_is_shown_as_stuck()
    {
        var world = With("node-1").Freeze();
        world.Restarted.Add("node-1");
        world.Report("node-1", NodeFreezePhase.Thawing, Reasons.AgentRestarted, filesystems: StuckThaw()).Settle();
        Assert.Equal((FreezePhase.Broken, Reasons.ThawStuck), (world.Status.Phase, world.Status.Reason));
        world.Report("node-1", NodeFreezePhase.Broken, Reasons.AgentRestarted, thawed: 1, filesystems: Fs(FilesystemState.Thawed)).Settle();
        Assert.Equal(Reasons.Released, Stuck(world)!.Reason);
    }

    [Fact]
    public void Another_nodes_failure_stays_the_reason_and_the_stuck_one_is_named_beside_it()
    {
        var world = With("a", "b").Settle().Report(NodeFreezePhase.Prepared, "a", "b").Settle().Report("a", NodeFreezePhase.Failed, Reasons.AlreadyFrozen).Settle();
        world.Report("b", NodeFreezePhase.Thawing, Reasons.ThawRequested, frozen: 0, filesystems: StuckFreeze()).WithoutFrozenAt("b").Settle();
        Assert.Equal((FreezePhase.Failed, Reasons.AlreadyFrozen), (world.Status.Phase, world.Status.Reason));
        Assert.Contains("node b: /srv/orders", world.Status.Message, StringComparison.Ordinal);
        Assert.Equal(Reasons.FreezeStuck, Stuck(world)!.Reason);
    }

    [Theory]
    [InlineData(Reasons.FreezeStuck)]
    [InlineData(Reasons.ThawStuck)]
    [InlineData(Reasons.HolderUnprotected)]
    public void A_refusal_by_the_agent_arrives_with_its_reason_and_words(string reason)
    {
        var world = With("a", "b").Settle().Report(NodeFreezePhase.Prepared, "a").Report("b", NodeFreezePhase.Failed, reason).Settle();
        world.Report("a", NodeFreezePhase.Failed, Reasons.RolledBack).Settle();
        Assert.Equal((FreezePhase.Failed, reason), (world.Status.Phase, world.Status.Reason));
        Assert.Contains($"node b: said {reason}", world.Status.Message, StringComparison.Ordinal);
        // It is another request's call that is stuck, and this one has nothing to be released.
        Assert.Null(Stuck(world));
        Assert.Null(world.Window);
    }

    [Fact]
    public void Many_are_named_by_the_first_and_counted()
    {
        var world = With("node-1").Freeze().Thaw();
        world.Report("node-1", NodeFreezePhase.Thawing, frozen: 5, filesystems: [.. Enumerable.Range(0, 5).Select(i => StuckThaw($"/srv/{i}"))]).Settle();
        Assert.Contains("/srv/2", Stuck(world)!.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("/srv/3", Stuck(world)!.Message, StringComparison.Ordinal);
        Assert.EndsWith("and 2 filesystems more.", Stuck(world)!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Orphans_of_a_deleted_request_are_swept_although_one_is_stuck()
    {
        var world = ThawStuck();
        Assert.Equal((null, null), Freezing.OrphanDecision.Decide(world.Window, [.. world.Plans.Values], world.Now, world.Limits));
    }
}
