using Quiesce.Crds;

namespace Quiesce.Operator.Nodes;

/// <summary>Which nodes a request means, and which of its targets lie on each.</summary>
internal static class Resolution
{
    /// <summary>Paths that one NodeFreeze may carry; the bound of its schema.</summary>
    public const int MostPaths = 64;

    /// <summary>Volumes that one NodeFreeze may carry; the bound of its schema.</summary>
    public const int MostVolumes = 64;

    /// <summary>Resolves targets to nodes that can serve them.</summary>
    /// <returns>The indexes of the targets on each node, in the nodes' order by name; or why not.</returns>
    /// <param name="spec">The request's wish.</param>
    /// <param name="ns">The request's namespace, which claims and pods are looked for in.</param>
    /// <param name="cluster">Nodes and agents.</param>
    /// <param name="workloads">Pods and claims; needed where the request names some.</param>
    public static (NodeTargets? Nodes, Refusal? Refusal) Resolve(FreezeRequestSpec spec, string ns, ClusterView cluster, Workloads? workloads)
    {
        var claims = Workloads.AreNamedBy(spec) ? new ClaimResolution(ns, workloads!) : null;
        var nodes = new SortedDictionary<string, List<int>>(StringComparer.Ordinal);
        for (var i = 0; i < spec.Targets.Count; i++)
        {
            var (target, where) = (spec.Targets[i], $"spec.targets[{i}]");
            var (names, refusal) = claims?.Add(target, where) ?? NodesOf(target, where, cluster);
            if (refusal is not null) return (null, refusal);
            foreach (var name in names)
            {
                if (!nodes.TryGetValue(name, out var targets)) nodes[name] = targets = [];
                targets.Add(i);
            }
        }

        if (nodes.Count == 0) return (null, new(Reasons.NothingToFreeze, "spec.targets is empty: name at least one thing to freeze."));
        var resolved = new NodeTargets(nodes.ToDictionary(n => n.Key, n => (IReadOnlyList<int>)n.Value), claims);
        return Check(spec, resolved, cluster) is { } refused ? (null, refused) : (resolved, null);
    }

    /// <summary>Resolves the claims and pods of a request alone, to see whether they are what they were.</summary>
    /// <returns>Null for both where it names none.</returns>
    public static (ClaimResolution? Claims, Refusal? Refusal) ResolveClaims(FreezeRequestSpec spec, string ns, Workloads? workloads)
    {
        if (!Workloads.AreNamedBy(spec)) return (null, null);
        var claims = new ClaimResolution(ns, workloads!);
        for (var i = 0; i < spec.Targets.Count; i++)
        {
            if (claims.Add(spec.Targets[i], $"spec.targets[{i}]") is { Refusal: { } refusal }) return (null, refusal);
        }

        return (claims, null);
    }

    private static (IReadOnlyList<string> Names, Refusal? Refusal) NodesOf(FreezeTarget target, string where, ClusterView cluster)
    {
        var nodeName = target.HostPath?.NodeName ?? target.AllFilesystems?.NodeName;
        var selector = target.HostPath?.NodeSelector ?? target.AllFilesystems?.NodeSelector;
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
            var (paths, volumes) = (nodes.PathsOn(spec, node).Count, nodes.VolumesOn(node).Count);
            if (paths > MostPaths)
                return new(Reasons.TooManyTargets, $"node {node}: {paths} paths, and one window takes {MostPaths} on one node: make several requests.");
            if (volumes > MostVolumes)
                return new(Reasons.TooManyTargets, $"node {node}: {volumes} volumes, and one window takes {MostVolumes} on one node: make several requests.");
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
