using Quiesce.Crds;
using Quiesce.Operator.Nodes;

namespace Quiesce.Operator.Telemetry;

/// <summary>What the reports of all nodes add up to.</summary>
internal static class NodeCounts
{
    /// <summary>Filesystems in a freeze and in a thaw call that does not return, by reports that more will follow.</summary>
    public static (int Freezes, int Thaws) Stuck(IEnumerable<NodeFreeze> nodeFreezes)
    {
        var stuck = nodeFreezes.Select(n => n.Report).OfType<NodeFreezeStatus>().Where(s => s.Phase < NodeFreezePhase.Thawed)
            .SelectMany(s => s.Filesystems).Where(f => f.State == FilesystemState.Stuck).ToArray();
        var freezes = stuck.Count(f => f.Reason == Reasons.FreezeStuck);
        return (freezes, stuck.Length - freezes);
    }

    /// <summary>Nodes that should have an agent and have none that is ready.</summary>
    public static int WithoutAgent(ClusterView cluster) =>
        cluster.Nodes.Count(node => node.Value.GetValueOrDefault("kubernetes.io/os", "linux") == "linux" && !cluster.ReadyAgents.Contains(node.Key));

    /// <summary>Nodes whose last report that says anything of it says that the holder is not protected.</summary>
    public static int Unprotected(IEnumerable<NodeFreeze> nodeFreezes) =>
        nodeFreezes.Where(n => n.Report?.HolderProtected is not null)
            .GroupBy(n => n.Spec.NodeName)
            .Count(node => node.MaxBy(n => n.Metadata.CreationTimestamp)!.Report!.HolderProtected is false);
}
