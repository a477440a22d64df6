using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Quiesce.Cluster.Errors;
using Quiesce.Cluster.Kinds;

namespace Quiesce.Cluster.Operations;

/// <summary>The rules of <c>metadata</c>; words after apimachinery's <c>api/validation</c> and <c>util/validation</c>.</summary>
internal static partial class ObjectMetadata
{
    private const string SubdomainRule = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
    private const string LabelRule = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
    private const string LabelValueRule = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
    private const string QualifiedNameRule = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
    private const int AnnotationsLimit = 256 * 1024;

    /// <summary>Fields that only the server sets and that a client's body is not asked about.</summary>
    private static readonly string[] ServerFields = ["uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation", "resourceVersion", "selfLink", "managedFields"];

    private static readonly HashSet<string> KnownFields =
        ["name", "generateName", "namespace", "labels", "annotations", "finalizers", "ownerReferences", .. ServerFields];

    private static readonly string[] RequiredOfOwners = ["apiVersion", "kind", "name", "uid"];

    private static readonly string[] OwnerReferenceFields = ["apiVersion", "kind", "name", "uid", "controller", "blockOwnerDeletion"];

    /// <summary>Brings metadata as sent into the form it is kept in.</summary>
    /// <returns>The paths of the fields that were dropped because nobody knows them.</returns>
    /// <exception cref="ApiError">400: a field has the wrong type.</exception>
    public static List<string> Normalize(JsonObject metadata, ApiResource resource)
    {
        var unknown = new List<string>();
        foreach (var (name, value) in metadata.ToList())
        {
            if (!KnownFields.Contains(name))
            {
                metadata.Remove(name);
                unknown.Add($"metadata.{name}");
            }
            else if (value is null || value is JsonArray { Count: 0 } || value is JsonObject { Count: 0 })
            {
                metadata.Remove(name);
            }
            else
            {
                CheckType(name, value, resource);
            }
        }

        foreach (var (i, owner) in metadata.ItemsAt("ownerReferences").OfType<JsonObject>().Index())
            foreach (var name in owner.Select(m => m.Key).Except(OwnerReferenceFields).ToList())
            {
                owner.Remove(name);
                unknown.Add($"metadata.ownerReferences[{i}].{name}");
            }

        return unknown;
    }

    public static void DropServerFields(JsonObject metadata)
    {
        foreach (var name in ServerFields)
            metadata.Remove(name);
    }

    /// <summary>Puts back what an update cannot change.</summary>
    public static void CarryServerFields(JsonObject from, JsonObject to)
    {
        foreach (var name in ServerFields)
        {
            to.Remove(name);
            if (name is not ("selfLink" or "managedFields") && from[name] is { } value)
                to[name] = value.DeepClone();
        }
    }

    public static IEnumerable<FieldError> Validate(JsonObject metadata, ApiResource resource)
    {
        var name = metadata.StringAt("name") ?? "";
        if (name.Length == 0)
            yield return FieldError.Required("metadata.name", "name or generateName is required");
        else if (resource.Group == "rbac.authorization.k8s.io" ? PathSegment().IsMatch(name) is false : resource.NamesAreLabels ? !DnsLabel().IsMatch(name) : !DnsSubdomain().IsMatch(name))
            yield return FieldError.Invalid("metadata.name", name, resource.NamesAreLabels ? LabelRule : SubdomainRule);
        else if (name.Length > (resource.NamesAreLabels ? 63 : 253))
            yield return FieldError.Invalid("metadata.name", name, $"must be no more than {(resource.NamesAreLabels ? 63 : 253)} bytes");

        foreach (var (key, value) in metadata["labels"] as JsonObject ?? [])
        {
            var text = value!.GetValue<string>();
            foreach (var problem in QualifiedNameProblems(key))
                yield return FieldError.Invalid("metadata.labels", key, problem);
            if (text.Length > 63)
                yield return FieldError.Invalid("metadata.labels", text, "must be no more than 63 bytes");
            if (!LabelValue().IsMatch(text))
                yield return FieldError.Invalid("metadata.labels", text, LabelValueRule);
        }

        var annotations = metadata["annotations"] as JsonObject ?? [];
        foreach (var (key, _) in annotations)
            foreach (var problem in QualifiedNameProblems(key.ToLowerInvariant()))
                yield return FieldError.Invalid("metadata.annotations", key, problem);
        if (annotations.Sum(a => System.Text.Encoding.UTF8.GetByteCount(a.Key) + System.Text.Encoding.UTF8.GetByteCount(a.Value!.GetValue<string>())) > AnnotationsLimit)
            yield return FieldError.TooLong("metadata.annotations", AnnotationsLimit);

        foreach (var finalizer in metadata.StringsAt("finalizers"))
            foreach (var problem in QualifiedNameProblems(finalizer))
                yield return FieldError.Invalid("metadata.finalizers", finalizer, problem);

        foreach (var owner in metadata.ItemsAt("ownerReferences"))
            foreach (var field in RequiredOfOwners.Where(f => string.IsNullOrEmpty(owner.StringAt(f))))
                yield return FieldError.Invalid($"metadata.ownerReferences.{field}", "", field == "apiVersion" ? "version must not be empty" : "must not be empty");
        if (metadata.ItemsAt("ownerReferences").Count(o => o.BoolAt("controller") == true) > 1)
            yield return FieldError.Invalid("metadata.ownerReferences", metadata["ownerReferences"], "Only one reference can have Controller set to true.");
    }

