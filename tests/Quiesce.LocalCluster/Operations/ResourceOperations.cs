using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Quiesce.Cluster.Errors;
using Quiesce.Cluster.Kinds;
using Quiesce.Cluster.Storage;

namespace Quiesce.Cluster.Operations;

/// <summary>Create, read, update, delete: what the paths of a kind mean, apart from HTTP. Refusals are <see cref="ApiError"/>s.</summary>
/// <remarks>Safe from any thread: writes are compare-and-swap, and those that may be repeated are.</remarks>
internal sealed class ResourceOperations(ObjectStore store, KindCatalog catalog, TimeProvider clock)
{
    /// <summary>The largest object etcd takes by default, in bytes.</summary>
    private const int MaxObjectBytes = 1536 * 1024;

    /// <summary>Keeps two definitions from being accepted at once.</summary>
    private readonly Lock _definitions = new();

    /// <summary>The present as the API writes it.</summary>
    public string Now => clock.GetUtcNow().UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    /// <exception cref="ApiError">404.</exception>
    public StoredObject Get(ApiResource resource, string ns, string name) =>
        store.Get(new ObjectKey(resource.Collection, ns, name)) ?? throw ApiError.NotFound(resource, name);

    /// <param name="resource">The kind.</param>
    /// <param name="ns">From the path; empty for cluster-scoped kinds.</param>
    /// <param name="body">The object; it is changed.</param>
    /// <param name="options">How.</param>
    public WriteResult Create(ApiResource resource, string ns, JsonObject body, WriteOptions options)
    {
        var warnings = ObjectPreparation.Decode(body, resource, options.Validation);
        var metadata = body.Child("metadata");
        SetNamespace(metadata, resource, ns);
        if (metadata.StringAt("resourceVersion") is { Length: > 0 })
            throw ApiError.Storage("resourceVersion should not be set on objects to be created");
        if (resource.IsTerminating)
            throw ApiError.Forbidden(resource, metadata.StringAt("name") ?? "", "create not allowed while custom resource definition is terminating");
        CheckNamespace(resource, ns, metadata.StringAt("name") ?? "");
        var generated = string.IsNullOrEmpty(metadata.StringAt("name")) && metadata.StringAt("generateName") is { Length: > 0 };
        for (var attempt = 0; ; attempt++)
        {
            var content = generated ? body.DeepClone().AsObject() : body;
            if (generated)
                content.Child("metadata")["name"] = metadata.StringAt("generateName") + RandomNumberGenerator.GetString("bcdfghjklmnpqrstvwxz2456789", 5);
            ObjectPreparation.ForCreation(content, resource, Now);
            ObjectPreparation.Validate(content, null, resource, "");
            resource.Conversion?.ToStored(content);
            var name = content.StringAt("metadata", "name")!;
            var key = new ObjectKey(resource.Collection, ns, name);
            if (options.DryRun)
            {
                if (store.Get(key) is not null)
                    throw ApiError.AlreadyExists(resource, name);
                return new WriteResult(StoredObject.Seal(key, StoredObject.NotStored, content), true, warnings);
            }

            if (Commit(resource, content, c => store.TryCreate(key, c)) is { } created)
                return new WriteResult(created, true, warnings);
            if (!generated || attempt == 8)
                throw ApiError.AlreadyExists(resource, name);
        }
    }

    /// <summary>PUT: the body is the whole object.</summary>
    public WriteResult Update(ApiResource resource, string ns, string name, string subresource, JsonObject body, WriteOptions options)
    {
        while (true)
        {
            if (store.Get(new ObjectKey(resource.Collection, ns, name)) is not { } existing)
            {
                if (!resource.CreatesOnUpdate || subresource.Length > 0)
                    throw ApiError.NotFound(resource, name);
                return Create(resource, ns, body, options);
            }

            var content = body.DeepClone().AsObject();
            var warnings = ObjectPreparation.Decode(content, resource, options.Validation);
            CheckName(content.Child("metadata"), name);
            if (string.IsNullOrEmpty(content.StringAt("metadata", "resourceVersion")) && resource.UpdateNeedsResourceVersion)
                throw ApiError.Invalid(resource, name, [new FieldError(FieldError.InvalidType, "metadata.resourceVersion", "Invalid value: 0: must be specified for an update")]);
            CheckUid(resource, name, Served(resource, existing).ToNode().Child("metadata"), content.StringAt("metadata", "uid"));
            if (TryReplace(resource, existing, name, subresource, content, options) is { } updated)
                return new WriteResult(updated, false, warnings);
        }
    }

