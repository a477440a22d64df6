using System.Text.Json.Nodes;
using Quiesce.Cluster.Schema;
using Quiesce.Cluster.Storage;
using Quiesce.Cluster.Tables;

namespace Quiesce.Cluster.Kinds;

/// <summary>Reads a CustomResourceDefinition into the kinds it defines, one for each served version.</summary>
internal static class CustomKinds
{
    public const string Group = "apiextensions.k8s.io";
    public const string Plural = "customresourcedefinitions";
    public const string Collection = $"{Plural}.{Group}";

    /// <summary>The finalizer that keeps a definition until its objects are gone.</summary>
    public const string CleanupFinalizer = "customresourcecleanup.apiextensions.k8s.io";

    public static IEnumerable<ApiResource> Read(StoredObject definition)
    {
        var content = definition.ToNode();
        if (!CrdStatus.IsTrue(content, "Established"))
            return [];
        var spec = content["spec"]!;
        var versions = spec.ItemsAt("versions").OfType<JsonObject>().ToList();
        var storage = versions.FirstOrDefault(v => v.BoolAt("storage") == true);
        return versions.Where(v => v.BoolAt("served") == true)
            .OrderBy(v => v.StringAt("name"), VersionOrder.Instance)
            .Select(v => Read(definition, spec, v, storage.StringAt("name")!));
    }

    private static ApiResource Read(StoredObject definition, JsonNode spec, JsonObject version, string storageVersion)
    {
        var names = spec["names"]!;
        var group = spec.StringAt("group")!;
        var plural = names.StringAt("plural")!;
        var kind = names.StringAt("kind")!;
        var name = version.StringAt("name")!;
        var schema = version.At("schema", "openAPIV3Schema") as JsonObject ?? new JsonObject { ["type"] = "object", ["x-kubernetes-preserve-unknown-fields"] = true };
        return new ApiResource
        {
            Group = group,
            Version = name,
            Kind = kind,
            ListKind = names.StringAt("listKind") ?? $"{kind}List",
            Plural = plural,
            Singular = names.StringAt("singular") ?? kind.ToLowerInvariant(),
            ShortNames = [.. names.StringsAt("shortNames")],
            Categories = [.. names.StringsAt("categories")],
            Namespaced = spec.StringAt("scope") == "Namespaced",
            HasStatus = version.At("subresources", "status") is not null,
            Schema = StructuralSchema.Read(schema),
            SelectableFields = [.. version.ItemsAt("selectableFields").Select(f => f.StringAt("jsonPath")?.TrimStart('.')).OfType<string>()],
            Columns = PrinterColumns.Read(version),
            Collection = $"{plural}.{group}",
            Conversion = name == storageVersion ? null : new ApiVersionConversion($"{group}/{name}", $"{group}/{storageVersion}"),
            IsCustom = true,
            CountsGenerations = true,
            UpdateNeedsResourceVersion = true,
            IsTerminating = definition.Root.StringAt("metadata", "deletionTimestamp") is not null,
        };
    }

    /// <summary>A CRD's conversion strategy <c>None</c>: only <c>apiVersion</c> differs.</summary>
    private sealed class ApiVersionConversion(string served, string stored) : IVersionConversion
    {
        public void ToStored(JsonObject content) => content["apiVersion"] = stored;

        public void FromStored(JsonObject content) => content["apiVersion"] = served;
    }
}
