using System.Text.Json.Nodes;
using Quiesce.Cluster.Kinds;

namespace Quiesce.Cluster.OpenApi;

/// <summary>The definition of one kind: a CRD's schema with metadata put in, or for the server's own kinds the names of their fields.</summary>
internal static class KindDefinition
{
    public const string ObjectMetaName = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";

    private const string ApiVersionText = "APIVersion defines the versioned schema of this representation of an object. Servers should convert recognized schemas to the latest internal value, and may reject unrecognized values. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#resources";
    private const string KindText = "Kind is a string value representing the REST resource this object represents. Servers may infer this from the endpoint the client submits requests to. Cannot be updated. In CamelCase. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#types-kinds";
    private const string MetadataText = "Standard object's metadata. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata";

    /// <summary>Fields of the server's own kinds that are not objects.</summary>
    private static readonly Dictionary<string, string> FieldTypes = new(StringComparer.Ordinal)
    {
        ["immutable"] = "boolean",
        ["automountServiceAccountToken"] = "boolean",
        ["globalDefault"] = "boolean",
        ["allowVolumeExpansion"] = "boolean",
        ["count"] = "integer",
        ["deprecatedCount"] = "integer",
        ["value"] = "integer",
        ["rules"] = "array",
        ["subjects"] = "array",
        ["subsets"] = "array",
        ["secrets"] = "array",
        ["imagePullSecrets"] = "array",
        ["mountOptions"] = "array",
        ["allowedTopologies"] = "array",
    };

    private static readonly HashSet<string> ObjectFields =
        ["spec", "status", "data", "binaryData", "stringData", "involvedObject", "regarding", "related", "series", "source", "deprecatedSource", "roleRef", "aggregationRule", "parameters"];

    private static readonly string[] OnlyInV3 =
        ["nullable", "anyOf", "allOf", "oneOf", "not", "x-kubernetes-validations", "x-kubernetes-list-type", "x-kubernetes-list-map-keys", "x-kubernetes-map-type"];

    private static readonly string[] TypeKeywords = ["type", "items", "properties", "additionalProperties"];

    /// <summary>As <c>dev.quiesce.v1alpha1.FreezeRequest</c>.</summary>
    public static string NameOf(ApiResource kind) => kind.IsCustom
        ? $"{string.Join('.', kind.Group.Split('.').Reverse())}.{kind.Version}.{kind.Kind}"
        : $"io.k8s.api.{(kind.Group.Length == 0 ? "core" : kind.Group.Split('.')[0])}.{kind.Version}.{kind.Kind}";

    public static JsonObject GroupVersionKind(ApiResource kind) => new() { ["group"] = kind.Group, ["version"] = kind.Version, ["kind"] = kind.Kind };

    public static JsonObject Of(ApiResource kind, OpenApiDialect dialect)
    {
        var definition = kind.Schema?.Source.DeepClone().AsObject() ?? OfFields(kind);
        if (dialect.IsV2)
            ReduceToV2(definition);
        definition["type"] ??= "object";
        if (definition["properties"] is JsonObject || kind.Schema is null or { PreserveUnknownFields: false })
        {
            var properties = definition.Child("properties");
            properties["apiVersion"] = new JsonObject { ["type"] = "string", ["description"] = ApiVersionText };
            properties["kind"] = new JsonObject { ["type"] = "string", ["description"] = KindText };
            properties["metadata"] = new JsonObject { ["description"] = MetadataText, ["$ref"] = dialect.ReferencePrefix + ObjectMetaName };
        }

        definition["x-kubernetes-group-version-kind"] = new JsonArray(GroupVersionKind(kind));
        return definition;
    }

