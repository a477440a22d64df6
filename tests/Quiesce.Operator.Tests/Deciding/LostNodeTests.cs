using Quiesce.Crds;
using static Quiesce.Operator.Tests.Deciding.World;

namespace Quiesce.Operator.Tests.Deciding;

/// <summary>A node that is never heard again, at every point of a request's life: Failed, NodeLost, not later than all it can hold and the grace.</summary>
public sealed class LostNodeTests
{
    /// <summary>From the first sight: the longest way to Frozen, the deadline, and the grace.</summary>
    private const double LongestSeconds = 10 + 20 + 5;

    public static TheoryData<int, string, bool> Points
    {
        get
        {
            var points = new TheoryData<int, string, bool>();
            foreach (var deleted in new[] { false, true })
            {
                foreach (var point in new[] { "never heard", "frozen", "thaw commanded" }) points.Add(1, point, deleted);
                foreach (var point in new[] { "never heard", "prepared", "frozen, unconfirmed", "frozen", "thaw commanded" }) points.Add(3, point, deleted);
            }

            return points;
        }
    }

    [Theory]
    [MemberData(nameof(Points))]
    public void The_request_ends_in_time_and_says_which_node(int nodes, string point, bool deleted)
    {
        string[] names = [.. Enumerable.Range(1, nodes).Select(i => $"n{i}")];
        var (lost, others) = (names[^1], names[..^1]);
        var world = With(names).Settle();
        switch (point)
        {
            case "never heard":
                world.Report(NodeFreezePhase.Prepared, others).Settle();
                break;
            case "prepared":
                world.Report(NodeFreezePhase.Prepared, names).Settle().Report(NodeFreezePhase.Frozen, others).Settle();
                break;
            case "frozen, unconfirmed":
                world.Report(NodeFreezePhase.Prepared, names).Settle().Report(NodeFreezePhase.Frozen, [lost, .. others[1..]]).Settle();
                break;
            case "frozen":
                world.Freeze();
                break;
            case "thaw commanded":
                world.Freeze().Thaw();
                break;
        }

        if (deleted) world.Delete().Settle();
        // Each of the others answers as soon as it is told to thaw; time goes on as the requeues say.
        var reported = false;
        for (var i = 0; world.Status.Phase < FreezePhase.Thawed; i++)
        {
            Assert.True(i < 20, $"{world.Status.Phase} {world.Status.Reason} at {world.Now - Start}");
            if (world.Window!.Spec.DesiredState == WindowState.Thawed && !reported)
            {
                reported = true;
                foreach (var other in others)
                    world.Report(other, world.Plans[other].Status!.Phase == NodeFreezePhase.Frozen ? NodeFreezePhase.Thawed : NodeFreezePhase.Failed, Reasons.RolledBack);
                world.Settle();
                continue;
            }

            Assert.True(world.RequeueAfter > TimeSpan.Zero, $"it waits for ever in {world.Status.Phase}");
            world.Advance(world.RequeueAfter!.Value.TotalSeconds).Settle();
        }

        Assert.Equal((FreezePhase.Failed, Reasons.NodeLost), (world.Status.Phase, world.Status.Reason));
        Assert.Contains($"node {lost}", world.Status.Message, StringComparison.Ordinal);
        Assert.Equal(Reasons.NodeLost, world.Status.Nodes[0].Reason);
        Assert.Equal(lost, world.Status.Nodes[0].Name);
        Assert.InRange((world.Now - Start).TotalSeconds, 5, LongestSeconds + 0.1);
        Assert.Equal(ConditionStatus.Unknown, world.Condition(ConditionTypes.Thawed).Status);
        Assert.Equal(ConditionStatus.False, world.Condition(ConditionTypes.WindowIntact).Status);
        // Deleted, its finalizer goes with this answer of the controller's; else it and the internal objects are gone.
        if (!deleted) Assert.Equal(["ReleaseRequest", "DeleteInternals"], world.Writes[^2..]);
        Assert.Single(world.Writes, w => w == "Thaw:Thawed");
    }

    [Fact]
    public void A_command_thawed_by_someone_else_before_any_freeze_gives_the_nodes_the_time_to_say_so()
    {
        var world = With("a", "b").Settle();
        world.Window = world.Window! with { Spec = world.Window.Spec with { DesiredState = WindowState.Thawed } };
        world.Advance(6).Settle();
        Assert.Equal((FreezePhase.Thawing, Reasons.CommandGone), (world.Status.Phase, world.Status.Reason));
        Assert.Equal(TimeSpan.FromSeconds(9.001), world.RequeueAfter);
        world.Report("a", NodeFreezePhase.Failed, Reasons.ThawedBeforeFrozen).Report("b", NodeFreezePhase.Failed, Reasons.ThawedBeforeFrozen).Settle();
        Assert.Equal((FreezePhase.Failed, Reasons.CommandGone), (world.Status.Phase, world.Status.Reason));
    }
}
