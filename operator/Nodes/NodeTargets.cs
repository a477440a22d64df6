using System.Text.Json;
using Quiesce.Crds;

namespace Quiesce.Operator.Nodes;

/// <summary>The fixed set of nodes of a request, and the indexes of its targets on each.</summary>
/// <remarks>
/// Settled once, before the first NodeFreeze, and kept as JSON in an annotation of the FreezeWindow: nodes that come, go or change
/// their labels later change nothing, and a restarted operator creates the same NodeFreezes. Indexes are enough, because
/// a request's targets never change.
/// </remarks>
internal sealed class NodeTargets
{
    private readonly IReadOnlyDictionary<string, IReadOnlyList<int>> _targets;

    public NodeTargets(IReadOnlyDictionary<string, IReadOnlyList<int>> targets)
    {
        _targets = targets;
        Names = [.. targets.Keys.Order(StringComparer.Ordinal)];
    }

    /// <summary>The nodes, by name.</summary>
    public IReadOnlyList<string> Names { get; }

    /// <summary>Reads what <see cref="ToJson"/> wrote.</summary>
    /// <returns>Null when it is not that.</returns>
    public static NodeTargets? FromJson(string json)
    {
        try
        {
            var targets = JsonSerializer.Deserialize(json, OperatorJson.Default.DictionaryStringInt32Array);
            return targets is { Count: > 0 } ? new(targets.ToDictionary(t => t.Key, t => (IReadOnlyList<int>)t.Value)) : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary><c>{"node-1":[0,2]}</c>.</summary>
    public string ToJson() => JsonSerializer.Serialize(
        Names.ToDictionary(name => name, name => _targets[name].ToArray()), OperatorJson.Default.DictionaryStringInt32Array);

    /// <summary>The folders of all targets on a node, each once, in the request's order.</summary>
    public IReadOnlyList<string> PathsOn(FreezeRequestSpec spec, string node)
    {
        var paths = new List<string>();
        foreach (var target in On(spec, node))
        {
            if (target.HostPath is { } hostPath && !paths.Exists(path => Plain(path) == Plain(hostPath.Path))) paths.Add(hostPath.Path);
        }

        return paths;
    }

    /// <summary>Whether one of the targets on a node means all of its filesystems.</summary>
    public bool AllFilesystemsOf(FreezeRequestSpec spec, string node) => On(spec, node).Any(target => target.AllFilesystems is not null);

    private IEnumerable<FreezeTarget> On(FreezeRequestSpec spec, string node) =>
        _targets[node].Where(index => index >= 0 && index < spec.Targets.Count).Select(index => spec.Targets[index]);

    private static string Plain(string path) => string.Join('/', path.Split('/', StringSplitOptions.RemoveEmptyEntries));
}
