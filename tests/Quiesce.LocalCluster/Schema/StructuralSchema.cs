using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Quiesce.Cluster.Schema;

/// <summary>One node of a CRD's <c>openAPIV3Schema</c>, read once. CEL rules are kept in <see cref="HasRules"/> only: they are not evaluated here.</summary>
internal sealed class StructuralSchema
{
    private StructuralSchema(JsonObject source) => Source = source;

    /// <summary>The schema as written; read-only.</summary>
    public JsonObject Source { get; }

    /// <summary>Empty where the schema names none.</summary>
    public string Type { get; private init; } = "";

    public string? Format { get; private init; }

    public bool Nullable { get; private init; }

    public JsonNode? Default { get; private init; }

    public bool PreserveUnknownFields { get; private init; }

    public bool IntOrString { get; private init; }

    public bool EmbeddedResource { get; private init; }

    /// <summary><c>atomic</c>, <c>set</c> or <c>map</c>; null means atomic.</summary>
    public string? ListType { get; private init; }

    public IReadOnlyList<string> ListMapKeys { get; private init; } = [];

    public IReadOnlyDictionary<string, StructuralSchema> Properties { get; private init; } = new Dictionary<string, StructuralSchema>();

    /// <summary>The schema of values under names that are not in <see cref="Properties"/>.</summary>
    public StructuralSchema? AdditionalProperties { get; private init; }

    /// <summary>What <c>additionalProperties</c> says as a boolean; null where it is a schema or missing.</summary>
    public bool? AdditionalPropertiesAllowed { get; private init; }

    public StructuralSchema? Items { get; private init; }

    public IReadOnlyList<string> Required { get; private init; } = [];

    public IReadOnlyList<JsonNode?> Enum { get; private init; } = [];

    public Bound? Minimum { get; private init; }

    public Bound? Maximum { get; private init; }

    public decimal? MultipleOf { get; private init; }

    public long? MinLength { get; private init; }

    public long? MaxLength { get; private init; }

    public string? Pattern { get; private init; }

    /// <summary><see cref="Pattern"/> compiled; null if it is not a valid regular expression.</summary>
    public Regex? PatternRegex { get; private init; }

    public long? MinItems { get; private init; }

    public long? MaxItems { get; private init; }

    public bool UniqueItems { get; private init; }

    public long? MinProperties { get; private init; }

    public long? MaxProperties { get; private init; }

    public IReadOnlyList<StructuralSchema> AllOf { get; private init; } = [];

    public IReadOnlyList<StructuralSchema> AnyOf { get; private init; } = [];

    public IReadOnlyList<StructuralSchema> OneOf { get; private init; } = [];

    public StructuralSchema? Not { get; private init; }

    /// <summary>Whether CEL rules stand here or anywhere below.</summary>
    public bool HasRules { get; private init; }

    public static StructuralSchema Read(JsonObject source)
    {
        var properties = source["properties"] is JsonObject p
            ? p.Where(x => x.Value is JsonObject).ToDictionary(x => x.Key, x => Read(x.Value!.AsObject()), StringComparer.Ordinal)
            : [];
        var items = ReadChild(source, "items");
        var additional = ReadChild(source, "additionalProperties");
        var pattern = source.StringAt("pattern");
        return new StructuralSchema(source)
        {
            Type = source.StringAt("type") ?? "",
            Format = source.StringAt("format"),
            Nullable = source.BoolAt("nullable") ?? false,
            Default = source["default"],
            PreserveUnknownFields = source.BoolAt("x-kubernetes-preserve-unknown-fields") ?? false,
            IntOrString = source.BoolAt("x-kubernetes-int-or-string") ?? false,
            EmbeddedResource = source.BoolAt("x-kubernetes-embedded-resource") ?? false,
            ListType = source.StringAt("x-kubernetes-list-type"),
            ListMapKeys = [.. source.StringsAt("x-kubernetes-list-map-keys")],
            Properties = properties,
            AdditionalProperties = additional,
            AdditionalPropertiesAllowed = source.BoolAt("additionalProperties"),
            Items = items,
            Required = [.. source.StringsAt("required")],
            Enum = [.. source.ItemsAt("enum")],
            Minimum = Bound.Read(source, "minimum", "exclusiveMinimum"),
            Maximum = Bound.Read(source, "maximum", "exclusiveMaximum"),
            MultipleOf = DecimalAt(source, "multipleOf"),
            MinLength = source.LongAt("minLength"),
            MaxLength = source.LongAt("maxLength"),
            Pattern = pattern,
            PatternRegex = pattern is null ? null : GoRegex.TryCompile(pattern),
            MinItems = source.LongAt("minItems"),
            MaxItems = source.LongAt("maxItems"),
            UniqueItems = source.BoolAt("uniqueItems") ?? false,
            MinProperties = source.LongAt("minProperties"),
            MaxProperties = source.LongAt("maxProperties"),
            AllOf = ReadList(source, "allOf"),
            AnyOf = ReadList(source, "anyOf"),
            OneOf = ReadList(source, "oneOf"),
            Not = ReadChild(source, "not"),
            HasRules = source["x-kubernetes-validations"] is JsonArray { Count: > 0 } || properties.Values.Any(c => c.HasRules)
                || items is { HasRules: true } || additional is { HasRules: true },
        };
    }

    internal static decimal? DecimalAt(JsonObject source, string name) =>
        source[name] is JsonValue value && value.GetValueKind() == JsonValueKind.Number ? ApiJson.Number(value) : null;

    private static StructuralSchema? ReadChild(JsonObject source, string name) => source[name] is JsonObject child ? Read(child) : null;

    private static StructuralSchema[] ReadList(JsonObject source, string name) => [.. source.ItemsAt(name).OfType<JsonObject>().Select(Read)];
}
