using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Quiesce.Cluster.Errors;

namespace Quiesce.Cluster.Schema;

/// <summary>Checks a value against a schema; keywords and words after kube-openapi's <c>validation/validate</c>, as apiextensions-apiserver reports them.</summary>
internal sealed class SchemaValidator
{
    private readonly string _root;
    private readonly List<FieldError> _errors = [];

    private SchemaValidator(string root) => _root = root;

    /// <summary>All complaints about a value.</summary>
    /// <param name="value">The value, pruned and with its defaults.</param>
    /// <param name="schema">What it should be.</param>
    /// <param name="root">The field it stands in, such as <c>status</c>; empty for a whole object.</param>
    public static List<FieldError> Validate(JsonNode? value, StructuralSchema schema, string root) => Validate(value, schema, root, "");

    /// <param name="value">The value.</param>
    /// <param name="schema">What it should be.</param>
    /// <param name="root">Put before the paths of fields, but not before those in messages: so the real server does.</param>
    /// <param name="path">Where the value stands below the root.</param>
    private static List<FieldError> Validate(JsonNode? value, StructuralSchema schema, string root, string path)
    {
        var validator = new SchemaValidator(root);
        validator.Check(value, schema, path);
        return validator._errors;
    }

    private void Check(JsonNode? value, StructuralSchema schema, string path)
    {
        CheckType(value, schema, path);
        if (value is not null)
        {
            CheckCombinations(value, schema, path);
            switch (value)
            {
                case JsonValue scalar when scalar.GetValueKind() == JsonValueKind.String:
                    CheckString(scalar.GetValue<string>(), schema, path);
                    break;
                case JsonValue scalar when scalar.GetValueKind() == JsonValueKind.Number:
                    CheckNumber(scalar, schema, path);
                    break;
                case JsonArray items:
                    CheckArray(items, schema, path);
                    break;
                case JsonObject members:
                    CheckObject(members, schema, path);
                    break;
            }
        }

        if (schema.Enum.Count > 0 && !(value is null && schema.Nullable) && !schema.Enum.Any(e => JsonNode.DeepEquals(e, value)))
            _errors.Add(FieldError.NotSupported(Field(path), value, schema.Enum.Select(e => e is JsonValue v && v.GetValueKind() == JsonValueKind.String ? v.GetValue<string>() : ApiJson.Text(e))));
    }

