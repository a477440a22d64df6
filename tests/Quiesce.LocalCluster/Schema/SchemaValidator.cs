using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Quiesce.Cluster.Errors;

namespace Quiesce.Cluster.Schema;

/// <summary>Checks a value against a schema; keywords and words after kube-openapi's <c>validation/validate</c>, as apiextensions-apiserver reports them.</summary>
internal static class SchemaValidator
{
    /// <summary>All complaints about a value.</summary>
    /// <param name="value">The value, pruned and with its defaults.</param>
    /// <param name="schema">What it should be.</param>
    /// <param name="path">Where it stands, such as <c>status</c>; empty for a whole object.</param>
    public static List<FieldError> Validate(JsonNode? value, StructuralSchema schema, string path)
    {
        var errors = new List<FieldError>();
        Check(value, schema, path, errors);
        return errors;
    }

    private static void Check(JsonNode? value, StructuralSchema schema, string path, List<FieldError> errors)
    {
        CheckType(value, schema, path, errors);
        if (value is not null)
        {
            CheckCombinations(value, schema, path, errors);
            switch (value)
            {
                case JsonValue scalar when scalar.GetValueKind() == JsonValueKind.String:
                    CheckString(scalar.GetValue<string>(), schema, path, errors);
                    break;
                case JsonValue scalar when scalar.GetValueKind() == JsonValueKind.Number:
                    CheckNumber(scalar, schema, path, errors);
                    break;
                case JsonArray items:
                    CheckArray(items, schema, path, errors);
                    break;
                case JsonObject members:
                    CheckObject(members, schema, path, errors);
                    break;
            }
        }

        if (schema.Enum.Count > 0 && !(value is null && schema.Nullable) && !schema.Enum.Any(e => JsonNode.DeepEquals(e, value)))
            errors.Add(FieldError.NotSupported(path, value, schema.Enum.Select(e => e is JsonValue v && v.GetValueKind() == JsonValueKind.String ? v.GetValue<string>() : ApiJson.Text(e))));
    }

    private static void CheckType(JsonNode? value, StructuralSchema schema, string path, List<FieldError> errors)
    {
        var expected = schema.IntOrString ? "integer,string" : schema.Type;
        if (expected.Length == 0)
            return;
        var actual = TypeOf(value);
        var fits = actual switch
        {
            "null" => schema.Nullable,
            "integer" => schema.IntOrString || schema.Type is "integer" or "number",
            "string" => schema.IntOrString || schema.Type == "string",
            _ => schema.Type == actual,
        };
        if (!fits)
            errors.Add(FieldError.TypeInvalid(path, actual, $"{InBody(path)} must be of type {expected}: {FieldError.Quote(actual)}"));
    }

    private static void CheckString(string text, StructuralSchema schema, string path, List<FieldError> errors)
    {
        // Lengths count code points, as Go's runes.
        var length = text.EnumerateRunes().Count();
        if (length > schema.MaxLength)
            errors.Add(FieldError.TooLong(path, schema.MaxLength.Value));
        if (length < schema.MinLength)
            errors.Add(FieldError.Invalid(path, text, Say($"{InBody(path)} should be at least {schema.MinLength} chars long")));
        if (schema.Pattern is { } pattern && schema.PatternRegex?.IsMatch(text) != true)
            errors.Add(FieldError.Invalid(path, text, $"{InBody(path)} should match '{pattern}'"));
        if (schema.Format is { } format && !StringFormats.IsValid(format, text))
            errors.Add(FieldError.Invalid(path, text, $"{InBody(path)} must be of type {format}: {FieldError.Quote(text)}"));
    }

    private static void CheckNumber(JsonValue value, StructuralSchema schema, string path, List<FieldError> errors)
    {
        var number = ApiJson.Number(value);
        if (schema.MultipleOf is { } factor && factor > 0 && number % factor != 0)
            errors.Add(FieldError.Invalid(path, value, Say($"{InBody(path)} should be a multiple of {factor}")));
        if (schema.Maximum is { } maximum && (number > maximum.Value || (maximum.Exclusive && number == maximum.Value)))
            errors.Add(FieldError.Invalid(path, value, Say($"{InBody(path)} should be less than {(maximum.Exclusive ? "" : "or equal to ")}{maximum.Value}")));
        if (schema.Minimum is { } minimum && (number < minimum.Value || (minimum.Exclusive && number == minimum.Value)))
            errors.Add(FieldError.Invalid(path, value, Say($"{InBody(path)} should be greater than {(minimum.Exclusive ? "" : "or equal to ")}{minimum.Value}")));
        if (schema.Format == "int32" && number is < int.MinValue or > int.MaxValue)
            errors.Add(FieldError.Invalid(path, value, "Checked value must be of type integer with format int32 in " + path));
    }

