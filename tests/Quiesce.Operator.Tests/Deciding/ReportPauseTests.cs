using Quiesce.Crds;
using Quiesce.Operator.Freezing;

namespace Quiesce.Operator.Tests.Deciding;

/// <summary>How long the report of a node waits for those of others.</summary>
public sealed class ReportPauseTests
{
    private static readonly RequestReference Request = new() { Namespace = "shop", Name = "backup", Uid = "uid" };

    private static double Milliseconds(NodeFreezePhase? phase, int nodes, WindowState commanded = WindowState.Frozen) => ReportPause.After(
        new() { Spec = new() { NodeName = "a", Request = Request }, Status = phase is { } known ? new() { Phase = known } : null },
        new() { Spec = new() { Request = Request, DesiredState = commanded, Nodes = nodes } }).TotalMilliseconds;

    [Theory]
    [InlineData(1, 0)]
    [InlineData(49, 0)]
    [InlineData(50, 1)]
    [InlineData(1_000, 20)]
    [InlineData(1_000_000, 50)]
    public void It_grows_with_the_nodes_and_has_a_bound(int nodes, double milliseconds)
    {
        Assert.Equal(milliseconds, Milliseconds(null, nodes));
        Assert.Equal(milliseconds, Milliseconds(NodeFreezePhase.Prepared, nodes));
        Assert.Equal(milliseconds, Milliseconds(NodeFreezePhase.Frozen, nodes));
    }

    [Theory]
    [InlineData(NodeFreezePhase.Failed)]
    [InlineData(NodeFreezePhase.Broken)]
    [InlineData(NodeFreezePhase.Expired)]
    public void What_ends_the_window_of_the_others_does_not_wait(NodeFreezePhase phase) => Assert.Equal(0, Milliseconds(phase, 1_000));

    [Theory]
    [InlineData(NodeFreezePhase.Thawing)]
    [InlineData(NodeFreezePhase.Thawed)]
    public void A_thaw_is_the_end_of_it_for_all_unless_all_were_told_to(NodeFreezePhase phase)
    {
        Assert.Equal(0, Milliseconds(phase, 1_000));
        Assert.Equal(0, Milliseconds(phase, 1_000, WindowState.Prepared));
        Assert.Equal(20, Milliseconds(phase, 1_000, WindowState.Thawed));
    }

    [Fact]
    public void Nor_does_the_report_of_a_window_that_is_not_known()
    {
        var report = new NodeFreeze { Spec = new() { NodeName = "a", Request = Request }, Status = new() { Phase = NodeFreezePhase.Prepared } };
        Assert.Equal(TimeSpan.Zero, ReportPause.After(report, window: null));
    }
}