    public static JsonObject ObjectMeta() => new()
    {
        ["type"] = "object",
        ["description"] = "ObjectMeta is metadata that all persisted resources must have, which includes all objects users must create.",
        ["properties"] = new JsonObject
        {
            ["name"] = Text("Name must be unique within a namespace. Cannot be updated."),
            ["generateName"] = Text("A prefix from which the server makes a unique name if name is not given."),
            ["namespace"] = Text("The space within which the name must be unique. Cannot be updated."),
            ["labels"] = Texts("Keys and values by which objects are organized and selected."),
            ["annotations"] = Texts("Keys and values that clients keep with the object."),
            ["finalizers"] = new JsonObject { ["type"] = "array", ["items"] = new JsonObject { ["type"] = "string" }, ["description"] = "Must be empty before the object is removed." },
            ["ownerReferences"] = new JsonObject
            {
                ["type"] = "array",
                ["description"] = "Objects this one depends on. When all of them are gone, it is deleted.",
                ["items"] = new JsonObject
                {
                    ["type"] = "object",
                    ["required"] = new JsonArray("apiVersion", "kind", "name", "uid"),
                    ["properties"] = new JsonObject
                    {
                        ["apiVersion"] = Text("API version of the owner."),
                        ["kind"] = Text("Kind of the owner."),
                        ["name"] = Text("Name of the owner."),
                        ["uid"] = Text("UID of the owner."),
                        ["controller"] = new JsonObject { ["type"] = "boolean", ["description"] = "Whether the owner is the managing controller." },
                        ["blockOwnerDeletion"] = new JsonObject { ["type"] = "boolean", ["description"] = "Whether a foreground deletion of the owner waits for this object." },
                    },
                },
            },
            ["uid"] = Text("The object's identity in time and space. Set by the server."),
            ["resourceVersion"] = Text("The version of this object, for comparing and for watching. Set by the server."),
            ["generation"] = Number("Counts changes of the desired state. Set by the server."),
            ["creationTimestamp"] = Time("When the object was created. Set by the server."),
            ["deletionTimestamp"] = Time("When the object was asked to go. Set by the server."),
            ["deletionGracePeriodSeconds"] = Number("Seconds the object may take to go. Set by the server."),
            ["selfLink"] = Text("Not used any more."),
            ["managedFields"] = new JsonObject { ["type"] = "array", ["items"] = new JsonObject { ["type"] = "object" }, ["description"] = "Who set which field. Not kept here." },
        },
    };

    private static JsonObject OfFields(ApiResource kind)
    {
        var properties = new JsonObject();
        foreach (var field in kind.Fields)
        {
            var type = ObjectFields.Contains(field) ? "object" : FieldTypes.GetValueOrDefault(field, "string");
            var property = new JsonObject { ["type"] = type, ["description"] = $"{field} of the {kind.Kind}; the local cluster does not describe the server's own kinds further." };
            if (type == "array")
                property["items"] = new JsonObject();
            properties[field] = property;
        }

        return new JsonObject { ["type"] = "object", ["description"] = $"{kind.Kind}, stored as it is sent.", ["properties"] = properties };
    }

    /// <summary>Leaves out what version 2 cannot say, as apiextensions-apiserver's <c>controller/openapi/v2</c> does.</summary>
    private static void ReduceToV2(JsonObject schema)
    {
        if (schema.BoolAt("nullable") == true || schema.BoolAt("x-kubernetes-int-or-string") == true || schema.BoolAt("x-kubernetes-preserve-unknown-fields") == true)
            foreach (var keyword in TypeKeywords)
                schema.Remove(keyword);
        foreach (var keyword in OnlyInV3)
            schema.Remove(keyword);
        foreach (var (_, property) in schema["properties"] as JsonObject ?? [])
            if (property is JsonObject child)
                ReduceToV2(child);
        foreach (var keyword in new[] { "items", "additionalProperties" })
            if (schema[keyword] is JsonObject child)
                ReduceToV2(child);
    }

    private static JsonObject Text(string description) => new() { ["type"] = "string", ["description"] = description };

    private static JsonObject Time(string description) => new() { ["type"] = "string", ["format"] = "date-time", ["description"] = description };

    private static JsonObject Number(string description) => new() { ["type"] = "integer", ["format"] = "int64", ["description"] = description };

    private static JsonObject Texts(string description) =>
        new() { ["type"] = "object", ["additionalProperties"] = new JsonObject { ["type"] = "string" }, ["description"] = description };
}
