using Quiesce.Crds;
using static Quiesce.Operator.Tests.Deciding.World;

namespace Quiesce.Operator.Tests.Deciding;

/// <summary>A request in a final phase.</summary>
public sealed class AfterTheEndTests
{
    private static World Ended(int? ttl = null) => With("node-1").Spec(s => s with { TtlSecondsAfterFinished = ttl })
        .Freeze().Thaw().Report(NodeFreezePhase.Thawed, "node-1").Settle();

    [Fact]
    public void The_final_status_is_written_before_anything_is_let_go()
    {
        var world = Ended();
        Assert.Equal(["Status:Thawed", "ReleaseRequest", "DeleteInternals"], world.Writes[^3..]);
        Assert.Empty(world.Request.Metadata.Finalizers);
    }

    [Fact]
    public void It_stays_without_a_time_to_live()
    {
        var world = Ended().Advance(1_000_000).Settle();
        Assert.DoesNotContain("DeleteRequest", world.Writes);
        Assert.Null(world.RequeueAfter);
    }

    [Fact]
    public void It_is_deleted_when_its_time_is_over()
    {
        var world = Ended(ttl: 30);
        Assert.Equal(TimeSpan.FromSeconds(30.001), world.RequeueAfter);
        world.Advance(29).Settle();
        Assert.DoesNotContain("DeleteRequest", world.Writes);
        world.Advance(1).Step();
        Assert.Equal("DeleteRequest", world.Writes[^1]);
    }

    [Fact]
    public void It_never_freezes_again_and_its_conditions_speak_of_the_newest_spec()
    {
        var world = Ended();
        world.Writes.Clear();
        var before = world.Status;
        world.Spec(s => s with { DesiredState = DesiredState.Frozen, DeadlineSeconds = 30 }).Settle();
        Assert.Equal(["Status:Thawed"], world.Writes);
        Assert.All(world.Status.Conditions, c => Assert.Equal(world.Request.Metadata.Generation, c.ObservedGeneration));
        Assert.Equal(before.Conditions.Select(c => (c.Type, c.Status, c.LastTransitionTime)), world.Status.Conditions.Select(c => (c.Type, c.Status, c.LastTransitionTime)));
        Assert.Contains(world.Stories, s => s.IsWarning && s.Message.Contains("has finished", StringComparison.Ordinal));
    }
}
