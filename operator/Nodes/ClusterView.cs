namespace Quiesce.Operator.Nodes;

/// <summary>What resolving a request needs to know of the cluster.</summary>
/// <param name="Nodes">The labels of every node, by its name.</param>
/// <param name="ReadyAgents">Names of the nodes on which a ready agent runs.</param>
internal sealed record ClusterView(
    IReadOnlyDictionary<string, IReadOnlyDictionary<string, string>> Nodes,
    IReadOnlySet<string> ReadyAgents)
{
    /// <summary>Those of them whose agents hear a call.</summary>
    public IReadOnlySet<string> HearCalls { get; init; } = new HashSet<string>();

    /// <summary>A cluster without nodes.</summary>
    public static ClusterView Empty { get; } =
        new(new Dictionary<string, IReadOnlyDictionary<string, string>>(), new HashSet<string>());
}
