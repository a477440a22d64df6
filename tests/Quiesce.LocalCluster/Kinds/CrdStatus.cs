using System.Text.Json.Nodes;

namespace Quiesce.Cluster.Kinds;

/// <summary>The status that the server keeps on a CustomResourceDefinition. Here it is there at once; on a real server it takes a moment.</summary>
internal static class CrdStatus
{
    public static bool IsTrue(JsonNode definition, string condition) =>
        definition.ItemsAt("status", "conditions").Any(c => c.StringAt("type") == condition && c.StringAt("status") == "True");

    /// <summary>Sets names, conditions and stored versions.</summary>
    /// <param name="definition">The definition, with its defaults.</param>
    /// <param name="others">All other definitions.</param>
    /// <param name="now">RFC 3339.</param>
    public static void Accept(JsonObject definition, IEnumerable<JsonObject> others, string now)
    {
        var spec = definition["spec"]!;
        var names = spec["names"]!;
        var conflict = others.Where(o => o.StringAt("spec", "group") == spec.StringAt("group")).Select(o => Conflict(names, o["spec"]!["names"]!)).FirstOrDefault(c => c is not null);
        var status = definition.Child("status");
        var established = conflict is null || IsTrue(definition, "Established");
        if (conflict is null)
            status["acceptedNames"] = names.DeepClone();
        var stored = status.StringsAt("storedVersions").ToHashSet();
        stored.Add(spec.ItemsAt("versions").First(v => v.BoolAt("storage") == true).StringAt("name")!);
        status["storedVersions"] = new JsonArray([.. stored.Select(v => JsonValue.Create(v))]);
        Set(definition, "NamesAccepted", conflict is null, conflict is null ? "NoConflicts" : "NameConflict", conflict ?? "no conflicts found", now);
        Set(definition, "Established", established, established ? "InitialNamesAccepted" : "NotAccepted",
            established ? "the initial names have been accepted" : "not all names are accepted", now);
    }

    /// <summary>Says that the definition and its objects are going.</summary>
    public static void Terminate(JsonObject definition, string now) =>
        Set(definition, "Terminating", true, "InstanceDeletionPending", "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon", now);

    private static string? Conflict(JsonNode names, JsonNode taken)
    {
        foreach (var name in Names(names))
            if (Names(taken).Contains(name))
                return $"\"{name}\" is already in use";
        return names.StringAt("kind") == taken.StringAt("kind") ? $"\"{names.StringAt("kind")}\" is already in use" : null;
    }

    private static IEnumerable<string> Names(JsonNode names) =>
        new[] { names.StringAt("plural"), names.StringAt("singular") }.OfType<string>().Concat(names.StringsAt("shortNames"));

    private static void Set(JsonObject definition, string type, bool value, string reason, string message, string now)
    {
        var status = definition.Child("status");
        if (status["conditions"] is not JsonArray conditions)
            status["conditions"] = conditions = [];
        var old = conditions.FirstOrDefault(c => c.StringAt("type") == type);
        var condition = new JsonObject
        {
            ["type"] = type,
            ["status"] = value ? "True" : "False",
            ["lastTransitionTime"] = old.StringAt("status") == (value ? "True" : "False") ? old.StringAt("lastTransitionTime") : now,
            ["reason"] = reason,
            ["message"] = message,
        };
        if (old is null)
            conditions.Add((JsonNode)condition);
        else
            conditions[conditions.IndexOf(old)] = condition;
    }
}
