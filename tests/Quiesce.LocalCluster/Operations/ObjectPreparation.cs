using System.Text.Json.Nodes;
using Quiesce.Cluster.Errors;
using Quiesce.Cluster.Kinds;
using Quiesce.Cluster.Schema;

namespace Quiesce.Cluster.Operations;

/// <summary>What happens to a body between the wire and the store: type check, pruning, defaults, server fields, validation.</summary>
internal static class ObjectPreparation
{
    /// <summary>Reads a body as an object of a kind: pruned and with defaults, still in the version it was sent in.</summary>
    /// <returns>Warnings about unknown fields, where the options ask for them.</returns>
    /// <exception cref="ApiError">400: it is of another kind, or has unknown fields under strict validation.</exception>
    public static IReadOnlyList<string> Decode(JsonObject content, ApiResource resource, FieldValidation validation)
    {
        CheckKind(content, resource);
        if (content["metadata"] is not (null or JsonObject))
            throw ApiError.BadRequest($"{resource.Kind} in version \"{resource.Version}\" cannot be handled as a {resource.Kind}: metadata is not an object");
        var unknown = ObjectMetadata.Normalize(content.Child("metadata"), resource);
        if (resource.Schema is { } schema)
        {
            unknown.AddRange(Pruning.Prune(content, schema));
            Defaulting.Apply(content, schema);
        }
        else
        {
            unknown.AddRange(PruneTopLevel(content, resource));
            TimeFields.Normalize(content, resource);
        }

        resource.Defaults?.Invoke(content);
        var complaints = unknown.Select(f => $"unknown field \"{f}\"").ToList();
        if (complaints.Count > 0 && validation == FieldValidation.Strict)
            throw ApiError.BadRequest($"{resource.Kind} in version \"{resource.Version}\" cannot be handled as a {resource.Kind}: strict decoding error: {string.Join(", ", complaints)}");
        return validation == FieldValidation.Warn ? complaints : [];
    }

    /// <summary>Makes a decoded body into what a creation stores.</summary>
    public static void ForCreation(JsonObject content, ApiResource resource, string now)
    {
        var metadata = content.Child("metadata");
        ObjectMetadata.DropServerFields(metadata);
        metadata["uid"] = Guid.NewGuid().ToString();
        metadata["creationTimestamp"] = now;
        if (resource.CountsGenerations)
            metadata["generation"] = 1;
        // A node registers itself with its status; every other kind starts without one.
        if (resource.HasStatus && !resource.Is("", "nodes"))
            content.Remove("status");
        resource.OnCreate?.Invoke(content);
    }

    /// <summary>Makes a decoded body into what an update stores.</summary>
    /// <param name="content">The body, in the version it was sent in.</param>
    /// <param name="existing">The object as it is, in the same version.</param>
    /// <param name="resource">The kind.</param>
    /// <param name="subresource"><c>status</c>, or empty for the object itself.</param>
    public static JsonObject ForUpdate(JsonObject content, JsonObject existing, ApiResource resource, string subresource)
    {
        JsonObject next;
        if (subresource.Length == 0)
        {
            next = content;
            if (resource.HasStatus)
                CopyMember("status", existing, next);
        }
        else
        {
            next = existing.DeepClone().AsObject();
            CopyMember("status", content, next);
            // A custom resource's status path changes nothing but status; those of the server's own kinds take metadata as well.
            if (!resource.IsCustom)
                CopyMember("metadata", content, next);
        }

        var (before, after) = (existing.Child("metadata"), next.Child("metadata"));
        ObjectMetadata.CarryServerFields(before, after);
        if (resource.CountsGenerations && !SameDesire(existing, next, resource))
            after["generation"] = (before.LongAt("generation") ?? 0) + 1;
        return next;
    }

