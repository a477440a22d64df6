using Quiesce.Crds;

namespace Quiesce.Operator.Nodes;

/// <summary>Which nodes a request means, and which of its targets lie on each.</summary>
internal static class Resolution
{
    /// <summary>Paths that one NodeFreeze may carry; the bound of its schema.</summary>
    public const int MostPaths = 64;

    /// <summary>Resolves targets to nodes that can serve them.</summary>
    /// <returns>The indexes of the targets on each node, in the nodes' order by name; or why not.</returns>
    public static (NodeTargets? Nodes, Refusal? Refusal) Resolve(FreezeRequestSpec spec, ClusterView cluster)
    {
        var nodes = new SortedDictionary<string, List<int>>(StringComparer.Ordinal);
        for (var i = 0; i < spec.Targets.Count; i++)
        {
            var (names, refusal) = NodesOf(spec.Targets[i], i, cluster);
            if (refusal is not null) return (null, refusal);
            foreach (var name in names)
            {
                if (!nodes.TryGetValue(name, out var targets)) nodes[name] = targets = [];
                targets.Add(i);
            }
        }

        if (nodes.Count == 0) return (null, new(Reasons.NothingToFreeze, "spec.targets is empty: name at least one thing to freeze."));
        var resolved = new NodeTargets(nodes.ToDictionary(n => n.Key, n => (IReadOnlyList<int>)n.Value));
        return Check(spec, resolved, cluster) is { } refused ? (null, refused) : (resolved, null);
    }

    private static (IReadOnlyList<string> Names, Refusal? Refusal) NodesOf(FreezeTarget target, int index, ClusterView cluster)
    {
        var nodeName = target.HostPath?.NodeName ?? target.AllFilesystems?.NodeName;
        var selector = target.HostPath?.NodeSelector ?? target.AllFilesystems?.NodeSelector;
        var where = $"spec.targets[{index}]";
        if (target.HostPath is { } hostPath && !IsAbsolute(hostPath.Path))
            return ([], new(Reasons.InvalidPath, $"{where}: {hostPath.Path} is not an absolute path without '..': give the path on the host."));
        if (!string.IsNullOrEmpty(nodeName))
        {
            return cluster.Nodes.ContainsKey(nodeName)
                ? ([nodeName], null)
                : ([], new(Reasons.NodeNotFound, $"{where}: there is no node {nodeName}: compare with `kubectl get nodes`."));
        }

        if (selector is null) return ([], new(Reasons.NoNodeMatches, $"{where} names no node: set nodeName or nodeSelector."));
        var names = cluster.Nodes.Where(node => Selector.Matches(selector, node.Value)).Select(node => node.Key).ToArray();
        return names.Length > 0
            ? (names, null)
            : ([], new(Reasons.NoNodeMatches, $"{where}: no node has the labels {Selector.Format(selector)}: compare with `kubectl get nodes --show-labels`."));
    }

    private static Refusal? Check(FreezeRequestSpec spec, NodeTargets nodes, ClusterView cluster)
    {
        foreach (var node in nodes.Names)
        {
            var paths = nodes.PathsOn(spec, node).Count;
            if (paths > MostPaths)
                return new(Reasons.TooManyTargets, $"node {node}: {paths} paths, and one window takes {MostPaths} on one node: make several requests.");
        }

        var without = nodes.Names.Where(node => !cluster.ReadyAgents.Contains(node)).ToArray();
        return without.Length == 0
            ? null
            : new(
                Reasons.AgentNotReady,
                $"no ready agent runs on {Names(without)}: look at the agent's pods with `kubectl get pods -A -o wide -l app.kubernetes.io/name=quiesce`.");
    }

    /// <summary>A few names in a sentence: <c>node a</c>, <c>nodes a, b and 7 more</c>.</summary>
    public static string Names(IReadOnlyList<string> names) => names.Count switch
    {
        1 => $"node {names[0]}",
        <= 5 => $"nodes {string.Join(", ", names)}",
        _ => $"nodes {string.Join(", ", names.Take(4))} and {names.Count - 4} more",
    };

    private static bool IsAbsolute(string? path) => path is ['/', ..] && !path.Split('/').Contains("..");
}
