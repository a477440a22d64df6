using System.Text.Json;
using k8s.Models;

namespace Quiesce.Crds;

/// <summary>
/// The plans of all nodes of a window, in the window: what each agent makes its NodeFreeze of. Nodes whose plans are the same but for the node's name share one.
/// </summary>
/// <remarks>
/// With very many nodes an API server is busy with what is written for each of them. A node that is called by one object writes its plan and the report that it is prepared in one, where
/// the operator else writes the plan and the node then the report: two writes for each node to Frozen instead of three, and no watch to open in between.
/// </remarks>
public sealed record CalledPlans
{
    /// <summary>The most characters of it in a window, so that there is room for its other annotations: all of them may have 256 KiB.</summary>
    public const int Longest = 96 * 1024;

    /// <summary>Plans without a node, a request and a window.</summary>
    public IReadOnlyList<NodeFreezeSpec> Plans { get; init => field = value ?? []; } = [];

    /// <summary>Which of them is that of a node, by its index.</summary>
    public IReadOnlyDictionary<string, int> Nodes { get; init => field = value ?? new Dictionary<string, int>(); } = new Dictionary<string, int>();

    /// <summary>The text of an annotation; null where it would be longer than <see cref="Longest"/>.</summary>
    /// <param name="plans">One for each node.</param>
    public static string? Write(IEnumerable<NodeFreezeSpec> plans)
    {
        ArgumentNullException.ThrowIfNull(plans);
        var (shared, nodes) = (new Dictionary<string, (int Index, NodeFreezeSpec Plan)>(), new Dictionary<string, int>());
        foreach (var plan in plans)
        {
            var bare = plan with { NodeName = "", Request = new() { Namespace = "", Name = "", Uid = "" }, Window = null };
            var key = JsonSerializer.Serialize(bare, CrdsJson.Default.NodeFreezeSpec);
            if (!shared.TryGetValue(key, out var known)) shared[key] = known = (shared.Count, bare);
            nodes[plan.NodeName] = known.Index;
        }

        var all = new CalledPlans { Plans = [.. shared.Values.OrderBy(s => s.Index).Select(s => s.Plan)], Nodes = nodes };
        var text = PackedText.Pack(JsonSerializer.Serialize(all, CrdsJson.Default.CalledPlans));
        return text.Length <= Longest ? text : null;
    }

    /// <summary>The nodes that a window calls; none where it calls nobody.</summary>
    public static IEnumerable<string> NodesOf(FreezeWindow window) => Read(window)?.Nodes.Keys ?? [];

    /// <summary>The plan of a node, as an object that does not exist yet; null where the node is not called by this window.</summary>
    public static NodeFreeze? Of(FreezeWindow window, string node)
    {
        var all = Read(window);
        if (all is null || !all.Nodes.TryGetValue(node, out var index) || index < 0 || index >= all.Plans.Count) return null;
        var (meta, uid) = (window.Metadata, window.Metadata.Uid);
        var annotations = new Dictionary<string, string> { [QuiesceApi.WindowUidAnnotation] = uid, [QuiesceApi.PlanIdAnnotation] = InternalNames.PlanId(uid, node) };
        if (meta.Annotations.TryGetValue(QuiesceApi.TraceParentAnnotation, out var trace)) annotations[QuiesceApi.TraceParentAnnotation] = trace;
        return new()
        {
            Metadata = new()
            {
                Name = InternalNames.NodeFreeze(node, PlaceOf(meta, node)),
                NamespaceProperty = meta.NamespaceProperty,
                CreationTimestamp = meta.CreationTimestamp,
                Labels = new Dictionary<string, string> { [QuiesceApi.RequestUidLabel] = window.Spec.Request.Uid, [QuiesceApi.ExcludeFromBackupLabel] = "true" },
                Annotations = annotations,
            },
            Spec = all.Plans[index] with { NodeName = node, Request = window.Spec.Request, Window = meta.Name },
        };
    }

    private static CalledPlans? Read(FreezeWindow window)
    {
        ArgumentNullException.ThrowIfNull(window);
        if (window.Metadata is not { Uid.Length: > 0, Annotations: { } annotations } || !annotations.TryGetValue(QuiesceApi.PlansAnnotation, out var text)) return null;
        try
        {
            return JsonSerializer.Deserialize(PackedText.Unpack(text), CrdsJson.Default.CalledPlans);
        }
        catch (Exception e) when (e is JsonException or FormatException or InvalidDataException)
        {
            return null; // the operator gives the nodes their plans
        }
    }

    private static int PlaceOf(V1ObjectMeta window, string node)
    {
        try
        {
            return window.Annotations.TryGetValue(QuiesceApi.PlacesAnnotation, out var places) ? JsonSerializer.Deserialize(places, CrdsJson.Default.DictionaryStringInt32)?.GetValueOrDefault(node) ?? 0 : 0;
        }
        catch (JsonException)
        {
            return 0; // any name that is free will do
        }
    }
}
