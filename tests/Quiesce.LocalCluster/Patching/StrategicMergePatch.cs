using System.Text.Json.Nodes;

namespace Quiesce.Cluster.Patching;

/// <summary>
/// Strategic merge patch of kinds that come with the server: a merge patch in which known lists merge by a key, with the
/// directives <c>$patch</c>, <c>$deleteFromPrimitiveList</c>, <c>$setElementOrder</c> and <c>$retainKeys</c>.
/// </summary>
/// <remarks>The real server takes the keys from its Go types; here they are known by the field's name.</remarks>
internal static class StrategicMergePatch
{
    private const string DeleteFromPrimitiveList = "$deleteFromPrimitiveList/";
    private const string SetElementOrder = "$setElementOrder/";

    /// <summary>Field to merge key. An empty key is a list of plain values that merges as a set.</summary>
    private static readonly Dictionary<string, string> MergeKeys = new(StringComparer.Ordinal)
    {
        ["addresses"] = "type",
        ["conditions"] = "type",
        ["containers"] = "name",
        ["initContainers"] = "name",
        ["ephemeralContainers"] = "name",
        ["env"] = "name",
        ["finalizers"] = "",
        ["hostAliases"] = "ip",
        ["imagePullSecrets"] = "name",
        ["ownerReferences"] = "uid",
        ["podIPs"] = "ip",
        ["ports"] = "containerPort",
        ["secrets"] = "name",
        ["taints"] = "key",
        ["topologySpreadConstraints"] = "topologyKey",
        ["volumeDevices"] = "devicePath",
        ["volumeMounts"] = "mountPath",
        ["volumes"] = "name",
    };

    public static JsonObject Apply(JsonObject target, JsonObject patch)
    {
        if (patch.StringAt("$patch") == "replace")
            return Without(patch);
        if (patch["$retainKeys"] is JsonArray)
        {
            var retained = patch.StringsAt("$retainKeys").ToHashSet(StringComparer.Ordinal);
            foreach (var name in target.Select(m => m.Key).Where(k => !retained.Contains(k)).ToList())
                target.Remove(name);
        }

        foreach (var (name, change) in patch)
        {
            if (name.StartsWith(DeleteFromPrimitiveList, StringComparison.Ordinal))
                RemoveValues(target[name[DeleteFromPrimitiveList.Length..]] as JsonArray, change as JsonArray);
            else if (!name.StartsWith('$'))
                ApplyMember(target, name, change);
        }

        foreach (var (name, order) in patch.Where(m => m.Key.StartsWith(SetElementOrder, StringComparison.Ordinal)))
            Reorder(target, name[SetElementOrder.Length..], order as JsonArray);
        return target;
    }

    private static void ApplyMember(JsonObject target, string name, JsonNode? change)
    {
        switch (change)
        {
            case null:
                target.Remove(name);
                break;
            case JsonObject member when member.StringAt("$patch") == "delete":
                target.Remove(name);
                break;
            case JsonObject member:
                target[name] = Apply((target[name] as JsonObject)?.DeepClone().AsObject() ?? [], member);
                break;
            case JsonArray items when target[name] is JsonArray existing && MergeKeys.TryGetValue(name, out var key):
                MergeList(existing, items, KeyIn(key, items));
                break;
            case JsonArray items:
                target[name] = new JsonArray([.. items.Where(i => i.StringAt("$patch") is null).Select(i => i is JsonObject o ? Without(o) : i?.DeepClone())]);
                break;
            default:
                target[name] = change.DeepClone();
                break;
        }
    }

    private static void MergeList(JsonArray existing, JsonArray changes, string key)
    {
        if (changes.Any(c => c.StringAt("$patch") == "replace"))
        {
            existing.Clear();
            foreach (var item in changes.Where(c => c.StringAt("$patch") != "replace"))
                existing.Add(item?.DeepClone());
            return;
        }

        foreach (var change in changes)
        {
            var same = existing.FirstOrDefault(e => key.Length == 0 ? JsonNode.DeepEquals(e, change) : JsonNode.DeepEquals(e.At(key), change.At(key)));
            if (change is JsonObject member && member.StringAt("$patch") == "delete")
                existing.Remove(same);
            else if (same is JsonObject found && change is JsonObject update)
                existing[existing.IndexOf(found)] = Apply(found.DeepClone().AsObject(), update);
            else if (same is null)
                existing.Add(change is JsonObject added ? Without(added) : change?.DeepClone());
        }
    }

    private static void Reorder(JsonObject target, string name, JsonArray? order)
    {
        if (target[name] is not JsonArray items || order is null)
            return;
        var key = MergeKeys.TryGetValue(name, out var k) ? KeyIn(k, order) : "";
        JsonNode? KeyOf(JsonNode? item) => key.Length > 0 && item is JsonObject ? item.At(key) : item;
        var keys = order.Select(KeyOf).ToList();
        var sorted = items.Select(i => (Item: i, Rank: keys.FindIndex(o => JsonNode.DeepEquals(o, KeyOf(i)))))
            .OrderBy(i => i.Rank < 0 ? int.MaxValue : i.Rank).Select(i => i.Item?.DeepClone()).ToList();
        target[name] = new JsonArray([.. sorted]);
    }

    /// <summary>Services and probes name their ports <c>port</c>, containers <c>containerPort</c>.</summary>
    private static string KeyIn(string key, JsonArray items) => key == "containerPort" && items.All(i => i.At(key) is null) ? "port" : key;

    private static void RemoveValues(JsonArray? items, JsonArray? values)
    {
        foreach (var value in values ?? [])
            if (items?.FirstOrDefault(i => JsonNode.DeepEquals(i, value)) is { } found)
                items.Remove(found);
    }

    /// <summary>A copy without directives.</summary>
    private static JsonObject Without(JsonObject source)
    {
        var result = source.DeepClone().AsObject();
        foreach (var name in result.Select(m => m.Key).Where(k => k.StartsWith('$')).ToList())
            result.Remove(name);
        return result;
    }
}
