using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using k8s;
using k8s.Models;

namespace Quiesce.Crds.Client;

/// <summary>Reads and writes one kind. Safe for any number of threads; holds no state.</summary>
/// <remarks>
/// Every method throws <see cref="KubernetesApiException"/> when the server refuses or does not answer, and
/// <see cref="OperationCanceledException"/> when its token is cancelled. Objects come without their managed fields.
/// </remarks>
public sealed class ResourceClient<T>(KubernetesConnection connection, ResourceKind<T> kind)
    where T : class, IKubernetesObject<V1ObjectMeta>
{
    private const int PageSize = 500;

    /// <summary>The kind.</summary>
    public ResourceKind<T> Kind => kind;

    /// <summary>The connection it goes over.</summary>
    public KubernetesConnection Connection => connection;

    /// <summary>Reads one object from the server's storage, not from its cache.</summary>
    /// <returns>The object; null when there is none.</returns>
    public async Task<T?> GetAsync(string? ns, string name, CancellationToken cancellationToken)
    {
        try
        {
            return Complete(await SendAsync(HttpMethod.Get, kind.Type.ObjectPath(ns, name), null, kind.Json, cancellationToken));
        }
        catch (KubernetesApiException e) when (e.IsNotFound)
        {
            return null;
        }
    }

    /// <summary>Reads all objects, as of one moment: what is not in the list did not exist then.</summary>
    /// <param name="ns">The namespace; null for all, and for cluster-scoped kinds.</param>
    /// <param name="labelSelector">Such as <c>a=b,c</c>; null for all.</param>
    /// <param name="fieldSelector">Such as <c>spec.nodeName=node-1</c>; null for all.</param>
    /// <param name="cancellationToken">Cancels the reading.</param>
    /// <remarks>It names no resource version, which asks for the newest state (a consistent read), in pages of 500.</remarks>
    public async Task<ResourceList<T>> ListAsync(
        string? ns, string? labelSelector = null, string? fieldSelector = null, CancellationToken cancellationToken = default)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return await ListPagesAsync(ns, labelSelector, fieldSelector, cancellationToken);
            }
            catch (KubernetesApiException e) when (e.IsExpired && attempt < 3)
            {
                // The continue token outlived its snapshot: begin again.
            }
        }
    }

    /// <summary>Creates an object in the namespace its metadata names.</summary>
    public async Task<T> CreateAsync(T o, CancellationToken cancellationToken)
    {
        var path = kind.Type.CollectionPath(o.Metadata.NamespaceProperty);
        return Complete(await SendAsync(HttpMethod.Post, path, Json(JsonSerializer.Serialize(o, kind.Json)), kind.Json, cancellationToken));
    }

    /// <summary>Merge-patches everything but the status.</summary>
    /// <param name="ns">The namespace.</param>
    /// <param name="name">The name.</param>
    /// <param name="patch">What changes; an explicit null removes.</param>
    /// <param name="resourceVersion">If given, the server refuses with a conflict when the object is another version by now.</param>
    /// <param name="cancellationToken">Cancels the wait, not the write.</param>
    public Task<T> PatchAsync(
        string? ns, string name, JsonObject patch, string? resourceVersion = null, CancellationToken cancellationToken = default) =>
        PatchAsync(kind.Type.ObjectPath(ns, name), patch, resourceVersion, cancellationToken);

    /// <summary>Merge-patches the status alone; <paramref name="patch"/> has a member <c>status</c>.</summary>
    /// <inheritdoc cref="PatchAsync(string?, string, JsonObject, string?, CancellationToken)"/>
    public Task<T> PatchStatusAsync(
        string? ns, string name, JsonObject patch, string? resourceVersion = null, CancellationToken cancellationToken = default) =>
        PatchAsync(kind.Type.ObjectPath(ns, name) + "/status", patch, resourceVersion, cancellationToken);

    /// <summary>
    /// Writes the difference between two versions of an object's status, if there is one. The server refuses with a conflict when the object is no longer the version that was read. Only
    /// that keeps the write off a namesake: the patch of a custom resource's status leaves all metadata out of account but the resource version, the UID too.
    /// </summary>
    /// <param name="before">The object as it was read.</param>
    /// <param name="after">The same object with the status it is to have.</param>
    /// <param name="cancellationToken">Cancels the wait, not the write.</param>
    /// <returns>The object as it is now.</returns>
    public async Task<T> PatchStatusAsync(T before, T after, CancellationToken cancellationToken)
    {
        var status = MergePatch.Between(StatusOf(before), StatusOf(after));
        if (status is null) return before;
        var meta = before.Metadata;
        return await PatchStatusAsync(meta.NamespaceProperty, meta.Name, status, meta.ResourceVersion, cancellationToken);
    }

    /// <summary>Deletes an object.</summary>
    /// <param name="ns">The namespace.</param>
    /// <param name="name">The name.</param>
    /// <param name="uid">If given, only this incarnation: another one is a conflict.</param>
    /// <param name="resourceVersion">If given, only this version: another one is a conflict.</param>
    /// <param name="cancellationToken">Cancels the wait, not the deletion.</param>
    /// <returns>False when there was none.</returns>
    public async Task<bool> DeleteAsync(
        string? ns, string name, string? uid = null, string? resourceVersion = null, CancellationToken cancellationToken = default)
    {
        var options = new JsonObject { ["apiVersion"] = "v1", ["kind"] = "DeleteOptions" };
        if (uid is not null || resourceVersion is not null)
        {
            var preconditions = new JsonObject();
            if (uid is not null) preconditions["uid"] = uid;
            if (resourceVersion is not null) preconditions["resourceVersion"] = resourceVersion;
            options["preconditions"] = preconditions;
        }

        try
        {
            var body = Json(options.ToJsonString());
            using var response = await connection.SendAsync(HttpMethod.Delete, kind.Type.ObjectPath(ns, name), body, cancellationToken);
            return true;
        }
        catch (KubernetesApiException e) when (e.IsNotFound)
        {
            return false;
        }
    }

    /// <summary>An object has metadata, whatever the server says.</summary>
    internal static T Complete(T o)
    {
        o.Metadata ??= new();
        return o;
    }

    private async Task<ResourceList<T>> ListPagesAsync(
        string? ns, string? labelSelector, string? fieldSelector, CancellationToken cancellationToken)
    {
        var items = new List<T>();
        var path = $"{kind.Type.CollectionPath(ns)}?limit={PageSize}{Selectors(labelSelector, fieldSelector)}";
        var next = path;
        while (true)
        {
            var page = await SendAsync(HttpMethod.Get, next, null, kind.ListJson, cancellationToken);
            foreach (var item in page.Items)
            {
                // Lists of the API server leave the kind out of their items.
                if (string.IsNullOrEmpty(item.Kind)) (item.ApiVersion, item.Kind) = (kind.Type.ApiVersion, kind.Type.Kind);
                items.Add(Complete(item));
            }

            if (string.IsNullOrEmpty(page.Metadata.ContinueProperty)) return page with { Items = items };
            next = $"{path}&continue={Uri.EscapeDataString(page.Metadata.ContinueProperty)}";
        }
    }

    internal static string Selectors(string? labelSelector, string? fieldSelector) =>
        (labelSelector is null ? "" : $"&labelSelector={Uri.EscapeDataString(labelSelector)}")
        + (fieldSelector is null ? "" : $"&fieldSelector={Uri.EscapeDataString(fieldSelector)}");

    private async Task<T> PatchAsync(string path, JsonObject patch, string? resourceVersion, CancellationToken cancellationToken)
    {
        if (resourceVersion is not null)
        {
            patch = patch.DeepClone().AsObject();
            if (patch["metadata"] is not JsonObject metadata) patch["metadata"] = metadata = [];
            metadata["resourceVersion"] = resourceVersion;
        }

        var content = new ByteArrayContent(Encoding.UTF8.GetBytes(patch.ToJsonString()));
        content.Headers.ContentType = new MediaTypeHeaderValue("application/merge-patch+json");
        return Complete(await SendAsync(HttpMethod.Patch, path, content, kind.Json, cancellationToken));
    }

    private async Task<TAnswer> SendAsync<TAnswer>(
        HttpMethod method, string path, HttpContent? content, JsonTypeInfo<TAnswer> answer, CancellationToken cancellationToken)
    {
        using var response = await connection.SendAsync(method, path, content, cancellationToken);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(connection.Options.RequestTimeout);
        var operation = $"{method} {path}";
        try
        {
            return JsonSerializer.Deserialize(await response.Content.ReadAsByteArrayAsync(limit.Token), answer)
                ?? throw new KubernetesApiException(operation, response.StatusCode, "BadAnswer", "the answer is null");
        }
        catch (JsonException e)
        {
            var detail = $"the answer is not the JSON of a {kind.Type.Kind}: {e.Message}";
            throw new KubernetesApiException(operation, response.StatusCode, "BadAnswer", detail, innerException: e);
        }
        catch (Exception e) when (e is not KubernetesApiException)
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw connection.NoAnswer(operation, e);
        }
    }

    private JsonObject StatusOf(T o)
    {
        var status = kind.Json.Properties.FirstOrDefault(p => p.Name == "status");
        var only = new JsonObject();
        if (status?.Get?.Invoke(o) is { } value) only["status"] = JsonSerializer.SerializeToNode(value, kind.Json.Options.GetTypeInfo(status.PropertyType));
        return only;
    }

    private static ByteArrayContent Json(string text)
    {
        var content = new ByteArrayContent(Encoding.UTF8.GetBytes(text));
        content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        return content;
    }
}
