using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Quiesce.Cluster.Errors;
using Quiesce.Cluster.Faults;
using Quiesce.Cluster.Kinds;
using Quiesce.Cluster.Operations;
using Quiesce.Cluster.Patching;
using Quiesce.Cluster.Storage;

namespace Quiesce.Cluster.Http;

/// <summary>The paths of a kind: reads parameters and bodies, calls the operation, writes the answer.</summary>
internal sealed class ResourceEndpoint(ObjectStore store, ResourceOperations operations, FaultInjector faults, ContinueTokens pages, ServingOptions serving)
{
    private const string ApplyType = "application/apply-patch+yaml";

    public Task ServeAsync(HttpContext http, ApiRequest request, RecordedRequest record, bool silentWatch)
    {
        var resource = request.Resource!;
        if (request.Subresource.Length > 0 && !(request.Subresource == "status" && resource.HasStatus))
            throw ApiError.NoSuchPath();
        if (request.Subresource.Length > 0 && request.Verb is not ("get" or "update" or "patch"))
            throw ApiError.MethodNotAllowed(resource, request.Verb);
        if (resource.Namespaced && request.Namespace.Length == 0 && request.Verb is not ("list" or "watch"))
            throw ApiError.NoSuchPath();
        if (!resource.Namespaced && request.Namespace.Length > 0)
            throw ApiError.NoSuchPath();
        return request.Verb switch
        {
            "get" => GetAsync(http, request),
            "list" => ListAsync(http, request),
            "watch" => WatchAsync(http, request, record, silentWatch),
            "create" when request.Name.Length == 0 => CreateAsync(http, request),
            "update" => UpdateAsync(http, request),
            "patch" => PatchAsync(http, request),
            "delete" => DeleteAsync(http, request),
            "deletecollection" => DeleteCollectionAsync(http, request),
            _ => throw ApiError.MethodNotAllowed(resource, request.Verb),
        };
    }

    private async Task GetAsync(HttpContext http, ApiRequest request)
    {
        var found = operations.Get(request.Resource!, request.Namespace, request.Name);
        await AnswerAsync(http, request, 200, found).ConfigureAwait(false);
    }

    private async Task ListAsync(HttpContext http, ApiRequest request)
    {
        var resource = request.Resource!;
        var options = ListOptions.Read(http.Request.Query, resource, watch: false);
        var representation = Representation.Negotiate(http.Request, resource, serving.Clock);
        var page = Page(Select(request, options), options);
        await http.AnswerAsync(200, ApiJson.Write(w => representation.WriteList(w, page))).ConfigureAwait(false);
    }

    private (long Revision, IReadOnlyList<StoredObject> Items) Select(ApiRequest request, ListOptions options)
    {
        if (options.Continue.Length > 0)
            return pages.Take(options.Continue);
        var snapshot = store.List(request.Resource!.Collection, request.Namespace.Length == 0 ? null : request.Namespace);
        if (options.ResourceVersion > snapshot.Revision)
            throw ApiError.TooLargeResourceVersion(options.ResourceVersion.Value, snapshot.Revision);
        return (snapshot.Revision, [.. snapshot.Objects.Select(o => ResourceOperations.Served(request.Resource, o)).Where(options.Matches)]);
    }

    private ListPage Page((long Revision, IReadOnlyList<StoredObject> Items) list, ListOptions options)
    {
        if (options.Limit <= 0 || list.Items.Count <= options.Limit)
            return new ListPage(list.Revision, list.Items);
        var rest = list.Items.Skip(options.Limit).ToList();
        // With selectors the real server cannot know how many follow, and does not say.
        var remaining = options.Labels.IsEverything && options.Fields.IsEverything ? rest.Count : (long?)null;
        return new ListPage(list.Revision, [.. list.Items.Take(options.Limit)], pages.Keep(list.Revision, rest), remaining);
    }

