using Quiesce.Crds;
using static Quiesce.Operator.Tests.Deciding.World;

namespace Quiesce.Operator.Tests.Deciding;

/// <summary>A dry run resolves and reports, and cannot freeze.</summary>
public sealed class DryRunTests
{
    private static World Dry(params string[] nodes) => With(nodes).Spec(s => s with { DryRun = true });

    private static readonly FilesystemStatus Found = new() { Path = "/srv/orders", State = FilesystemState.Resolved, Type = "xfs" };

    [Fact]
    public void It_inspects_without_a_window()
    {
        var world = Dry("a", "b").Settle();
        Assert.Null(world.Window);
        Assert.All(world.Plans.Values, p => Assert.Equal((NodeFreezeMode.Inspect, null), (p.Spec.Mode, p.Spec.Window)));
        Assert.Equal(["Claim", "Status:Preparing", "CreateNodeFreezes", "Status:Preparing"], world.Writes);
    }

    [Fact]
    public void It_completes_with_what_would_be_frozen()
    {
        var world = Dry("a", "b").Settle();
        world.Report("a", NodeFreezePhase.Thawed, frozen: 0, filesystems: Found).Settle();
        Assert.Equal(FreezePhase.Preparing, world.Status.Phase);
        world.Report("b", NodeFreezePhase.Thawed, frozen: 0, filesystems: [Found, Found with { State = FilesystemState.Skipped, Reason = Reasons.FreezeNotSupported }]).Settle();
        Assert.Equal((FreezePhase.Thawed, Reasons.DryRunCompleted), (world.Status.Phase, world.Status.Reason));
        Assert.Contains("2 filesystems on 2 nodes would be frozen", world.Status.Message, StringComparison.Ordinal);
        Assert.Equal((ConditionStatus.Unknown, Reasons.DryRunCompleted), (world.Condition(ConditionTypes.WindowIntact).Status, world.Condition(ConditionTypes.WindowIntact).Reason));
        Assert.Equal(ConditionStatus.False, world.Condition(ConditionTypes.Frozen).Status);
        Assert.Equal(ConditionStatus.True, world.Condition(ConditionTypes.Finished).Status);
        Assert.Equal((2, 0), (world.Status.NodeCount, world.Status.FrozenFilesystems));
        Assert.Equal(3, world.Status.Nodes.Sum(n => n.Filesystems.Count));
        Assert.Equal(["ReleaseRequest", "DeleteInternals"], world.Writes[^2..]);
    }

    [Fact]
    public void It_fails_with_what_would_be_refused()
    {
        var world = Dry("a", "b").Settle().Report("a", NodeFreezePhase.Thawed, frozen: 0, filesystems: Found);
        world.Report("b", NodeFreezePhase.Failed, Reasons.ProtectedFilesystem, filesystems: [Found with { State = FilesystemState.Refused, Reason = Reasons.ProtectedFilesystem, Message = "carries the kubelet" }]).Settle();
        Assert.Equal((FreezePhase.Failed, Reasons.ProtectedFilesystem), (world.Status.Phase, world.Status.Reason));
        Assert.Contains("node b: /srv/orders (xfs): carries the kubelet", world.Status.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void It_gives_up_on_a_node_that_does_not_answer()
    {
        var world = Dry("a", "b").Settle().Report("a", NodeFreezePhase.Thawed, frozen: 0).Settle();
        Assert.Equal(TimeSpan.FromSeconds(10.001), world.RequeueAfter);
        world.Advance(10).Settle();
        Assert.Equal((FreezePhase.Failed, Reasons.FreezeTimeout), (world.Status.Phase, world.Status.Reason));
        Assert.Contains("node b", world.Status.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void It_is_refused_as_a_request_would_be()
    {
        var world = Dry("a");
        world.Agents.Clear();
        world.Settle();
        Assert.Equal((FreezePhase.Failed, Reasons.AgentNotReady), (world.Status.Phase, world.Status.Reason));
        Assert.Equal(["Status:Failed"], world.Writes);
    }

    [Fact]
    public void It_resumes_creation_that_stopped_half_way()
    {
        var world = Dry("a", "b").Settle();
        world.Plans.Remove("b");
        world.Settle();
        Assert.Equal(["a", "b"], world.Plans.Keys.Order());
    }

    [Fact]
    public void It_ends_when_it_is_deleted_or_thawed()
    {
        var deleted = Dry("a").Settle().Delete().Settle();
        Assert.Equal((FreezePhase.Failed, Reasons.RequestDeleted), (deleted.Status.Phase, deleted.Status.Reason));
        var thawed = Dry("a").Settle().Thaw();
        Assert.Equal((FreezePhase.Failed, Reasons.ThawedBeforeFrozen), (thawed.Status.Phase, thawed.Status.Reason));
    }
}
