using System.Globalization;
using System.Text.Json.Nodes;
using Quiesce.Cluster.Errors;

namespace Quiesce.Cluster.Patching;

/// <summary>JSON patch, RFC 6902.</summary>
internal static class JsonPatch
{
    /// <exception cref="ApiError">400: the patch cannot be read; 422: it does not apply.</exception>
    public static JsonNode Apply(JsonNode target, JsonNode? patch)
    {
        if (patch is not JsonArray operations)
            throw ApiError.BadRequest("error decoding patch: a JSON patch is a list of operations");
        // A holder, so that the root itself can be replaced.
        var holder = new JsonObject { ["root"] = target.DeepClone() };
        foreach (var operation in operations)
            Apply(holder, operation);
        return holder["root"] ?? throw Refuse("the whole document was removed");
    }

    private static void Apply(JsonObject holder, JsonNode? operation)
    {
        var path = Pointer(operation, "path");
        var value = operation is JsonObject members && members.TryGetPropertyValue("value", out var given) ? given : null;
        switch (operation.StringAt("op"))
        {
            case "add":
                Add(holder, path, value?.DeepClone());
                break;
            case "remove":
                Remove(holder, path);
                break;
            case "replace":
                Replace(holder, path, value?.DeepClone());
                break;
            case "move":
                var from = Pointer(operation, "from");
                var moved = Find(holder, from)?.DeepClone();
                Remove(holder, from);
                Add(holder, path, moved);
                break;
            case "copy":
                Add(holder, path, Find(holder, Pointer(operation, "from"))?.DeepClone());
                break;
            case "test":
                if (!JsonNode.DeepEquals(Find(holder, path), value))
                    throw Refuse($"testing value {operation.StringAt("path")} failed");
                break;
            default:
                throw ApiError.BadRequest($"error decoding patch: unexpected operation {ApiJson.Text(operation)}");
        }
    }

    private static string[] Pointer(JsonNode? operation, string name)
    {
        var pointer = operation.StringAt(name) ?? throw ApiError.BadRequest($"error decoding patch: operation without {name}");
        if (pointer.Length > 0 && pointer[0] != '/')
            throw ApiError.BadRequest($"error decoding patch: {pointer} is not a JSON pointer");
        return ["root", .. pointer.Split('/').Skip(1).Select(s => s.Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal))];
    }

    private static void Add(JsonObject holder, string[] path, JsonNode? value)
    {
        switch (Find(holder, path[..^1]))
        {
            case JsonObject parent:
                parent[path[^1]] = value;
                break;
            case JsonArray items when path[^1] == "-":
                items.Add(value);
                break;
            case JsonArray items:
                items.Insert(Index(items, path, items.Count), value);
                break;
            default:
                throw Missing(path);
        }
    }

    private static void Replace(JsonObject holder, string[] path, JsonNode? value)
    {
        switch (Find(holder, path[..^1]))
        {
            case JsonObject parent when parent.ContainsKey(path[^1]):
                parent[path[^1]] = value;
                break;
            case JsonArray items:
                items[Index(items, path, items.Count - 1)] = value;
                break;
            default:
                throw Missing(path);
        }
    }

    private static void Remove(JsonObject holder, string[] path)
    {
        switch (Find(holder, path[..^1]))
        {
            case JsonObject parent when parent.Remove(path[^1]):
                break;
            case JsonArray items:
                items.RemoveAt(Index(items, path, items.Count - 1));
                break;
            default:
                throw Missing(path);
        }
    }

    private static JsonNode? Find(JsonObject holder, string[] path)
    {
        JsonNode? node = holder;
        for (var i = 0; i < path.Length; i++)
        {
            node = node switch
            {
                JsonObject members when members.TryGetPropertyValue(path[i], out var member) => member,
                JsonArray items => items[Index(items, path[..(i + 1)], items.Count - 1)],
                _ => throw Missing(path),
            };
        }

        return node;
    }

    private static int Index(JsonArray items, string[] path, int last) =>
        int.TryParse(path[^1], NumberStyles.None, CultureInfo.InvariantCulture, out var index) && index <= last && index <= items.Count ? index : throw Missing(path);

    private static ApiError Missing(string[] path) => Refuse($"the path /{string.Join('/', path.Skip(1))} does not exist");

    private static ApiError Refuse(string why) => ApiError.Unprocessable($"the server rejected our request due to an error in our request: {why}");
}
