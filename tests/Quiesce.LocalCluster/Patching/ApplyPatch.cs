using System.Text.Json.Nodes;
using Quiesce.Cluster.Schema;

namespace Quiesce.Cluster.Patching;

/// <summary>
/// Server-side apply as a merge: objects by field, lists of type <c>map</c> by key, sets by value, other lists replaced.
/// Nobody owns fields here: there are no apply conflicts, and a field left out of a later apply stays.
/// </summary>
internal static class ApplyPatch
{
    public static void Apply(JsonObject target, JsonObject patch, StructuralSchema? schema)
    {
        foreach (var (name, change) in patch)
        {
            var property = schema is null ? null : schema.Properties.TryGetValue(name, out var found) ? found : schema.AdditionalProperties;
            if (change is JsonObject member && target[name] is JsonObject existing)
                Apply(existing, member, property);
            else if (change is JsonArray items && target[name] is JsonArray list && property?.ListType is "map" or "set")
                Merge(list, items, property);
            else
                target[name] = change?.DeepClone();
        }
    }

    private static void Merge(JsonArray existing, JsonArray changes, StructuralSchema schema)
    {
        foreach (var change in changes)
        {
            var same = existing.FirstOrDefault(e => schema.ListType == "set"
                ? JsonNode.DeepEquals(e, change)
                : JsonNode.DeepEquals(ListTypes.KeyOf(e, schema.ListMapKeys), ListTypes.KeyOf(change, schema.ListMapKeys)));
            if (same is JsonObject found && change is JsonObject update)
                Apply(found, update, schema.Items);
            else if (same is null)
                existing.Add(change?.DeepClone());
        }
    }
}
