using Quiesce.Crds;
using static Quiesce.Operator.Tests.Deciding.World;

namespace Quiesce.Operator.Tests.Deciding;

/// <summary>Whether what holds a window survives what kills its agents.</summary>
public sealed class HolderProtectionTests
{
    private static Condition? Protected(World world) => world.Status.Conditions.FirstOrDefault(c => c.Type == ConditionTypes.HolderProtected);

    [Fact]
    public void Nothing_is_said_before_a_node_has()
    {
        var world = With("a", "b").Freeze();
        Assert.Null(Protected(world));
    }

    [Fact]
    public void It_is_true_when_all_that_spoke_are_protected_and_stays_to_the_end()
    {
        var world = With("a", "b").Freeze();
        world.Protection("a", true).Settle();
        Assert.Equal((ConditionStatus.True, Reasons.HolderProtected), (Protected(world)!.Status, Protected(world)!.Reason));
        world.Thaw().Report(NodeFreezePhase.Thawed, "a", "b").Settle();
        Assert.Equal((FreezePhase.Thawed, ConditionStatus.True), (world.Status.Phase, Protected(world)!.Status));
    }

    [Fact]
    public void One_that_is_not_makes_it_false_with_the_nodes_and_why()
    {
        var world = With("a", "b", "c").Freeze();
        world.Protection("a", true).Protection("b", false, "no hostPID").Protection("c", false, "no hostPID").Settle();
        Assert.Equal((ConditionStatus.False, Reasons.HolderUnprotected), (Protected(world)!.Status, Protected(world)!.Reason));
        Assert.Equal("nodes b, c: no hostPID.", Protected(world)!.Message);
        // It freezes all the same: an agent that must not, refuses.
        Assert.Equal(FreezePhase.Frozen, world.Status.Phase);
    }

    [Fact]
    public void Its_message_is_bounded_however_many_nodes_have_however_much_to_say()
    {
        string[] nodes = [.. Enumerable.Range(0, 20).Select(i => $"n{i:D2}")];
        var world = With(nodes).Freeze();
        foreach (var node in nodes) world.Protection(node, false, new string('x', Bounds.MessageLength - 5) + node);
        world.Settle();
        Assert.InRange(Protected(world)!.Message.Length, 1000, Bounds.MessageLength);
    }
}
