using Quiesce.Crds;
using Quiesce.Operator.Freezing;
using static Quiesce.Operator.Tests.Deciding.World;

namespace Quiesce.Operator.Tests.Deciding;

/// <summary>Somebody lays hands on the internal objects.</summary>
public sealed class InterferenceTests
{
    [Fact]
    public void A_window_deleted_before_it_froze_fails_the_request()
    {
        var world = With("a", "b").Settle();
        world.Window = null;
        world.Settle();
        Assert.Equal((FreezePhase.Thawing, Reasons.CommandGone), (world.Status.Phase, world.Status.Reason));
        world.Report("a", NodeFreezePhase.Failed, Reasons.CommandGone).Report("b", NodeFreezePhase.Failed, Reasons.CommandGone).Settle();
        Assert.Equal((FreezePhase.Failed, Reasons.CommandGone), (world.Status.Phase, world.Status.Reason));
        Assert.DoesNotContain(world.Writes.Skip(5), w => w.StartsWith("Create", StringComparison.Ordinal));
    }

    [Fact]
    public void A_window_deleted_while_it_was_open_breaks_the_request()
    {
        var world = With("a", "b").Freeze();
        world.Window = null;
        world.Settle();
        Assert.Equal((FreezePhase.Thawing, Reasons.CommandGone), (world.Status.Phase, world.Status.Reason));
        world.Report(NodeFreezePhase.Thawed, "a", "b").Settle();
        Assert.Equal((FreezePhase.Broken, Reasons.CommandGone), (world.Status.Phase, world.Status.Reason));
    }

    [Fact]
    public void Without_window_and_report_the_wait_has_an_end()
    {
        var world = With("a", "b").Freeze();
        world.Window = null;
        world.Settle();
        Assert.True(world.RequeueAfter > TimeSpan.Zero);
        world.Advance(world.RequeueAfter!.Value.TotalSeconds).Settle();
        Assert.Equal((FreezePhase.Failed, Reasons.NodeLost), (world.Status.Phase, world.Status.Reason));
    }

    [Fact]
    public void A_window_deleted_with_everything_else_ends_at_once_and_nobody_claims_a_thaw()
    {
        var world = With("a", "b").Freeze();
        world.Window = null;
        world.Plans.Clear();
        world.Settle();
        Assert.Equal((FreezePhase.Broken, Reasons.CommandGone), (world.Status.Phase, world.Status.Reason));
        Assert.Equal((ConditionStatus.Unknown, Reasons.CommandGone), (world.Condition(ConditionTypes.Thawed).Status, world.Condition(ConditionTypes.Thawed).Reason));
    }

    [Fact]
    public void A_window_thawed_by_someone_else_breaks_the_request()
    {
        var world = With("a", "b").Freeze();
        world.Window = world.Window! with { Spec = world.Window.Spec with { DesiredState = WindowState.Thawed } };
        world.Settle();
        Assert.Equal((FreezePhase.Thawing, Reasons.CommandGone), (world.Status.Phase, world.Status.Reason));
        world.Report(NodeFreezePhase.Thawed, "a", "b").Settle();
        Assert.Equal((FreezePhase.Broken, Reasons.CommandGone), (world.Status.Phase, world.Status.Reason));
    }

    [Fact]
    public void A_plan_deleted_after_it_was_created_is_not_made_again()
    {
        var world = With("node-1").Settle();
        world.Plans.Clear();
        world.Writes.Clear();
        world.Settle();
        Assert.Equal("Thaw:Thawed", world.Writes[0]);
        Assert.DoesNotContain("CreateNodeFreezes", world.Writes);
        Assert.Equal((FreezePhase.Failed, Reasons.CommandGone), (world.Status.Phase, world.Status.Reason));
    }

    [Fact]
    public void A_plan_deleted_in_an_open_window_breaks_it_and_thaws_the_others()
    {
        var world = With("a", "b").Freeze();
        world.Plans.Remove("a");
        world.Settle();
        Assert.Equal(WindowState.Thawed, world.Window!.Spec.DesiredState);
        world.Report(NodeFreezePhase.Thawed, "b").Settle();
        Assert.Equal((FreezePhase.Broken, Reasons.CommandGone), (world.Status.Phase, world.Status.Reason));
        Assert.Contains("node a", world.Status.Message, StringComparison.Ordinal);
        // It may be cut off, and then holds to its deadline without anyone hearing of it.
        Assert.Equal((ConditionStatus.Unknown, Reasons.CommandGone), (world.Condition(ConditionTypes.Thawed).Status, world.Condition(ConditionTypes.Thawed).Reason));
        Assert.Null(world.Status.ThawedAt);
    }

    [Theory]
    [InlineData("no json")]
    [InlineData("{}")]
    [InlineData(null)]
    public void A_window_whose_nodes_were_changed_is_thawed(string? nodes)
    {
        var world = With("a", "b").Freeze();
        if (nodes is null) world.Window!.Metadata.Annotations.Remove(WindowRecord.NodesAnnotation);
        else world.Window!.Metadata.Annotations[WindowRecord.NodesAnnotation] = nodes;
        world.Settle();
        Assert.Equal((FreezePhase.Thawing, Reasons.InternalError), (world.Status.Phase, world.Status.Reason));
    }

    [Fact]
    public void An_index_beyond_the_targets_is_ignored()
    {
        var world = With("a", "b").Settle(steps: 2);
        world.Window!.Metadata.Annotations[WindowRecord.NodesAnnotation] = """{"a":[0,7,-1],"b":[1]}""";
        world.Settle();
        Assert.Equal(["/srv/orders"], world.Plans["a"].Spec.Paths);
    }
}