    /// <summary>PATCH: the patch is applied to the newest version, again if that changed meanwhile.</summary>
    /// <param name="resource">The kind.</param>
    /// <param name="ns">From the path.</param>
    /// <param name="name">From the path.</param>
    /// <param name="subresource">From the path; empty for the object itself.</param>
    /// <param name="patch">Makes the next version of a copy of the object.</param>
    /// <param name="options">How.</param>
    public WriteResult Patch(ApiResource resource, string ns, string name, string subresource, Func<JsonObject, JsonNode?> patch, WriteOptions options)
    {
        while (true)
        {
            var existing = Get(resource, ns, name);
            if (patch(Served(resource, existing).ToNode()) is not JsonObject content)
                throw ApiError.BadRequest("the patch does not leave an object behind");
            var warnings = ObjectPreparation.Decode(content, resource, options.Validation);
            // The UID is a precondition in a PUT; here it is a field that cannot be changed, and the status path of a custom resource does not look at it.
            var uid = resource.IsCustom && subresource.Length > 0 ? null : content.StringAt("metadata", "uid");
            if (TryReplace(resource, existing, name, subresource, content, options, uid) is { } updated)
                return new WriteResult(updated, false, warnings);
        }
    }

    public DeleteResult Delete(ApiResource resource, string ns, string name, DeleteOptions options)
    {
        while (true)
        {
            var existing = Get(resource, ns, name);
            var content = existing.ToNode();
            var metadata = content.Child("metadata");
            CheckDeletionPreconditions(resource, name, metadata, options);
            var finalizers = FinalizersForDeletion(metadata, options.Propagation);
            var isNamespace = resource.Is("", "namespaces");
            if (isNamespace && InitialObjects.UndeletableNamespaces.Contains(name))
                throw ApiError.Forbidden(resource, name, "this namespace may not be deleted");
            if (finalizers.Count == 0 && !isNamespace)
            {
                if (options.DryRun)
                    return new DeleteResult(existing, true);
                if (CommitDelete(resource, existing, content) is { } gone)
                    return new DeleteResult(gone, true);
                continue;
            }

            MarkAsDeleting(metadata, finalizers);
            if (isNamespace)
                content.Child("status")["phase"] = "Terminating";
            if (resource.Is(CustomKinds.Group, CustomKinds.Plural))
                CrdStatus.Terminate(content, Now);
            if (options.DryRun || JsonNode.DeepEquals(content, existing.ToNode()))
                return new DeleteResult(existing, false);
            if (Commit(resource, content, c => store.TryUpdate(existing, c)) is { } marked)
                return new DeleteResult(marked, false);
        }
    }

    /// <summary>An object in the version it is asked for in.</summary>
    public static StoredObject Served(ApiResource resource, StoredObject stored)
    {
        if (resource.Conversion is null)
            return stored;
        var content = stored.ToNode();
        resource.Conversion.FromStored(content);
        return StoredObject.Seal(stored.Key, stored.Revision, content);
    }

    /// <returns>Null if the object changed since it was read and the writer did not say which version it meant.</returns>
    private StoredObject? TryReplace(ApiResource resource, StoredObject existing, string name, string subresource, JsonObject content, WriteOptions options, string? uid = null)
    {
        var before = Served(resource, existing).ToNode();
        var metadata = content.Child("metadata");
        SetNamespace(metadata, resource, existing.Key.Namespace);
        CheckName(metadata, name);
        if (metadata.StringAt("resourceVersion") is { Length: > 0 } version && version != before.StringAt("metadata", "resourceVersion"))
            throw ApiError.Modified(resource, name);

        var next = ObjectPreparation.ForUpdate(content, before, resource, subresource);
        ObjectPreparation.Validate(next, before, resource, subresource, uid);
        var unchanged = JsonNode.DeepEquals(next, before);
        resource.Conversion?.ToStored(next);
        if (unchanged)
            return existing;
        if (options.DryRun)
            return StoredObject.Seal(existing.Key, existing.Revision, next);
        return IsReleased(next) ? CommitDelete(resource, existing, next) : Commit(resource, next, c => store.TryUpdate(existing, c));
    }

    private StoredObject? Commit(ApiResource resource, JsonObject content, Func<JsonObject, StoredObject?> write)
    {
        if (ApiJson.Write(content).Length > MaxObjectBytes)
            throw ApiError.Storage("etcdserver: request is too large");
        if (!resource.Is(CustomKinds.Group, CustomKinds.Plural))
            return write(content);

        lock (_definitions)
        {
            var others = store.List(CustomKinds.Collection, null).Objects.Where(d => d.Key.Name != content.StringAt("metadata", "name")).Select(d => d.ToNode());
            CrdStatus.Accept(content, others, Now);
            if (content.StringAt("metadata", "deletionTimestamp") is null && !content.StringsAt("metadata", "finalizers").Contains(CustomKinds.CleanupFinalizer))
                content.Child("metadata")["finalizers"] = new JsonArray([.. content.StringsAt("metadata", "finalizers").Append(CustomKinds.CleanupFinalizer).Select(f => JsonValue.Create(f))]);
            var written = write(content);
            catalog.Define(store.List(CustomKinds.Collection, null).Objects);
            return written;
        }
    }

