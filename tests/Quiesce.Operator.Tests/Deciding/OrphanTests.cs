using Quiesce.Crds;
using Quiesce.Operator.Freezing;
using static Quiesce.Operator.Tests.Deciding.World;

namespace Quiesce.Operator.Tests.Deciding;

/// <summary>Internal objects whose request is gone.</summary>
public sealed class OrphanTests
{
    private static (WindowEnd? Thaw, TimeSpan? Wait) Decide(World world) =>
        OrphanDecision.Decide(world.Window, [.. world.Plans.Values], world.Now, world.Limits);

    [Fact]
    public void An_open_window_is_thawed_first()
    {
        var world = With("a", "b").Freeze();
        Assert.Equal(Reasons.RequestDeleted, Decide(world).Thaw?.Reason);
    }

    [Fact]
    public void Nothing_is_deleted_before_every_node_has_reported_its_end()
    {
        var world = With("a", "b").Freeze().Thaw().Report(NodeFreezePhase.Thawed, "a");
        var (thaw, wait) = Decide(world);
        Assert.Null(thaw);
        Assert.Equal(TimeSpan.FromSeconds(25.001), wait);
        world.Report(NodeFreezePhase.Thawed, "b");
        Assert.Equal((null, null), Decide(world));
    }

    [Theory]
    [InlineData(1, 35)]
    [InlineData(2, 25)]
    public void A_node_that_never_reports_does_not_keep_it_for_ever(int nodes, double seconds)
    {
        string[] names = [.. Enumerable.Range(0, nodes).Select(i => $"n{i}")];
        var world = With(names).Settle();
        if (nodes > 1) world.Report(NodeFreezePhase.Prepared, names).Settle();
        world.Thaw();
        Assert.Equal(TimeSpan.FromSeconds(seconds + 0.001), Decide(world).Wait);
        Assert.Equal((null, null), Decide(world.Advance(seconds)));
    }

    [Fact]
    public void Plans_without_a_window_hold_nothing_and_go_at_once()
    {
        var world = With("a", "b").Freeze();
        world.Window = null;
        Assert.Equal((null, null), Decide(world));
    }

    [Fact]
    public void A_window_without_plans_goes_at_once() =>
        Assert.Equal((null, null), Decide(With("a", "b").Settle(steps: 2)));
}