    /// <param name="content">The object as it would be.</param>
    /// <param name="existing">The object as it is; null for a new one.</param>
    /// <param name="resource">The kind.</param>
    /// <param name="subresource"><c>status</c>, or empty for the object itself.</param>
    /// <param name="uid">The UID that a patch left in it; null where none is looked at.</param>
    /// <exception cref="ApiError">422: the object is not valid.</exception>
    public static void Validate(JsonObject content, JsonObject? existing, ApiResource resource, string subresource, string? uid = null)
    {
        var metadata = content.Child("metadata");
        List<FieldError> errors = [.. ObjectMetadata.Validate(metadata, resource)];
        if (existing is not null)
            errors.AddRange([.. ObjectMetadata.ValidateFinalizers(existing.Child("metadata"), metadata), .. ObjectMetadata.ValidateUid(existing.Child("metadata"), uid)]);
        if (resource.Is(CustomKinds.Group, CustomKinds.Plural) && subresource.Length == 0)
            errors.AddRange(CrdValidation.Validate(content, existing));
        if (EventValidation.Applies(resource) && existing is null)
            errors.AddRange(EventValidation.Validate(content, resource));
        if (resource.Schema is { } schema)
            errors.AddRange(ValidateSchema(content, schema, subresource));
        if (errors.Count > 0)
            throw ApiError.Invalid(resource, metadata.StringAt("name") ?? "", errors);
    }

    /// <summary>All that is known of the server's own kinds is the names of their fields.</summary>
    private static List<string> PruneTopLevel(JsonObject content, ApiResource resource)
    {
        var unknown = content.Select(m => m.Key).Where(k => k is not ("apiVersion" or "kind" or "metadata") && !resource.Fields.Contains(k)).ToList();
        unknown.ForEach(k => content.Remove(k));
        return unknown;
    }

    private static List<FieldError> ValidateSchema(JsonObject content, StructuralSchema schema, string subresource)
    {
        List<FieldError> errors = subresource.Length == 0
            ? SchemaValidator.Validate(content, schema, "")
            : content["status"] is { } status && schema.Properties.TryGetValue("status", out var statusSchema) ? SchemaValidator.Validate(status, statusSchema, "status") : [];
        errors.AddRange(ListTypes.Validate(content, schema));
        // The real server says so where it stopped before the CEL rules; here they are never evaluated.
        if (schema.HasRules && errors.Any(e => e.Type is FieldError.NotSupportedType or FieldError.RequiredType or FieldError.TooLongType or FieldError.TooManyType or FieldError.TypeInvalidType))
            errors.Add(FieldError.Invalid(FieldError.NoField, null, "some validation rules were not checked because the object was invalid; correct the existing errors to complete validation"));
        return errors;
    }

    private static bool SameDesire(JsonObject existing, JsonObject next, ApiResource resource)
    {
        bool Counts(string field) => field != "metadata" && (field != "status" || (resource.IsCustom && !resource.HasStatus));
        var fields = existing.Select(m => m.Key).Union(next.Select(m => m.Key)).Where(Counts);
        return fields.All(f => JsonNode.DeepEquals(existing[f], next[f]));
    }

    private static void CopyMember(string name, JsonObject from, JsonObject to)
    {
        if (from[name] is { } value)
            to[name] = value.DeepClone();
        else
            to.Remove(name);
    }

    private static void CheckKind(JsonObject content, ApiResource resource)
    {
        var (kind, apiVersion) = (content.StringAt("kind"), content.StringAt("apiVersion"));
        if (resource.IsCustom && kind is null)
            throw ApiError.BadRequest($"the object provided is unrecognized (must be of type {resource.Kind}): Object 'Kind' is missing in '{ApiJson.Text(content)}'");
        if ((apiVersion is not null || resource.IsCustom) && apiVersion != resource.ApiVersion)
            throw ApiError.BadRequest($"the API version in the data ({apiVersion}) does not match the expected API version ({resource.ApiVersion})");
        if (kind is not null && kind != resource.Kind && resource.IsCustom)
            throw ApiError.Invalid(resource with { Kind = kind }, content.StringAt("metadata", "name") ?? "", [FieldError.Invalid("kind", kind, $"must be {resource.Kind}")]);
        if (kind is not null && kind != resource.Kind)
            throw ApiError.BadRequest($"{kind} in version \"{resource.Version}\" cannot be handled as a {resource.Kind}: no kind \"{kind}\" is registered for version \"{resource.ApiVersion}\"");
        content["kind"] = resource.Kind;
        content["apiVersion"] = resource.ApiVersion;
    }
}
