using System.Runtime.CompilerServices;
using System.Text.Json;
using Quiesce.Crds;
using Quiesce.Crds.Client;

namespace Quiesce.Operator.Nodes;

/// <summary>The fixed set of nodes of a request, and the indexes of its targets on each.</summary>
/// <remarks>
/// Settled once, before the first NodeFreeze, and kept in an annotation of the FreezeWindow: nodes that come, go or change
/// their labels later change nothing, and a restarted operator creates the same NodeFreezes. Indexes are enough, because
/// a request's targets never change.
/// </remarks>
internal sealed class NodeTargets
{
    // Asked for with every change of every node: a thousand names are read once for each text, and forgotten with it.
    private static readonly ConditionalWeakTable<string, StrongBox<NodeTargets?>> s_known = [];

    private readonly IReadOnlyDictionary<string, IReadOnlyList<int>> _targets;
    private readonly ClaimResolution? _claims;

    /// <param name="targets">The indexes of the targets on each node.</param>
    /// <param name="claims">What claims and pods were resolved to; null where none are named, and where it is not known.</param>
    public NodeTargets(IReadOnlyDictionary<string, IReadOnlyList<int>> targets, ClaimResolution? claims = null)
    {
        (_targets, _claims) = (targets, claims);
        Names = [.. targets.Keys.Order(StringComparer.Ordinal)];
    }

    /// <summary>The nodes, by name.</summary>
    public IReadOnlyList<string> Names { get; }

    /// <summary>Tells one resolution of pods and claims from another; null where none are named.</summary>
    public string? Digest => _claims?.Digest();

    /// <summary>What was left out of the pods' volumes, as a sentence; null when nothing was.</summary>
    public string? Ignored => _claims?.Ignored();

    /// <summary>The pods whose volumes they are, as far as they were named by claims or pods.</summary>
    public IReadOnlyCollection<Pod> Pods => _claims?.Pods ?? [];

    /// <summary>Reads what <see cref="Write"/> wrote. Volumes are not in it: there may be too many, and they are to be resolved once more in any case.</summary>
    /// <returns>Null when it is not that.</returns>
    public static NodeTargets? Read(string text) => s_known.GetValue(text, static text => new(Parse(text))).Value;

    private static NodeTargets? Parse(string text)
    {
        try
        {
            var targets = JsonSerializer.Deserialize(PackedText.Unpack(text), OperatorJson.Default.DictionaryStringInt32Array);
            return targets is { Count: > 0 } ? new(targets.ToDictionary(t => t.Key, t => (IReadOnlyList<int>)t.Value)) : null;
        }
        catch (Exception e) when (e is JsonException or FormatException or InvalidDataException)
        {
            return null;
        }
    }

    /// <summary><c>{"node-1":[0,2]}</c>, packed where it is long.</summary>
    public string Write() =>
        PackedText.Pack(JsonSerializer.Serialize(Names.ToDictionary(name => name, name => _targets[name].ToArray()), OperatorJson.Default.DictionaryStringInt32Array));

    /// <summary>The same, with claims and pods resolved once more.</summary>
    public NodeTargets With(ClaimResolution? claims) => new(_targets, claims);

    /// <summary>The folders of all targets on a node, each once, in the request's order.</summary>
    public IReadOnlyList<string> PathsOn(FreezeRequestSpec spec, string node)
    {
        var paths = new List<string>();
        foreach (var target in On(spec, node))
        {
            if (target.HostPath is { } hostPath) Add(hostPath.Path);
        }

        foreach (var path in _claims?.PathsOn(node) ?? []) Add(path);
        return paths;

        void Add(string path)
        {
            if (!paths.Exists(p => Plain(p) == Plain(path))) paths.Add(path);
        }
    }

    /// <summary>The volumes of claims on a node.</summary>
    public IReadOnlyList<NodeVolume> VolumesOn(string node) => _claims?.On(node) ?? [];

    /// <summary>Whether one of the targets on a node means all of its filesystems.</summary>
    public bool AllFilesystemsOf(FreezeRequestSpec spec, string node) => On(spec, node).Any(target => target.AllFilesystems is not null);

    private IEnumerable<FreezeTarget> On(FreezeRequestSpec spec, string node) =>
        _targets[node].Where(index => index >= 0 && index < spec.Targets.Count).Select(index => spec.Targets[index]);

    private static string Plain(string path) => string.Join('/', path.Split('/', StringSplitOptions.RemoveEmptyEntries));
}
