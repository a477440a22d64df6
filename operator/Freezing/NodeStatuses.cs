using System.Text;
using Quiesce.Crds;

namespace Quiesce.Operator.Freezing;

/// <summary>The nodes as a status lists them: failed and slowest first, and bounded.</summary>
internal static class NodeStatuses
{
    /// <summary>Nodes in one status.</summary>
    public const int MostNodes = 100;

    /// <summary>Filesystems of one node in one status.</summary>
    public const int MostFilesystems = 64;

    /// <summary>Filesystems in one status altogether: one takes about 300 bytes.</summary>
    public const int MostFilesystemsAltogether = 2000;

    /// <summary>What they may take altogether, in bytes: etcd refuses objects above 1.5 MB, and a status that is not written ends nothing.</summary>
    private const int MostBytes = 700_000;

    /// <summary>Characters of a message of one of them; its report has all of it.</summary>
    private const int LongestMessage = 1024;

    /// <summary>The list, and how many nodes it leaves out.</summary>
    public static (IReadOnlyList<NodeStatus> Nodes, int Omitted) Of(IReadOnlyList<NodeView> nodes)
    {
        var (left, room) = (MostFilesystemsAltogether, MostBytes);
        var listed = new List<NodeStatus>();
        foreach (var node in nodes.OrderBy(Rank).ThenByDescending(Slowness).ThenBy(n => n.Name, StringComparer.Ordinal).Take(MostNodes))
        {
            FilesystemStatus[] all = [.. (node.Report?.Filesystems ?? []).Select(f => f.Message is { Length: > LongestMessage } message ? f with { Message = message[..LongestMessage] } : f)];
            var taken = 0;
            for (; taken < all.Length && taken < MostFilesystems && left > 0 && room >= Bytes(all[taken]); taken++, left--) room -= Bytes(all[taken]);
            listed.Add(new()
            {
                Name = node.Name,
                Phase = node.Lost ? NodeFreezePhase.Failed : node.Phase,
                Reason = ReasonOf(node),
                Message = node.Lost || node.Restarted || node.Stuck.Count > 0 ? node.Describe() : node.Report?.Message,
                Filesystems = all[..taken],
                FilesystemsOmitted = (node.Report?.FilesystemsOmitted ?? 0) + all.Length - taken,
            });
        }

        return (listed, nodes.Count - listed.Count);
    }

    private static int Bytes(FilesystemStatus f) =>
        300 + Encoding.UTF8.GetByteCount(f.Path) + Encoding.UTF8.GetByteCount(f.Source ?? "") + Encoding.UTF8.GetByteCount(f.Message ?? "") + (f.Claim?.Length ?? 0);

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
