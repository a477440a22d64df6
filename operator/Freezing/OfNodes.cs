using Quiesce.Crds;

namespace Quiesce.Operator.Freezing;

/// <summary>The NodeFreezes of one request, one for each node.</summary>
internal static class OfNodes
{
    /// <summary>
    /// The first of each node. There is a second one only of what holds nothing, where two operators believe to lead: names of what holds are fixed in its window.
    /// </summary>
    public static IEnumerable<NodeFreeze> First(IEnumerable<NodeFreeze> nodeFreezes) =>
        nodeFreezes.GroupBy(n => n.Spec.NodeName).Select(ofNode => ofNode.MinBy(n => (n.Metadata.CreationTimestamp ?? default, n.Metadata.Name))!);
}
