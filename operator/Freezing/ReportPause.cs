using Quiesce.Crds;

namespace Quiesce.Operator.Freezing;

/// <summary>How long the report of a node waits for those of others.</summary>
/// <remarks>
/// Whoever looks at a window looks at all its nodes. With 1,000 of them, looking at each report of each was half of what the operator had to do, while most of its looks could only
/// find that others were still to come.
/// </remarks>
internal static class ReportPause
{
    private static readonly TimeSpan ForEachNode = TimeSpan.FromMicroseconds(20);

    // Timers count in milliseconds.
    private const int FewNodes = 50;
    private const int MostNodes = 2_500;

    /// <summary>20 µs for each node of the window and never more than 50 ms; zero for few nodes, and for a report that ends the window of the others.</summary>
    /// <param name="report">The report that came.</param>
    /// <param name="window">Its window; null while it is not known.</param>
    public static TimeSpan After(NodeFreeze report, FreezeWindow? window) =>
        window is { Spec: { Nodes: >= FewNodes and var nodes, DesiredState: var commanded } } && !EndsItForAll(report.Report?.Phase, commanded)
            ? ForEachNode * Math.Min(nodes, MostNodes)
            : TimeSpan.Zero;

    private static bool EndsItForAll(NodeFreezePhase? phase, WindowState commanded) =>
        phase is NodeFreezePhase.Broken or NodeFreezePhase.Failed or NodeFreezePhase.Expired || (phase >= NodeFreezePhase.Thawing && commanded != WindowState.Thawed);
}
