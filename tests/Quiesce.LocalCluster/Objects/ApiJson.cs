using System.Buffers;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Quiesce.Cluster;

/// <summary>How JSON is read and written here, and the few questions that are asked of it everywhere.</summary>
internal static class ApiJson
{
    /// <summary>Only what JSON itself demands is escaped, so that names and messages stay readable on the wire.</summary>
    public static readonly JsonWriterOptions WriterOptions = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    public static readonly JsonDocumentOptions ReaderOptions = new() { AllowDuplicateProperties = false, MaxDepth = 256 };

    public static byte[] Write(Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer, WriterOptions))
            write(writer);
        return buffer.WrittenSpan.ToArray();
    }

    public static byte[] Write(JsonNode node) => Write(w => node.WriteTo(w));

    /// <summary>Compact JSON for messages.</summary>
    public static string Text(JsonNode? node) => node is null ? "null" : System.Text.Encoding.UTF8.GetString(Write(node));

    /// <summary>The value at a path of property names; null if any is missing or the value is JSON null.</summary>
    public static JsonNode? At(this JsonNode? node, params ReadOnlySpan<string> path)
    {
        foreach (var name in path)
        {
            if (node is not JsonObject parent || !parent.TryGetPropertyValue(name, out node))
                return null;
        }

        return node;
    }

    /// <summary>The value at a path of property names; null if any is missing or the value is JSON null.</summary>
    public static JsonElement? At(this JsonElement element, params ReadOnlySpan<string> path)
    {
        foreach (var name in path)
        {
            if (element.ValueKind != JsonValueKind.Object || !element.TryGetProperty(name, out element))
                return null;
        }

        return element.ValueKind == JsonValueKind.Null ? null : element;
    }

    /// <summary>The string at a path, null if there is none.</summary>
    public static string? StringAt(this JsonNode? node, params ReadOnlySpan<string> path) =>
        node.At(path) is JsonValue value && value.GetValueKind() == JsonValueKind.String ? value.GetValue<string>() : null;

    /// <summary>The string at a path, null if there is none.</summary>
    public static string? StringAt(this JsonElement element, params ReadOnlySpan<string> path) =>
        element.At(path) is { ValueKind: JsonValueKind.String } value ? value.GetString() : null;

    /// <summary>The boolean at a path, null if there is none.</summary>
    public static bool? BoolAt(this JsonNode? node, params ReadOnlySpan<string> path) =>
        node.At(path) is JsonValue value && value.GetValueKind() is JsonValueKind.True or JsonValueKind.False ? value.GetValue<bool>() : null;

    /// <summary>The whole number at a path, null if there is none.</summary>
    public static long? LongAt(this JsonNode? node, params ReadOnlySpan<string> path) =>
        node.At(path) is JsonValue value && value.GetValueKind() == JsonValueKind.Number && Number(value) is var number && number == Math.Floor(number)
            ? (long)number
            : null;

    /// <summary>The items of the list at a path; none if there is no list.</summary>
    public static IEnumerable<JsonNode?> ItemsAt(this JsonNode? node, params ReadOnlySpan<string> path) =>
        node.At(path) is JsonArray array ? array : [];

    /// <summary>The strings of the list at a path; none if there is no list.</summary>
    public static IEnumerable<string> StringsAt(this JsonNode? node, params ReadOnlySpan<string> path) =>
        node.ItemsAt(path).OfType<JsonValue>().Where(v => v.GetValueKind() == JsonValueKind.String).Select(v => v.GetValue<string>());

    /// <summary>The object at a path, made if it is missing.</summary>
    public static JsonObject Child(this JsonObject parent, string name)
    {
        if (parent[name] is JsonObject child)
            return child;
        child = [];
        parent[name] = child;
        return child;
    }

    /// <summary>The number of a JSON number, however it came about.</summary>
    public static decimal Number(JsonValue value) =>
        decimal.TryParse(value.ToJsonString(), NumberStyles.Float, CultureInfo.InvariantCulture, out var number) ? number : decimal.MaxValue;
}
