using Quiesce.Crds;

namespace Quiesce.Operator.Freezing;

/// <summary>The NodeFreezes of one request, one for each node.</summary>
internal static class OfNodes
{
    /// <summary>
    /// The first of each node, and one that its agent has seen before one that it has not. There is a second one of what holds nothing, where two operators believe to lead: names of what holds
    /// are fixed in its window. And of a node that was called, whose agent and the operator gave it its plan in the same moment: that is one plan, and the agent reports in one of the two.
    /// </summary>
    public static IEnumerable<NodeFreeze> First(IEnumerable<NodeFreeze> nodeFreezes) =>
        nodeFreezes.GroupBy(n => n.Spec.NodeName).Select(ofNode => ofNode.MinBy(n => (n.Report is null, n.Metadata.CreationTimestamp ?? default, n.Metadata.Name))!);
}