    private async Task WatchAsync(HttpContext http, ApiRequest request, RecordedRequest record, bool silent)
    {
        var options = ListOptions.Read(http.Request.Query, request.Resource!, watch: true);
        var representation = Representation.Negotiate(http.Request, request.Resource!, serving.Clock);
        using var watch = faults.Begin(record);
        if (silent)
            watch.Silence();
        record.StatusCode = 200;
        await new WatchStream(http, request, options, representation, store, serving).ServeAsync(watch).ConfigureAwait(false);
    }

    private async Task CreateAsync(HttpContext http, ApiRequest request)
    {
        var body = await RequestBody.ReadObjectAsync(http.Request).ConfigureAwait(false);
        var created = operations.Create(request.Resource!, request.Namespace, body, ReadWriteOptions(http.Request.Query));
        await AnswerAsync(http, request, created).ConfigureAwait(false);
    }

    private async Task UpdateAsync(HttpContext http, ApiRequest request)
    {
        var body = await RequestBody.ReadObjectAsync(http.Request).ConfigureAwait(false);
        var updated = operations.Update(request.Resource!, request.Namespace, request.Name, request.Subresource, body, ReadWriteOptions(http.Request.Query));
        await AnswerAsync(http, request, updated).ConfigureAwait(false);
    }

    private async Task PatchAsync(HttpContext http, ApiRequest request)
    {
        var resource = request.Resource!;
        var options = ReadWriteOptions(http.Request.Query);
        var type = RequestBody.MediaType(http.Request);
        var body = await RequestBody.ReadAsync(http.Request).ConfigureAwait(false);
        if (type == ApplyType && string.IsNullOrEmpty(http.Request.Query["fieldManager"]))
            throw ApiError.Invalid(OptionsKind("PatchOptions"), "", [FieldError.Required("fieldManager", "is required for apply patch")]);
        Func<JsonObject, JsonNode?> patch = type switch
        {
            "application/json-patch+json" => o => JsonPatch.Apply(o, body),
            "application/merge-patch+json" => o => MergePatch.Apply(o, Members(body)),
            "application/strategic-merge-patch+json" when !resource.IsCustom => o => StrategicMergePatch.Apply(o, Members(body)),
            ApplyType => o =>
            {
                ApplyPatch.Apply(o, Members(body), resource.Schema);
                return o;
            }
            ,
            _ => throw ApiError.UnsupportedMediaType($"the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml"),
        };
        if (type == ApplyType && request.Subresource.Length == 0 && store.Get(new ObjectKey(resource.Collection, request.Namespace, request.Name)) is null)
        {
            var applied = Members(body).DeepClone().AsObject();
            applied.Child("metadata")["name"] ??= request.Name;
            await AnswerAsync(http, request, operations.Create(resource, request.Namespace, applied, options)).ConfigureAwait(false);
            return;
        }

        var patched = operations.Patch(resource, request.Namespace, request.Name, request.Subresource, patch, options);
        await AnswerAsync(http, request, patched).ConfigureAwait(false);
    }

    private async Task DeleteAsync(HttpContext http, ApiRequest request)
    {
        var resource = request.Resource!;
        var deleted = operations.Delete(resource, request.Namespace, request.Name, await ReadDeleteOptionsAsync(http.Request).ConfigureAwait(false));
        if (!deleted.Gone)
            await AnswerAsync(http, request, 200, deleted.Object).ConfigureAwait(false);
        else
            await http.AnswerAsync(200, DeletionStatus(resource, deleted.Object)).ConfigureAwait(false);
    }

    private async Task DeleteCollectionAsync(HttpContext http, ApiRequest request)
    {
        var resource = request.Resource!;
        var options = ListOptions.Read(http.Request.Query, resource, watch: false);
        var deletion = await ReadDeleteOptionsAsync(http.Request).ConfigureAwait(false);
        var (revision, items) = Select(request, options);
        foreach (var item in items)
        {
            try
            {
                operations.Delete(resource, item.Key.Namespace, item.Key.Name, deletion);
            }
            catch (ApiError e) when (e.Code == 404)
            {
                // Gone already.
            }
        }

        var representation = Representation.Negotiate(http.Request, resource, serving.Clock);
        await http.AnswerAsync(200, ApiJson.Write(w => representation.WriteList(w, new ListPage(revision, items)))).ConfigureAwait(false);
    }

