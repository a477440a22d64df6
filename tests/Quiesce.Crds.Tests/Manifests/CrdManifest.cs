using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;

namespace Quiesce.Crds.Tests.Manifests;

/// <summary>One CustomResourceDefinition, and the C# type it has to agree with.</summary>
internal sealed record CrdManifest(ResourceType Type, JsonTypeInfo CSharp, JsonObject Crd)
{
    public static IReadOnlyList<CrdManifest> All { get; } =
    [
        Load(FreezeRequest.Type, CrdsJson.Default.FreezeRequest),
        Load(ThawRequest.Type, CrdsJson.Default.ThawRequest),
        Load(FreezeWindow.Type, CrdsJson.Default.FreezeWindow),
        Load(NodeFreeze.Type, CrdsJson.Default.NodeFreeze),
    ];

    public static CrdManifest Of(string kind) => All.Single(m => m.Type.Kind == kind);

    public JsonObject Version => (JsonObject)((JsonArray)Crd["spec"]!["versions"]!)[0]!;

    public JsonObject Schema => (JsonObject)Version["schema"]!["openAPIV3Schema"]!;

    /// <summary>A copy that <paramref name="change"/> may alter.</summary>
    public CrdManifest Altered(Action<CrdManifest> change)
    {
        var copy = this with { Crd = (JsonObject)Crd.DeepClone() };
        change(copy);
        return copy;
    }

    /// <summary>The schema of a property; a list is stepped into by itself: <c>spec.targets.hostPath</c>.</summary>
    public JsonObject Property(string path)
    {
        var schema = Schema;
        foreach (var name in path.Split('.'))
        {
            while (schema["items"] is JsonObject items) schema = items;
            schema = schema["properties"]?[name] as JsonObject ?? throw new ArgumentException($"{Type.Kind} has no {path}", nameof(path));
        }

        return schema;
    }

    /// <summary>Every schema below and including the root, with the path it is found under.</summary>
    public IEnumerable<(string Path, JsonObject Schema)> Schemas() => Below(Type.Kind, Schema);

    private static IEnumerable<(string Path, JsonObject Schema)> Below(string path, JsonObject schema) =>
    [
        (path, schema),
        .. (schema["properties"] as JsonObject ?? []).SelectMany(p => Below($"{path}.{p.Key}", (JsonObject)p.Value!)),
        .. schema["items"] is JsonObject items ? Below($"{path}[]", items) : [],
        .. schema["additionalProperties"] is JsonObject values ? Below($"{path}{{}}", values) : [],
    ];

    private static CrdManifest Load(ResourceType type, JsonTypeInfo csharp)
    {
        using var stream = typeof(FreezeRequest).Assembly.GetManifestResourceStream($"manifests/{type.Group}_{type.Plural}.yaml")!;
        using var reader = new StreamReader(stream);
        return new(type, csharp, Yaml.Object(reader.ReadToEnd()));
    }
}
