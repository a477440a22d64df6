using Quiesce.Crds;

namespace Quiesce.Operator.Freezing;

/// <summary>The nodes as a status lists them: failed and slowest first, and bounded.</summary>
internal static class NodeStatuses
{
    /// <summary>Nodes in one status.</summary>
    public const int MostNodes = 100;

    /// <summary>Filesystems of one node in one status.</summary>
    public const int MostFilesystems = 64;

    /// <summary>Filesystems in one status altogether: one takes about 300 bytes, and etcd refuses objects above 1.5 MB.</summary>
    public const int MostFilesystemsAltogether = 2000;

    /// <summary>The list, and how many nodes it leaves out.</summary>
    public static (IReadOnlyList<NodeStatus> Nodes, int Omitted) Of(IReadOnlyList<NodeView> nodes)
    {
        var left = MostFilesystemsAltogether;
        var listed = new List<NodeStatus>();
        foreach (var node in nodes.OrderBy(Rank).ThenByDescending(Slowness).ThenBy(n => n.Name, StringComparer.Ordinal).Take(MostNodes))
        {
            var all = node.Report?.Filesystems ?? [];
            var taken = Math.Min(Math.Min(all.Count, MostFilesystems), left);
            left -= taken;
            listed.Add(new()
            {
                Name = node.Name,
                Phase = node.Lost ? NodeFreezePhase.Failed : node.Phase,
                Reason = ReasonOf(node),
                Message = node.Lost || node.Restarted || node.Stuck.Count > 0 ? node.Describe() : node.Report?.Message,
                Filesystems = taken == all.Count ? all : [.. all.Take(taken)],
                FilesystemsOmitted = (node.Report?.FilesystemsOmitted ?? 0) + all.Count - taken,
            });
        }

        return (listed, nodes.Count - listed.Count);
    }

    private static string? ReasonOf(NodeView node) => node switch
    {
        { Stuck: [var stuck, ..] } => stuck.Reason ?? Reasons.ThawStuck,
        { Lost: true } => Reasons.NodeLost,
        { Restarted: true } => WhyEnd.ReasonOf(node),
        _ => node.Report?.Reason,
    };

    private static int Rank(NodeView node) => node switch
    {
        { Stuck.Count: > 0 } or { Lost: true } or { Restarted: true } or { Phase: NodeFreezePhase.Failed or NodeFreezePhase.Broken } => 0,
        { Phase: NodeFreezePhase.Expired } => 1,
        _ => 2,
    };

    /// <summary>Who is behind comes first, then who took long.</summary>
    private static double Slowness(NodeView node) =>
        ((NodeFreezePhase.Failed - node.Phase) * 1e9)
        + (node.Report?.Filesystems ?? []).Select(f => (f.FreezeMilliseconds ?? 0) + (f.FlushMilliseconds ?? 0)).DefaultIfEmpty().Max();
}
