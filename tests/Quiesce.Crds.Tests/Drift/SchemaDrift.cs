using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using Quiesce.Crds.Tests.Manifests;

namespace Quiesce.Crds.Tests.Drift;

/// <summary>Compares a manifest with the C# type, in both directions, by the metadata that serialization itself uses.</summary>
internal sealed class SchemaDrift
{
    private static readonly string[] KnownKeywords =
    [
        "type", "format", "description", "properties", "required", "items", "additionalProperties", "default", "enum", "pattern",
        "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "maxProperties",
        "x-kubernetes-validations", "x-kubernetes-list-type", "x-kubernetes-list-map-keys", "x-kubernetes-map-type",
    ];

    /// <summary>The C# strings that may have only certain values, as the Kubernetes types they copy do.</summary>
    private static readonly Dictionary<(Type, string), string[]> StringEnums = new()
    {
        [(typeof(Condition), "status")] = [ConditionStatus.True, ConditionStatus.False, ConditionStatus.Unknown],
        [(typeof(LabelSelectorRequirement), "operator")] = ["In", "NotIn", "Exists", "DoesNotExist"],
    };

    private readonly List<string> differences = [];

    private SchemaDrift()
    {
    }

    /// <summary>One sentence for each difference; empty when the two agree.</summary>
    public static IReadOnlyList<string> Differences(CrdManifest manifest)
    {
        var drift = new SchemaDrift();
        drift.CompareNames(manifest);
        drift.CompareObject(manifest.Schema, manifest.CSharp, manifest.Type.Kind, Part.Root);
        return drift.differences;
    }

    private enum Part
    {
        Root,
        Spec,
        Status,
    }

    private void CompareNames(CrdManifest manifest)
    {
        var (type, spec) = (manifest.Type, manifest.Crd["spec"]!);
        Same("metadata.name", $"{type.Plural}.{type.Group}", manifest.Crd["metadata"]!["name"]);
        Same("spec.group", type.Group, spec["group"]);
        Same("spec.scope", type.Namespaced ? "Namespaced" : "Cluster", spec["scope"]);
        Same("spec.names.kind", type.Kind, spec["names"]!["kind"]);
        Same("spec.names.listKind", type.Kind + "List", spec["names"]!["listKind"]);
        Same("spec.names.plural", type.Plural, spec["names"]!["plural"]);
        Same("version", type.Version, manifest.Version["name"]);
        var hasStatus = manifest.CSharp.Properties.Any(p => p.Name == "status");
        if (hasStatus != (manifest.Version["subresources"]?["status"] is not null))
            differences.Add($"{type.Kind}: the C# type {(hasStatus ? "has" : "has no")} status, the manifest's status subresource says otherwise");

        void Same(string what, string expected, JsonNode? actual)
        {
            if ((string?)actual != expected) differences.Add($"{type.Kind}: {what} is {actual}, expected {expected}");
        }
    }

    private void CompareObject(JsonObject schema, JsonTypeInfo csharp, string path, Part part)
    {
        var initial = Initial(csharp);
        var properties = schema["properties"] as JsonObject ?? [];
        var required = (schema["required"] as JsonArray ?? []).Select(n => (string)n!).ToHashSet();
        JsonPropertyInfo[] members = [.. csharp.Properties.Where(p => p.Get is not null)]; // not what is ignored in JSON
        foreach (var name in properties.Select(p => p.Key).Except(members.Select(p => p.Name)))
            differences.Add($"{path}.{name} is in the manifest but not in {csharp.Type.Name}");
        foreach (var name in required.Where(name => !properties.ContainsKey(name)))
            differences.Add($"{path}.{name} is required by the manifest, which has no such property");

        foreach (var property in members)
        {
            var at = $"{path}.{property.Name}";
            if (properties[property.Name] is not JsonObject schemaOfProperty)
            {
                differences.Add($"{at} is in {csharp.Type.Name} but not in the manifest");
                continue;
            }

            // The API server describes and checks these two itself, whatever the schema says.
            if (part == Part.Root && property.Name == "metadata") continue;
            if (string.IsNullOrWhiteSpace((string?)schemaOfProperty["description"])) differences.Add($"{at} has no description");
            if (part == Part.Root && property.Name is "apiVersion" or "kind") continue;

            var value = property.Get!(initial);
            if (property.IsRequired && !required.Contains(property.Name)) differences.Add($"{at} is required in C# but not in the manifest");
            if (value is null && required.Contains(property.Name)) differences.Add($"{at} is required in the manifest but may be null in C#");
            var partOfProperty = part == Part.Root ? property.Name == "status" ? Part.Status : Part.Spec : part;
            CompareDefault(schemaOfProperty, property, value, required.Contains(property.Name), at, partOfProperty);
            CompareType(schemaOfProperty, property.PropertyType, StringEnums.GetValueOrDefault((csharp.Type, property.Name)), at, partOfProperty);
        }
    }