    private Task AnswerAsync(HttpContext http, ApiRequest request, WriteResult result)
    {
        foreach (var warning in result.Warnings)
            http.Response.Headers.Append("Warning", $"299 - {FieldError.Quote(warning)}");
        return AnswerAsync(http, request, result.Created ? 201 : 200, result.Object);
    }

    private Task AnswerAsync(HttpContext http, ApiRequest request, int status, StoredObject stored)
    {
        var representation = Representation.Negotiate(http.Request, request.Resource!, serving.Clock);
        var served = ResourceOperations.Served(request.Resource!, stored);
        return http.AnswerAsync(status, ApiJson.Write(w => representation.Write(w, served)));
    }

    private static JsonObject Members(JsonNode? body) => body as JsonObject ?? throw ApiError.BadRequest("the patch must be an object");

    private static WriteOptions ReadWriteOptions(IQueryCollection query)
    {
        var validation = query["fieldValidation"].ToString() switch
        {
            "Strict" => FieldValidation.Strict,
            "Ignore" => FieldValidation.Ignore,
            "" or "Warn" => FieldValidation.Warn,
            var other => throw ApiError.BadRequest($"fieldValidation: Unsupported value: \"{other}\": supported values: \"Ignore\", \"Strict\", \"Warn\""),
        };
        return new WriteOptions(IsDryRun(query["dryRun"], "CreateOptions"), validation);
    }

    private static async Task<DeleteOptions> ReadDeleteOptionsAsync(HttpRequest request)
    {
        var body = request.ContentLength == 0 ? null : await RequestBody.ReadAsync(request).ConfigureAwait(false);
        var propagation = body.StringAt("propagationPolicy") ?? request.Query["propagationPolicy"].ToString();
        if (body.BoolAt("orphanDependents") == true || request.Query["orphanDependents"] == "true")
            propagation = "Orphan";
        if (propagation is not ("" or "Foreground" or "Background" or "Orphan"))
            throw ApiError.Invalid(OptionsKind("DeleteOptions"), "", [FieldError.NotSupported("propagationPolicy", propagation, ["Foreground", "Background", "Orphan", "nil"])]);
        return new DeleteOptions(
            body.StringAt("preconditions", "uid"),
            body.StringAt("preconditions", "resourceVersion"),
            propagation,
            IsDryRun(body.StringsAt("dryRun").Concat(request.Query["dryRun"]), "DeleteOptions"));
    }

    /// <exception cref="ApiError">422: a value other than <c>All</c>.</exception>
    private static bool IsDryRun(IEnumerable<string?> values, string options)
    {
        var given = values.OfType<string>().Distinct().ToList();
        if (given.Any(v => v != "All"))
            throw ApiError.Invalid(OptionsKind(options), "", [FieldError.NotSupported("dryRun", new JsonArray([.. given.Select(v => JsonValue.Create(v))]), ["All"])]);
        return given.Count > 0;
    }

    private static ApiResource OptionsKind(string kind) => new() { Group = "meta.k8s.io", Version = "v1", Kind = kind, Plural = "", Namespaced = false };

    private static byte[] DeletionStatus(ApiResource resource, StoredObject gone) => ApiJson.Write(w =>
    {
        w.WriteStartObject();
        w.WriteString("kind", "Status");
        w.WriteString("apiVersion", "v1");
        w.WriteStartObject("metadata");
        w.WriteEndObject();
        w.WriteString("status", "Success");
        w.WriteStartObject("details");
        w.WriteString("name", gone.Key.Name);
        if (resource.Group.Length > 0)
            w.WriteString("group", resource.Group);
        w.WriteString("kind", resource.Plural);
        w.WriteString("uid", gone.Uid);
        w.WriteEndObject();
        w.WriteEndObject();
    });
}