    private void CheckType(JsonNode? value, StructuralSchema schema, string path)
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
        if (fits)
            return;
        // Of a number with a format, the message names formats instead of types.
        var (wanted, found) = actual == "number" && schema.Format is { } format ? (format, "float64") : (expected, actual);
        _errors.Add(FieldError.TypeInvalid(Field(path), found, $"{InBody(path)} must be of type {wanted}: {FieldError.Quote(found)}"));
    }

    private void CheckString(string text, StructuralSchema schema, string path)
    {
        // Lengths count code points, as Go's runes.
        var length = text.EnumerateRunes().Count();
        if (length > schema.MaxLength)
            _errors.Add(FieldError.TooLong(Field(path), schema.MaxLength.Value));
        if (length < schema.MinLength)
            _errors.Add(FieldError.Invalid(Field(path), text, Say($"{InBody(path)} should be at least {schema.MinLength} chars long")));
        if (schema.Pattern is { } pattern && schema.PatternRegex?.IsMatch(text) != true)
            _errors.Add(FieldError.Invalid(Field(path), text, $"{InBody(path)} should match '{pattern}'"));
        if (schema.Format is { } format && !StringFormats.IsValid(format, text))
            _errors.Add(FieldError.TypeInvalid(Field(path), text, $"{InBody(path)} must be of type {format}: {FieldError.Quote(text)}"));
    }

    private void CheckNumber(JsonValue value, StructuralSchema schema, string path)
    {
        var number = ApiJson.Number(value);
        if (schema.Format == "int32" && (!decimal.IsInteger(number) || number is < int.MinValue or > int.MaxValue))
            _errors.Add(FieldError.Invalid(NoField, "", $"Checked value must be of type integer with format int32 in {path}"));
        if (schema.MultipleOf is { } factor && factor > 0 && number % factor != 0)
            _errors.Add(FieldError.Invalid(Field(path), value, Say($"{InBody(path)} should be a multiple of {factor}")));
        if (schema.Maximum is { } maximum && (number > maximum.Value || (maximum.Exclusive && number == maximum.Value)))
            _errors.Add(FieldError.Invalid(Field(path), value, Say($"{InBody(path)} should be less than {(maximum.Exclusive ? "" : "or equal to ")}{maximum.Value}")));
        if (schema.Minimum is { } minimum && (number < minimum.Value || (minimum.Exclusive && number == minimum.Value)))
            _errors.Add(FieldError.Invalid(Field(path), value, Say($"{InBody(path)} should be greater than {(minimum.Exclusive ? "" : "or equal to ")}{minimum.Value}")));
    }

    private void CheckArray(JsonArray items, StructuralSchema schema, string path)
    {
        if (items.Count < schema.MinItems)
            _errors.Add(FieldError.Invalid(Field(path), items.Count, Say($"{InBody(path)} should have at least {schema.MinItems} items")));
        if (items.Count > schema.MaxItems)
            _errors.Add(FieldError.TooMany(Field(path), items.Count, schema.MaxItems.Value));
        if (schema.UniqueItems && ListTypes.HasDuplicates(items))
            _errors.Add(FieldError.Invalid(Field(path), "", $"{InBody(path)} shouldn't contain duplicates"));
        if (schema.Items is not null)
            for (var i = 0; i < items.Count; i++)
                Check(items[i], schema.Items, Say($"{path}[{i}]"));
    }

    private void CheckObject(JsonObject members, StructuralSchema schema, string path)
    {
        if (members.Count < schema.MinProperties)
            _errors.Add(FieldError.Invalid(Field(path), members.Count, Say($"{InBody(path)} should have at least {schema.MinProperties} properties")));
        if (members.Count > schema.MaxProperties)
            _errors.Add(FieldError.TooMany(Field(path), members.Count, schema.MaxProperties.Value));
        foreach (var (name, value) in members)
        {
            var childPath = Child(path, name);
            if (schema.Properties.TryGetValue(name, out var property))
                Check(value, property, childPath);
            else if (schema.AdditionalProperties is { } additional)
                Check(value, additional, childPath);
        }

        foreach (var name in schema.Required.Where(name => !members.ContainsKey(name)))
            _errors.Add(FieldError.Required(Field(Child(path, name))));
    }

    private void CheckCombinations(JsonNode value, StructuralSchema schema, string path)
    {
        if (schema.AnyOf.Count > 0 && Best(value, schema.AnyOf, path) is { } worst)
        {
            _errors.Add(FieldError.Invalid(NoField, "", $"{FieldError.Quote(path)} must validate at least one schema (anyOf)"));
            _errors.AddRange(worst);
        }

        if (schema.OneOf.Count > 0)
        {
            var valid = schema.OneOf.Count(s => Validate(value, s, _root, path).Count == 0);
            if (valid != 1)
                _errors.Add(FieldError.Invalid(NoField, "", Say($"{FieldError.Quote(path)} must validate one and only one schema (oneOf). Found {(valid == 0 ? "none valid" : Say($"{valid} valid alternatives"))}")));
            if (valid == 0)
                _errors.AddRange(Best(value, schema.OneOf, path)!);
        }

        if (schema.AllOf.Count > 0)
        {
            var failures = schema.AllOf.Select(s => Validate(value, s, _root, path)).Where(e => e.Count > 0).ToList();
            _errors.AddRange(failures.SelectMany(e => e));
            if (failures.Count > 0)
                _errors.Add(FieldError.Invalid(NoField, "", $"{FieldError.Quote(path)} must validate all the schemas (allOf){(failures.Count == schema.AllOf.Count ? ". None validated" : "")}"));
        }

        if (schema.Not is not null && Validate(value, schema.Not, _root, path).Count == 0)
            _errors.Add(FieldError.Invalid(NoField, "", $"{FieldError.Quote(path)} must not validate the schema (not)"));
    }

    /// <returns>The complaints of the alternative that came closest; null if one is satisfied.</returns>
    private List<FieldError>? Best(JsonNode value, IReadOnlyList<StructuralSchema> alternatives, string path)
    {
        var complaints = alternatives.Select(s => Validate(value, s, _root, path)).ToList();
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

    private string NoField => _root.Length == 0 ? FieldError.NoField : _root;

    private string Field(string path) => _root.Length == 0 ? path : path.Length == 0 ? _root : path[0] == '[' ? _root + path : $"{_root}.{path}";

    private static string Child(string path, string name) => path.Length == 0 ? name : $"{path}.{name}";

    private static string InBody(string path) => $"{path} in body";

    private static string Say(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
