using System.Globalization;
using System.Text.Json.Nodes;
using Quiesce.Cluster.Errors;

namespace Quiesce.Cluster.Schema;

/// <summary>The promise of <c>x-kubernetes-list-type</c> <c>set</c> and <c>map</c> that no element or key comes twice; after apiextensions-apiserver's <c>schema/listtype</c>.</summary>
internal static class ListTypes
{
    public static List<FieldError> Validate(JsonNode? node, StructuralSchema schema)
    {
        var errors = new List<FieldError>();
        Check(node, schema, "", errors);
        return errors;
    }

    public static bool HasDuplicates(JsonArray items)
    {
        for (var i = 1; i < items.Count; i++)
            if (items.Take(i).Any(earlier => JsonNode.DeepEquals(earlier, items[i])))
                return true;
        return false;
    }

    private static void Check(JsonNode? node, StructuralSchema schema, string path, List<FieldError> errors)
    {
        if (node is JsonObject members)
        {
            foreach (var (name, value) in members)
                if ((schema.Properties.TryGetValue(name, out var property) ? property : schema.AdditionalProperties) is { } next)
                    Check(value, next, path.Length == 0 ? name : $"{path}.{name}", errors);
        }
        else if (node is JsonArray items)
        {
            if (schema.ListType is "set" or "map")
                CheckUnique(items, schema, path, errors);
            for (var i = 0; schema.Items is not null && i < items.Count; i++)
                Check(items[i], schema.Items, Index(path, i), errors);
        }
    }

    private static void CheckUnique(JsonArray items, StructuralSchema schema, string path, List<FieldError> errors)
    {
        var seen = new List<(JsonNode? Key, bool Reported)>();
        for (var i = 0; i < items.Count; i++)
        {
            var key = schema.ListType == "set" ? items[i] : KeyOf(items[i], schema.ListMapKeys);
            var earlier = seen.FindIndex(s => JsonNode.DeepEquals(s.Key, key));
            if (earlier < 0)
            {
                seen.Add((key, false));
            }
            else if (!seen[earlier].Reported)
            {
                errors.Add(FieldError.Duplicate(Index(path, i), key));
                seen[earlier] = (key, true);
            }
        }
    }

    /// <summary>The part of a map-list's element that names it.</summary>
    public static JsonObject KeyOf(JsonNode? item, IEnumerable<string> keys)
    {
        var key = new JsonObject();
        foreach (var name in keys)
            if (item is JsonObject members && members.TryGetPropertyValue(name, out var value))
                key[name] = value?.DeepClone();
        return key;
    }

    private static string Index(string path, int i) => string.Create(CultureInfo.InvariantCulture, $"{path}[{i}]");
}