    /// <summary>
    /// In spec, what a document leaves out has the value of the C# initializer. Status is written whole, by programs, and has
    /// no defaults.
    /// </summary>
    private void CompareDefault(JsonObject schema, JsonPropertyInfo property, object? value, bool required, string path, Part part)
    {
        var actual = schema["default"];
        var expected = part == Part.Status || required || value is null or System.Collections.ICollection { Count: 0 }
            ? null
            : JsonSerializer.SerializeToNode(value, TypeInfo(property.PropertyType));
        if (!JsonNode.DeepEquals(expected, actual))
            differences.Add($"{path} has the default {expected?.ToJsonString() ?? "none"} in C# but {actual?.ToJsonString() ?? "none"} in the manifest");
    }

    private void CompareType(JsonObject schema, Type declared, string[]? stringEnum, string path, Part part)
    {
        foreach (var keyword in schema.Select(p => p.Key).Except(KnownKeywords)) differences.Add($"{path} has {keyword}, which this comparison does not know");
        var type = Nullable.GetUnderlyingType(declared) ?? declared;
        var csharp = TypeInfo(type);
        switch (csharp.Kind)
        {
            case JsonTypeInfoKind.Object:
                Is(schema, "object", null, path);
                CompareObject(schema, csharp, path, part);
                break;
            case JsonTypeInfoKind.Enumerable:
                Is(schema, "array", null, path);
                Has(schema, "maxItems", path);
                Has(schema, "x-kubernetes-list-type", path);
                if (schema["items"] is JsonObject items) CompareType(items, csharp.ElementType!, null, $"{path}[]", part);
                else differences.Add($"{path} has no items");
                break;
            case JsonTypeInfoKind.Dictionary:
                Is(schema, "object", null, path);
                Has(schema, "maxProperties", path);
                if (schema["additionalProperties"] is JsonObject values) CompareType(values, csharp.ElementType!, null, $"{path}{{}}", part);
                else differences.Add($"{path} has no additionalProperties");
                break;
            default:
                CompareScalar(schema, type, stringEnum, path);
                break;
        }
    }

    private void CompareScalar(JsonObject schema, Type type, string[]? stringEnum, string path)
    {
        var names = type.IsEnum
            ? [.. Enum.GetValuesAsUnderlyingType(type).Cast<object>().Select(v => JsonSerializer.Deserialize<string>(JsonSerializer.Serialize(Enum.ToObject(type, v), TypeInfo(type)))!)]
            : stringEnum ?? [];
        var values = (schema["enum"] as JsonArray ?? []).Select(n => (string)n!);
        foreach (var name in names.Except(values)) differences.Add($"{path} may be {name} in C# but not in the manifest");
        foreach (var name in values.Except(names)) differences.Add($"{path} may be {name} in the manifest but not in C#");

        if (type.IsEnum) Is(schema, "string", null, path);
        else if (type == typeof(string)) Is(schema, "string", null, path);
        else if (type == typeof(DateTimeOffset)) Is(schema, "string", "date-time", path);
        else if (type == typeof(bool)) Is(schema, "boolean", null, path);
        else if (type == typeof(int)) Is(schema, "integer", "int32", path);
        else if (type == typeof(long)) Is(schema, "integer", "int64", path);
        else if (type == typeof(double)) Is(schema, "number", "double", path);
        else differences.Add($"{path} is a {type} in C#, which this comparison does not know");

        if (type == typeof(string) && names.Length == 0 || type == typeof(DateTimeOffset)) Has(schema, "maxLength", path);
        if ((string?)schema["type"] is "integer" or "number") Has(schema, "minimum", path);
    }

    private void Is(JsonObject schema, string type, string? format, string path)
    {
        if ((string?)schema["type"] != type) differences.Add($"{path} is {schema["type"]} in the manifest, expected {type}");
        if ((string?)schema["format"] != format) differences.Add($"{path} has the format {schema["format"]} in the manifest, expected {format ?? "none"}");
    }

    private void Has(JsonObject schema, string bound, string path)
    {
        if (schema[bound] is null) differences.Add($"{path} has no {bound}");
    }

    /// <summary>An object as it is when a document holds nothing but what is required.</summary>
    private static object Initial(JsonTypeInfo type) =>
        JsonSerializer.Deserialize(Minimal(type), type) ?? throw new InvalidOperationException($"{type.Type} reads as null");

    private static JsonObject Minimal(JsonTypeInfo type) =>
        new(type.Properties.Where(p => p.IsRequired).Select(p => KeyValuePair.Create(p.Name, Example(p.PropertyType))));

    private static JsonNode? Example(Type type) => TypeInfo(type) switch
    {
        { Kind: JsonTypeInfoKind.Object } nested => Minimal(nested),
        { Kind: JsonTypeInfoKind.Enumerable } => new JsonArray(),
        _ when type == typeof(string) => JsonValue.Create(""),
        _ when type == typeof(DateTimeOffset) => JsonValue.Create("2026-01-02T03:04:05Z"),
        _ => JsonNode.Parse("0"),
    };

    private static JsonTypeInfo TypeInfo(Type type) =>
        CrdsJson.Default.GetTypeInfo(type) ?? throw new InvalidOperationException($"CrdsJson does not know {type}");
}
