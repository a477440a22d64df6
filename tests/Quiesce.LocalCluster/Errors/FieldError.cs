using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Quiesce.Cluster.Errors;

/// <summary>One complaint about one field, worded as apimachinery's <c>field.Error</c> words it.</summary>
/// <param name="Type">The machine-readable cause, such as <c>FieldValueRequired</c>.</param>
/// <param name="Field">The path, such as <c>spec.targets[0].hostPath</c>.</param>
/// <param name="Body">The message without the path.</param>
internal sealed record FieldError(string Type, string Field, string Body)
{
    public const string RequiredType = "FieldValueRequired";
    public const string InvalidType = "FieldValueInvalid";
    public const string TypeInvalidType = "FieldValueTypeInvalid";
    public const string NotSupportedType = "FieldValueNotSupported";
    public const string DuplicateType = "FieldValueDuplicate";
    public const string ForbiddenType = "FieldValueForbidden";
    public const string TooLongType = "FieldValueTooLong";
    public const string TooManyType = "FieldValueTooMany";

    /// <summary>How Go prints the path of a complaint that is about no field.</summary>
    public const string NoField = "<nil>";

    public static FieldError Required(string field, string detail = "") => new(RequiredType, field, Join("Required value", detail));

    public static FieldError Invalid(string field, JsonNode? value, string detail) => new(InvalidType, field, Join($"Invalid value: {Show(value)}", detail));

    /// <param name="field">The path.</param>
    /// <param name="actual">The type it is of, or for a format its text.</param>
    /// <param name="detail">What it should be.</param>
    public static FieldError TypeInvalid(string field, string actual, string detail) =>
        new(TypeInvalidType, field, Join($"Invalid value: {Quote(actual)}", detail));

    public static FieldError NotSupported(string field, JsonNode? value, IEnumerable<string> supported) =>
        new(NotSupportedType, field, $"Unsupported value: {Show(value)}: supported values: {string.Join(", ", supported.Select(Quote))}");

    public static FieldError Duplicate(string field, JsonNode? value) => new(DuplicateType, field, $"Duplicate value: {Show(value)}");

    public static FieldError Forbidden(string field, string detail) => new(ForbiddenType, field, Join("Forbidden", detail));

    public static FieldError TooLong(string field, long max) =>
        new(TooLongType, field, string.Create(CultureInfo.InvariantCulture, $"Too long: may not be more than {max} bytes"));

    public static FieldError TooMany(string field, long actual, long max) =>
        new(TooManyType, field, string.Create(CultureInfo.InvariantCulture, $"Too many: {actual}: must have at most {max} {(max == 1 ? "item" : "items")}"));

    /// <summary>A value as Go's <c>%q</c> or <c>%v</c> prints it.</summary>
    public static string Show(JsonNode? value) =>
        value is JsonValue scalar && scalar.GetValueKind() == JsonValueKind.String ? Quote(scalar.GetValue<string>()) : ApiJson.Text(value);

    /// <summary>Go's <c>%q</c>, as far as JSON's own escapes go.</summary>
    public static string Quote(string text) => ApiJson.Text(JsonValue.Create(text));

    public override string ToString() => $"{Field}: {Body}";

    private static string Join(string head, string detail) => detail.Length == 0 ? head : $"{head}: {detail}";
}