    /// <summary>What an object that is being deleted may not take on.</summary>
    public static IEnumerable<FieldError> ValidateFinalizers(JsonObject before, JsonObject after)
    {
        if (before.StringAt("deletionTimestamp") is null)
            yield break;
        var added = after.StringsAt("finalizers").Except(before.StringsAt("finalizers")).Order(StringComparer.Ordinal).ToList();
        if (added.Count > 0)
            yield return FieldError.Forbidden("metadata.finalizers", $"no new finalizers can be added if the object is being deleted, found new finalizers []string{{{string.Join(", ", added.Select(FieldError.Quote))}}}");
    }

    /// <summary>A patch that names another UID would change it. The real server says so twice.</summary>
    public static IEnumerable<FieldError> ValidateUid(JsonObject before, string? uid) =>
        string.IsNullOrEmpty(uid) || uid == before.StringAt("uid") ? [] : Enumerable.Repeat(FieldError.Invalid("metadata.uid", uid, "field is immutable"), 2);

    /// <summary>What is wrong with a name of the form <c>prefix/name</c>, the prefix being optional.</summary>
    public static IEnumerable<string> QualifiedNameProblems(string name)
    {
        var parts = name.Split('/');
        if (parts.Length > 2)
        {
            yield return "a qualified name must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')";
            yield break;
        }

        if (parts.Length == 2 && parts[0].Length == 0)
            yield return "prefix part must be non-empty";
        else if (parts.Length == 2 && !DnsSubdomain().IsMatch(parts[0]))
            yield return "prefix part " + SubdomainRule;
        if (parts[^1].Length == 0)
            yield return "name part must be non-empty";
        else if (parts[^1].Length > 63)
            yield return "name part must be no more than 63 bytes";
        if (!QualifiedNamePart().IsMatch(parts[^1]))
            yield return QualifiedNameRule;
    }

    private static string GoKind(JsonNode? value) => value switch
    {
        JsonObject => "object",
        JsonArray => "array",
        JsonValue v when v.GetValueKind() == JsonValueKind.String => "string",
        JsonValue v when v.GetValueKind() == JsonValueKind.Number => "number",
        JsonValue => "bool",
        null => "null",
        _ => "value",
    };

    private static void CheckType(string name, JsonNode value, ApiResource resource)
    {
        var fits = name switch
        {
            "labels" or "annotations" => value is JsonObject map && map.All(m => m.Value is JsonValue v && v.GetValueKind() == JsonValueKind.String),
            "finalizers" => value is JsonArray texts && texts.All(t => t is JsonValue v && v.GetValueKind() == JsonValueKind.String),
            "ownerReferences" => value is JsonArray owners && owners.All(o => o is JsonObject),
            "managedFields" => value is JsonArray,
            "generation" or "deletionGracePeriodSeconds" => value is JsonValue v && v.GetValueKind() == JsonValueKind.Number,
            _ => value is JsonValue v && v.GetValueKind() == JsonValueKind.String,
        };
        if (fits)
            return;
        var (actual, expected) = name is "labels" or "annotations" && value is JsonObject members
            ? (members.Select(m => GoKind(m.Value)).First(k => k != "string"), "string")
            : (GoKind(value), name is "labels" or "annotations" ? "map[string]string" : "string");
        throw ApiError.BadRequest($"{resource.Kind} in version \"{resource.Version}\" cannot be handled as a {resource.Kind}: json: cannot unmarshal {actual} into Go struct field ObjectMeta.{name} of type {expected}");
    }

    [GeneratedRegex(@"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\z")]
    private static partial Regex DnsSubdomain();

    [GeneratedRegex(@"^[a-z0-9]([-a-z0-9]*[a-z0-9])?\z")]
    private static partial Regex DnsLabel();

    [GeneratedRegex(@"^[^/%]+\z")]
    private static partial Regex PathSegment();

    [GeneratedRegex(@"^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?\z")]
    private static partial Regex LabelValue();

    [GeneratedRegex(@"^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]\z")]
    private static partial Regex QualifiedNamePart();
}
