using Quiesce.Crds;

namespace Quiesce.Operator.Telemetry;

/// <summary>What the reports of all nodes add up to.</summary>
internal static class NodeCounts
{
    /// <summary>Filesystems in a freeze and in a thaw call that does not return, by reports that more will follow.</summary>
    public static (int Freezes, int Thaws) Stuck(IEnumerable<NodeFreeze> nodeFreezes)
    {
        var stuck = nodeFreezes.Select(n => n.Status).OfType<NodeFreezeStatus>().Where(s => s.Phase < NodeFreezePhase.Thawed)
            .SelectMany(s => s.Filesystems).Where(f => f.State == FilesystemState.Stuck).ToArray();
        var freezes = stuck.Count(f => f.Reason == Reasons.FreezeStuck);
        return (freezes, stuck.Length - freezes);
    }

    /// <summary>Nodes whose last report that says anything of it says that the holder is not protected.</summary>
    public static int Unprotected(IEnumerable<NodeFreeze> nodeFreezes) =>
        nodeFreezes.Where(n => n.Status?.HolderProtected is not null)
            .GroupBy(n => n.Spec.NodeName)
            .Count(node => node.MaxBy(n => n.Metadata.CreationTimestamp)!.Status!.HolderProtected is false);
}