    private static void CheckArray(JsonArray items, StructuralSchema schema, string path, List<FieldError> errors)
    {
        if (items.Count < schema.MinItems)
            errors.Add(FieldError.Invalid(path, items.Count, Say($"{InBody(path)} should have at least {schema.MinItems} items")));
        if (items.Count > schema.MaxItems)
            errors.Add(FieldError.TooMany(path, items.Count, schema.MaxItems.Value));
        if (schema.UniqueItems && ListTypes.HasDuplicates(items))
            errors.Add(FieldError.Invalid(path, "", $"{InBody(path)} shouldn't contain duplicates"));
        if (schema.Items is not null)
            for (var i = 0; i < items.Count; i++)
                Check(items[i], schema.Items, Say($"{path}[{i}]"), errors);
    }

    private static void CheckObject(JsonObject members, StructuralSchema schema, string path, List<FieldError> errors)
    {
        if (members.Count < schema.MinProperties)
            errors.Add(FieldError.Invalid(path, members.Count, Say($"{InBody(path)} should have at least {schema.MinProperties} properties")));
        if (members.Count > schema.MaxProperties)
            errors.Add(FieldError.TooMany(path, members.Count, schema.MaxProperties.Value));
        foreach (var (name, value) in members)
        {
            var childPath = Child(path, name);
            if (schema.Properties.TryGetValue(name, out var property))
                Check(value, property, childPath, errors);
            else if (schema.AdditionalProperties is { } additional)
                Check(value, additional, childPath, errors);
        }

        foreach (var name in schema.Required.Where(name => !members.ContainsKey(name)))
            errors.Add(FieldError.Required(Child(path, name)));
    }

    private static void CheckCombinations(JsonNode value, StructuralSchema schema, string path, List<FieldError> errors)
    {
        if (schema.AnyOf.Count > 0 && Best(value, schema.AnyOf, path) is { } worst)
        {
            errors.Add(FieldError.Invalid("", "", $"{FieldError.Quote(path)} must validate at least one schema (anyOf)"));
            errors.AddRange(worst);
        }

        if (schema.OneOf.Count > 0)
        {
            var valid = schema.OneOf.Count(s => Validate(value, s, path).Count == 0);
            if (valid != 1)
                errors.Add(FieldError.Invalid("", "", Say($"{FieldError.Quote(path)} must validate one and only one schema (oneOf). Found {(valid == 0 ? "none valid" : Say($"{valid} valid alternatives"))}")));
            if (valid == 0)
                errors.AddRange(Best(value, schema.OneOf, path)!);
        }

        if (schema.AllOf.Count > 0)
        {
            var failures = schema.AllOf.Select(s => Validate(value, s, path)).Where(e => e.Count > 0).ToList();
            errors.AddRange(failures.SelectMany(e => e));
            if (failures.Count > 0)
                errors.Add(FieldError.Invalid("", "", $"{FieldError.Quote(path)} must validate all the schemas (allOf){(failures.Count == schema.AllOf.Count ? ". None validated" : "")}"));
        }

        if (schema.Not is not null && Validate(value, schema.Not, path).Count == 0)
            errors.Add(FieldError.Invalid("", "", $"{FieldError.Quote(path)} must not validate the schema (not)"));
    }

    /// <returns>The complaints of the alternative that came closest; null if one is satisfied.</returns>
    private static List<FieldError>? Best(JsonNode value, IReadOnlyList<StructuralSchema> alternatives, string path)
    {
        var complaints = alternatives.Select(s => Validate(value, s, path)).ToList();
        return complaints.Any(c => c.Count == 0) ? null : complaints.MinBy(c => c.Count);
    }

    private static string TypeOf(JsonNode? value) => value switch
    {
        null => "null",
        JsonArray => "array",
        JsonObject => "object",
        _ => value.GetValueKind() switch
        {
            JsonValueKind.String => "string",
            JsonValueKind.True or JsonValueKind.False => "boolean",
            JsonValueKind.Number => decimal.IsInteger(ApiJson.Number(value.AsValue())) ? "integer" : "number",
            _ => "null",
        },
    };

    private static string Child(string path, string name) => path.Length == 0 ? name : $"{path}.{name}";

    private static string InBody(string path) => $"{path} in body";

    private static string Say(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
