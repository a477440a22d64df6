using System.Text.Json.Nodes;
using Quiesce.Cluster.Errors;
using Quiesce.Cluster.Schema;
using Quiesce.Cluster.Tables;

namespace Quiesce.Cluster.Operations;

/// <summary>The checks of a CustomResourceDefinition that a mistake in a manifest meets first. The real server makes more of them, CEL's cost among others.</summary>
internal static class CrdValidation
{
    public static IEnumerable<FieldError> Validate(JsonObject definition, JsonObject? existing)
    {
        if (definition["spec"] is not JsonObject spec)
        {
            yield return FieldError.Required("spec");
            yield break;
        }

        var (group, plural) = (spec.StringAt("group"), spec.StringAt("names", "plural"));
        foreach (var (field, value) in new[] { ("spec.group", group), ("spec.names.plural", plural), ("spec.names.kind", spec.StringAt("names", "kind")), ("spec.scope", spec.StringAt("scope")) })
            if (string.IsNullOrEmpty(value))
                yield return FieldError.Required(field);
        if (definition.StringAt("metadata", "name") is var name && name != $"{plural}.{group}")
            yield return FieldError.Invalid("metadata.name", name, "must be spec.names.plural+\".\"+spec.group");
        if (spec.StringAt("scope") is { } scope and not ("Namespaced" or "Cluster"))
            yield return FieldError.NotSupported("spec.scope", scope, ["Cluster", "Namespaced"]);
        foreach (var field in existing is null ? [] : new[] { "group", "scope" })
            if (spec.StringAt(field) != existing.StringAt("spec", field))
                yield return FieldError.Invalid($"spec.{field}", spec[field], "field is immutable");

        var versions = spec.ItemsAt("versions").OfType<JsonObject>().ToList();
        if (versions.Count(v => v.BoolAt("storage") == true) != 1)
            yield return FieldError.Invalid("spec.versions", spec["versions"], "must have exactly one version marked as storage version");
        for (var i = 0; i < versions.Count; i++)
            foreach (var error in ValidateVersion(versions[i], new FieldNames(versions.Count == 1 ? null : i)))
                yield return error;
    }

    private static IEnumerable<FieldError> ValidateVersion(JsonObject version, FieldNames names)
    {
        if (string.IsNullOrEmpty(version.StringAt("name")))
            yield return FieldError.Required(names.Version("name"));
        foreach (var (i, column) in version.ItemsAt("additionalPrinterColumns").Index())
        {
            if (!IsJsonPath(column.StringAt("jsonPath")))
                yield return FieldError.Invalid(names.Version($"additionalPrinterColumns[{i}].JSONPath"), column.At("jsonPath"), "must be a simple json path starting with .");
            if (column.StringAt("type") is not ("boolean" or "date" or "integer" or "number" or "string"))
                yield return FieldError.Invalid(names.Version($"additionalPrinterColumns[{i}].type"), column.At("type"), "must be one of boolean,date,integer,number,string");
        }

        if (version.At("schema", "openAPIV3Schema") is not JsonObject schema)
        {
            yield return FieldError.Required(names.Schema, "schemas are required");
            yield break;
        }

        if (schema.StringAt("type") != "object")
            yield return FieldError.Invalid($"{names.Schema}.type", schema.StringAt("type") ?? "", "must be object at the root");
        foreach (var error in ValidateSchema(schema, names.Schema))
            yield return error;
        foreach (var (i, field) in version.ItemsAt("selectableFields").Index())
            if (!IsSelectable(schema, field.StringAt("jsonPath")))
                yield return FieldError.Invalid(names.Version($"selectableFields[{i}].jsonPath"), field.At("jsonPath"), "is an invalid path: does not refer to a valid field");
    }

    /// <summary>What makes a schema structural: a type on every level, and no unknown keywords such as <c>$ref</c>.</summary>
    private static IEnumerable<FieldError> ValidateSchema(JsonObject schema, string path)
    {
        var typeless = schema.BoolAt("x-kubernetes-int-or-string") == true || schema.BoolAt("x-kubernetes-preserve-unknown-fields") == true;
        if (!typeless && string.IsNullOrEmpty(schema.StringAt("type")))
            yield return FieldError.Required($"{path}.type", "must not be empty for specified object fields");
        if (schema.ContainsKey("$ref"))
            yield return FieldError.Forbidden($"{path}.$ref", "$ref is not supported");
        if (schema.StringAt("pattern") is { } pattern && GoRegex.TryCompile(pattern) is null)
            yield return FieldError.Invalid($"{path}.pattern", pattern, "must be a valid regular expression");
        if (schema.ContainsKey("properties") && schema.ContainsKey("additionalProperties"))
            yield return FieldError.Forbidden($"{path}.additionalProperties", "additionalProperties and properties are mutual exclusive");
        if (schema.StringAt("x-kubernetes-list-type") == "map" && !schema.StringsAt("x-kubernetes-list-map-keys").Any())
            yield return FieldError.Required($"{path}.x-kubernetes-list-map-keys", "must not be empty if x-kubernetes-list-type is map");
        if (schema["default"] is { } preset && SchemaValidator.Validate(preset, StructuralSchema.Read(schema), "") is { Count: > 0 } wrong)
            yield return FieldError.Invalid($"{path}.default", preset, wrong[0].Body);
        if (schema.StringAt("type") == "array" && schema["items"] is not JsonObject)
            yield return FieldError.Required($"{path}.items", "must be specified");

        foreach (var (name, property) in schema["properties"] as JsonObject ?? [])
            // The server knows metadata itself; the root's is only named.
            if (property is JsonObject child)
                foreach (var error in ValidateSchema(child, $"{path}.properties[{name}]"))
                    yield return error;
        foreach (var keyword in new[] { "items", "additionalProperties" })
            if (schema[keyword] is JsonObject child)
                foreach (var error in ValidateSchema(child, $"{path}.{keyword}"))
                    yield return error;
    }

    private static bool IsJsonPath(string? path)
    {
        try
        {
            return path is not null && path.StartsWith('.') && JsonPath.Parse(path) is not null;
        }
        catch (FormatException)
        {
            return false;
        }
    }

    private static bool IsSelectable(JsonObject schema, string? path)
    {
        JsonNode? node = schema;
        foreach (var name in (path ?? "").TrimStart('.').Split('.'))
            node = node.At("properties", name);
        return node.StringAt("type") is "string" or "integer" or "boolean";
    }

    /// <summary>Paths in complaints: what is the same for all versions, and so for a single one, is reported where older APIs kept it.</summary>
    /// <param name="index">The version's; null if there is only one.</param>
    private readonly struct FieldNames(int? index)
    {
        public string Schema => index is null ? "spec.validation.openAPIV3Schema" : Version("schema.openAPIV3Schema");

        public string Version(string field) => index is null ? $"spec.{field}" : $"spec.versions[{index}].{field}";
    }
}
