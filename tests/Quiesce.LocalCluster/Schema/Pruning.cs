using System.Text.Json.Nodes;

namespace Quiesce.Cluster.Schema;

/// <summary>Removes fields that a schema does not name; after apiextensions-apiserver's <c>schema/pruning</c>.</summary>
internal static class Pruning
{
    private static readonly HashSet<string> ResourceFields = ["apiVersion", "kind", "metadata"];

    /// <returns>The paths of what was removed, sorted.</returns>
    public static IReadOnlyList<string> Prune(JsonObject resource, StructuralSchema schema)
    {
        var removed = new List<string>();
        PruneObject(resource, schema, "", isResource: true, removed);
        removed.Sort(StringComparer.Ordinal);
        return removed;
    }

    private static void Prune(JsonNode? node, StructuralSchema? schema, string path, List<string> removed)
    {
        if (node is JsonObject child)
            PruneObject(child, schema, path, isResource: schema is { EmbeddedResource: true }, removed);
        else if (node is JsonArray items)
            for (var i = 0; i < items.Count; i++)
                Prune(items[i], schema is { PreserveUnknownFields: true, Items: null } ? schema : schema?.Items, $"{path}[{i}]", removed);
    }

    private static void PruneObject(JsonObject node, StructuralSchema? schema, string path, bool isResource, List<string> removed)
    {
        foreach (var (name, value) in node.ToList())
        {
            if (isResource && ResourceFields.Contains(name))
                continue;
            var childPath = path.Length == 0 ? name : $"{path}.{name}";
            if (schema is not null && schema.Properties.TryGetValue(name, out var property))
            {
                Prune(value, property, childPath, removed);
            }
            else if (schema?.AdditionalProperties is { } additional)
            {
                Prune(value, additional, childPath, removed);
            }
            else if (schema is not { PreserveUnknownFields: true } and not { AdditionalPropertiesAllowed: true })
            {
                node.Remove(name);
                removed.Add(childPath);
            }
        }
    }
}