    private StoredObject? CommitDelete(ApiResource resource, StoredObject existing, JsonObject lastContent)
    {
        if (!resource.Is(CustomKinds.Group, CustomKinds.Plural))
            return store.TryDelete(existing, lastContent);
        lock (_definitions)
        {
            var deleted = store.TryDelete(existing, lastContent);
            catalog.Define(store.List(CustomKinds.Collection, null).Objects);
            return deleted;
        }
    }

    private void CheckNamespace(ApiResource resource, string ns, string name)
    {
        if (!resource.Namespaced)
            return;
        var namespaces = catalog.Find("", "v1", "namespaces")!;
        var owner = Get(namespaces, "", ns);
        if (owner.IsBeingDeleted)
            throw ApiError.Forbidden(resource, name, $"unable to create new content in namespace {ns} because it is being terminated",
                new FieldError("NamespaceTerminating", "metadata.namespace", $"namespace {ns} is being terminated"));
    }

    private static void SetNamespace(JsonObject metadata, ApiResource resource, string ns)
    {
        if (!resource.Namespaced)
        {
            metadata.Remove("namespace");
            return;
        }

        if (metadata.StringAt("namespace") is { Length: > 0 } given && given != ns)
            throw ApiError.BadRequest($"the namespace of the provided object does not match the namespace sent on the request");
        metadata["namespace"] = ns;
    }

    private static void CheckName(JsonObject metadata, string name)
    {
        metadata["name"] ??= name;
        if (metadata.StringAt("name") != name)
            throw ApiError.BadRequest($"the name of the object ({metadata.StringAt("name")}) does not match the name on the URL ({name})");
    }

    private static void CheckUid(ApiResource resource, string name, JsonObject metadata, string? uid)
    {
        if (!string.IsNullOrEmpty(uid) && uid != metadata.StringAt("uid"))
            throw ApiError.Conflict(resource, name, $"Precondition failed: UID in precondition: {uid}, UID in object meta: {metadata.StringAt("uid")}");
    }

    /// <summary>What a deletion may ask of the object, in the words that the real server has for it.</summary>
    private static void CheckDeletionPreconditions(ApiResource resource, string name, JsonObject metadata, DeleteOptions options)
    {
        var byKind = resource with { Plural = resource.Kind };
        if (!string.IsNullOrEmpty(options.Uid) && options.Uid != metadata.StringAt("uid"))
            throw ApiError.Conflict(byKind, name, $"the UID in the precondition ({options.Uid}) does not match the UID in record ({metadata.StringAt("uid")}). The object might have been deleted and then recreated");
        if (!string.IsNullOrEmpty(options.ResourceVersion) && options.ResourceVersion != metadata.StringAt("resourceVersion"))
            throw ApiError.Conflict(byKind, name, $"the ResourceVersion in the precondition ({options.ResourceVersion}) does not match the ResourceVersion in record ({metadata.StringAt("resourceVersion")}). The object might have been modified");
    }

    private static List<string> FinalizersForDeletion(JsonObject metadata, string? propagation)
    {
        var finalizers = metadata.StringsAt("finalizers").ToList();
        if (propagation is "Foreground" or "Orphan")
        {
            finalizers.RemoveAll(f => f is Finalizers.Foreground or Finalizers.Orphan);
            finalizers.Add(propagation == "Orphan" ? Finalizers.Orphan : Finalizers.Foreground);
        }

        return finalizers;
    }

    private void MarkAsDeleting(JsonObject metadata, List<string> finalizers)
    {
        if (finalizers.Count > 0)
            metadata["finalizers"] = new JsonArray([.. finalizers.Select(f => JsonValue.Create(f))]);
        if (metadata.StringAt("deletionTimestamp") is not null)
            return;
        metadata["deletionTimestamp"] = Now;
        metadata["deletionGracePeriodSeconds"] = 0;
        // apiserver's markAsDeleting: being deleted is a change of what is wished for.
        if (metadata.LongAt("generation") is { } generation)
            metadata["generation"] = generation + 1;
    }

    private static bool IsReleased(JsonObject content) =>
        content.StringAt("metadata", "deletionTimestamp") is not null
        && !content.StringsAt("metadata", "finalizers").Any()
        && !(content.StringAt("kind") == "Namespace" && content.StringsAt("spec", "finalizers").Any());
}
