using System.Text.Json.Nodes;

namespace Quiesce.Cluster.Schema;

/// <summary>Fills in defaults; after apiextensions-apiserver's <c>schema/defaulting</c>.</summary>
internal static class Defaulting
{
    public static void Apply(JsonNode? node, StructuralSchema? schema)
    {
        if (schema is null)
            return;
        if (node is JsonObject owner)
            ApplyToObject(owner, schema);
        else if (node is JsonArray items)
            for (var i = 0; i < items.Count; i++)
            {
                if (items[i] is null && schema.Items is { Nullable: false, Default: { } value })
                    items[i] = value.DeepClone();
                Apply(items[i], schema.Items);
            }
    }

    private static void ApplyToObject(JsonObject owner, StructuralSchema schema)
    {
        foreach (var (name, property) in schema.Properties)
        {
            var present = owner.TryGetPropertyValue(name, out var value);
            if (property.Default is { } preset && (!present || (value is null && !property.Nullable)))
                owner[name] = preset.DeepClone();
            else if (present && value is null && property is { Nullable: false, Default: null })
                // A null where none is allowed, and without a default to stand in, counts as absent.
                owner.Remove(name);
        }

        foreach (var (name, value) in owner.ToList())
        {
            if (schema.Properties.TryGetValue(name, out var property))
                Apply(value, property);
            else if (value is null && schema.AdditionalProperties is { Nullable: false, Default: null })
                owner.Remove(name);
            else if (value is null && schema.AdditionalProperties is { Nullable: false, Default: { } preset })
                owner[name] = preset.DeepClone();
            else
                Apply(value, schema.AdditionalProperties);
        }
    }
}
