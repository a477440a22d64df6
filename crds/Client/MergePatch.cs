using System.Text.Json.Nodes;

namespace Quiesce.Crds.Client;

/// <summary>JSON merge patches (RFC 7386).</summary>
public static class MergePatch
{
    /// <summary>What makes <paramref name="after"/> out of <paramref name="before"/>, with a null for every member that is gone.</summary>
    /// <remarks>A member that is left out keeps its old value: a status written without its empty members would never lose one.</remarks>
    /// <returns>The patch; null when the two are equal.</returns>
    public static JsonObject? Between(JsonObject before, JsonObject after)
    {
        JsonObject? patch = null;
        foreach (var (name, old) in before)
        {
            if (old is not null && !after.ContainsKey(name)) (patch ??= [])[name] = null;
        }

        foreach (var (name, value) in after)
        {
            before.TryGetPropertyValue(name, out var old);
            if (JsonNode.DeepEquals(old, value)) continue;
            (patch ??= [])[name] = old is JsonObject a && value is JsonObject b ? Between(a, b) : value?.DeepClone();
        }

        return patch;
    }
}
