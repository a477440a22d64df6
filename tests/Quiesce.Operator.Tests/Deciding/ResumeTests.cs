using Quiesce.Crds;
using static Quiesce.Operator.Tests.Deciding.World;

namespace Quiesce.Operator.Tests.Deciding;

/// <summary>An operator that starts in the middle goes on from the objects.</summary>
public sealed class ResumeTests
{
    [Fact]
    public void Creation_that_stopped_half_way_neither_loses_a_node_nor_takes_another()
    {
        var world = With("a", "b", "c").Settle(steps: 2);
        Assert.NotNull(world.Window);
        Assert.Empty(world.Plans);
        world.Step();
        world.Plans.Remove("b");
        // What the request would resolve to now is another matter.
        world.Nodes.Clear();
        world.Agents.Clear();
        world.AddNode("d").Settle();
        Assert.Equal(["a", "b", "c"], world.Plans.Keys.Order());
        world.Report(NodeFreezePhase.Prepared, "a", "c").Settle();
        Assert.DoesNotContain("Command:Frozen", world.Writes);
        world.Report(NodeFreezePhase.Prepared, "b").Settle();
        Assert.Contains("Command:Frozen", world.Writes);
    }

    [Fact]
    public void A_window_without_plans_that_is_to_be_thawed_ends_at_once()
    {
        var world = With("a", "b").Settle(steps: 2).Thaw();
        Assert.Equal((FreezePhase.Failed, Reasons.ThawedBeforeFrozen), (world.Status.Phase, world.Status.Reason));
        Assert.Empty(world.Plans);
        Assert.Null(world.Window);
    }

    [Fact]
    public void The_freeze_timeout_counts_from_the_first_sight_also_after_a_restart()
    {
        var world = With("a", "b").Settle(steps: 2).Advance(10).Settle();
        Assert.Equal(Reasons.FreezeTimeout, world.Status.Reason);
        Assert.Equal(Start, world.Status.StartedAt);
    }

    [Fact]
    public void Why_a_window_was_ended_survives_a_restart()
    {
        var world = With("a", "b").Settle().Report("a", NodeFreezePhase.Failed, Reasons.FlushFailed);
        world.Step();
        Assert.Equal("Thaw:Thawed", world.Writes[^1]);
        // The report that caused it is overwritten before the operator is back.
        world.Report("a", NodeFreezePhase.Failed, Reasons.RolledBack).Report("b", NodeFreezePhase.Failed, Reasons.RolledBack).Settle();
        Assert.Equal((FreezePhase.Failed, Reasons.FlushFailed), (world.Status.Phase, world.Status.Reason));
    }

    [Fact]
    public void When_it_was_frozen_survives_a_restart_between_the_confirmation_and_the_status()
    {
        var world = With("a", "b").Settle().Report(NodeFreezePhase.Prepared, "a", "b").Settle().Advance(1).Report(NodeFreezePhase.Frozen, "a", "b");
        world.Step();
        Assert.Equal("Command:Confirmed", world.Writes[^1]);
        world.Advance(4).Settle();
        Assert.Equal((FreezePhase.Frozen, Start.AddSeconds(1)), (world.Status.Phase, world.Status.FrozenAt));
    }

    [Fact]
    public void An_operator_that_is_back_after_everything_is_over_still_gives_the_verdict()
    {
        var world = With("a", "b").Freeze().Advance(500).Report(NodeFreezePhase.Expired, "a", "b").Settle();
        Assert.Equal((FreezePhase.Expired, Reasons.DeadlineExceeded), (world.Status.Phase, world.Status.Reason));
        Assert.Null(world.Window);
    }

    [Fact]
    public void Cleaning_up_that_stopped_half_way_is_finished()
    {
        var world = With("a", "b").Freeze().Thaw().Report(NodeFreezePhase.Thawed, "a", "b");
        world.Step();
        Assert.Equal("Status:Thawed", world.Writes[^1]);
        world.Step();
        Assert.Equal("ReleaseRequest", world.Writes[^1]);
        world.Plans.Remove("a");
        world.Settle();
        Assert.Equal("DeleteInternals", world.Writes[^1]);
        Assert.Equal(FreezePhase.Thawed, world.Status.Phase);
    }
}
