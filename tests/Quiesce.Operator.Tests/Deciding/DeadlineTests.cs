using Quiesce.Crds;
using static Quiesce.Operator.Tests.Deciding.World;

namespace Quiesce.Operator.Tests.Deciding;

/// <summary>Raising the deadline.</summary>
public sealed class DeadlineTests
{
    private static FreezeRequestSpec Raised(FreezeRequestSpec spec, int seconds) => spec with { DeadlineSeconds = seconds };

    [Fact]
    public void A_raise_is_one_write_and_is_told()
    {
        var world = With("a", "b").Freeze().Advance(5);
        world.Writes.Clear();
        world.Spec(s => Raised(s, 60)).Settle();
        Assert.Equal(["Raise:60s", "Status:Frozen"], world.Writes);
        Assert.Contains(world.Stories, s => s is { Reason: Reasons.DeadlineRaised, IsWarning: false });
        Assert.All(world.Status.Conditions, c => Assert.Equal(2, c.ObservedGeneration));
    }

    [Fact]
    public void The_deadline_in_status_moves_only_when_every_agent_has_acknowledged_it()
    {
        var world = With("a", "b").Freeze().Report("a", NodeFreezePhase.Frozen, deadline: 20).Report("b", NodeFreezePhase.Frozen, deadline: 20).Settle();
        world.Spec(s => Raised(s, 60)).Settle();
        Assert.Equal(Start.AddSeconds(20), world.Status.DeadlineAt);
        world.Report("a", NodeFreezePhase.Frozen, deadline: 60).Settle();
        Assert.Equal(Start.AddSeconds(20), world.Status.DeadlineAt);
        world.Report("b", NodeFreezePhase.Frozen, deadline: 60).Settle();
        Assert.Equal(Start.AddSeconds(60), world.Status.DeadlineAt);
    }

    [Fact]
    public void The_operator_does_not_thaw_at_the_old_deadline_once_a_raise_was_written()
    {
        var world = With("a", "b").Freeze().Spec(s => Raised(s, 60)).Settle().Advance(30).Settle();
        Assert.Equal(FreezePhase.Frozen, world.Status.Phase);
        world.Advance(30).Settle();
        Assert.Equal((FreezePhase.Thawing, Reasons.DeadlineExceeded), (world.Status.Phase, world.Status.Reason));
    }

    [Fact]
    public void A_node_that_missed_the_raise_ends_the_window_for_all()
    {
        var world = With("a", "b").Freeze().Spec(s => Raised(s, 60)).Settle().Advance(20).Report("b", NodeFreezePhase.Expired).Settle();
        Assert.Equal(WindowState.Thawed, world.Window!.Spec.DesiredState);
        world.Report(NodeFreezePhase.Thawed, "a").Settle();
        Assert.Equal(FreezePhase.Expired, world.Status.Phase);
    }

    [Fact]
    public void A_raise_above_the_maximum_is_refused_once_and_the_window_goes_on()
    {
        var world = With("node-1").Freeze();
        world.Writes.Clear();
        world.Spec(s => Raised(s, 601)).Settle();
        Assert.Equal(["Status:Frozen"], world.Writes);
        Assert.Equal(20, world.Window!.Spec.DeadlineSeconds);
        Assert.Contains("601", world.Condition(ConditionTypes.Accepted).Message, StringComparison.Ordinal);
        Assert.Contains("20 s stay in force", world.Condition(ConditionTypes.Accepted).Message, StringComparison.Ordinal);
        world.Advance(3).Settle();
        Assert.Single(world.Stories, s => s is { Reason: Reasons.DeadlineTooLong, IsWarning: true });
    }

    [Fact]
    public void A_raise_that_the_api_server_refuses_leaves_the_window_open()
    {
        var world = With("node-1").Freeze();
        world.RaiseRefused = new(Reasons.InternalError, "the API server refused: no.");
        world.Spec(s => Raised(s, 60)).Settle();
        Assert.Equal((FreezePhase.Frozen, 20), (world.Status.Phase, world.Window!.Spec.DeadlineSeconds));
        Assert.Contains("refused", world.Condition(ConditionTypes.Accepted).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_raise_after_the_end_changes_nothing_and_is_told()
    {
        var world = With("node-1").Freeze().Advance(20).Settle();
        world.Writes.Clear();
        world.Spec(s => Raised(s, 60)).Settle();
        Assert.DoesNotContain(world.Writes, w => w.StartsWith("Raise", StringComparison.Ordinal));
        Assert.Contains(world.Stories, s => s is { Reason: Reasons.DeadlineExceeded, IsWarning: true } && s.Message.Contains("raise", StringComparison.Ordinal));
    }

    [Fact]
    public void A_raise_before_the_freeze_command_counts_from_the_command()
    {
        var world = With("a", "b").Settle().Spec(s => Raised(s, 60)).Settle();
        Assert.Contains("Raise:60s", world.Writes);
        world.Advance(2).Report(NodeFreezePhase.Prepared, "a", "b").Settle();
        Assert.Equal(Start.AddSeconds(62), world.Status.DeadlineAt);
    }

    [Fact]
    public void The_promised_end_is_recorded_before_a_raise_moves_it()
    {
        var world = With("node-1").Settle(steps: 3).Spec(s => Raised(s, 60));
        Assert.Null(world.Status.DeadlineAt);
        world.Settle();
        Assert.True(world.Writes.IndexOf("Status:Preparing") < world.Writes.IndexOf("Raise:60s"), string.Join(", ", world.Writes));
        Assert.Equal(Start.AddSeconds(20), world.Status.DeadlineAt);
    }
}
