using System.Collections.Concurrent;
using System.Net;
using System.Text.Json.Nodes;
using k8s;
using k8s.Models;
using Microsoft.Extensions.Logging;
using Quiesce.Crds;
using Quiesce.Crds.Client;
using Quiesce.Operator.Freezing;
using Quiesce.Operator.Nodes;

namespace Quiesce.Operator.Reconciling;

/// <summary>Carries out the actions of a decision. What the API server answers goes into the caches at once.</summary>
/// <remarks>
/// Every write is safe to repeat, because the answer to any of them can be lost: a create that finds its name taken reads what is
/// there, a delete of what is gone is done, a command that finds another version reads it and leaves the rest to the next decision.
/// </remarks>
internal sealed partial class FreezeWrites(ClusterObjects objects, ILogger<FreezeWrites> logger)
{
    /// <summary>Creates and deletions under way at once.</summary>
    private const int Parallelism = 32;

    /// <summary>How many names are tried for one NodeFreeze before that is given up; a retry tries more.</summary>
    private const int MostNames = 32;

    private string Namespace => objects.Settings.Namespace;

    /// <summary>Puts finalizer, backup label and the annotation by which a copy is known on a request, in one write.</summary>
    public async Task ClaimAsync(FreezeRequest request, CancellationToken cancellationToken)
    {
        var meta = request.Metadata;
        var finalizers = (meta.Finalizers ?? []).Append(QuiesceApi.Finalizer).Distinct();
        var marks = new JsonObject
        {
            ["labels"] = new JsonObject { [QuiesceApi.ExcludeFromBackupLabel] = "true" },
            ["annotations"] = new JsonObject { [QuiesceApi.TakenAsAnnotation] = meta.Uid },
        };
        await PatchRequestAsync(request, finalizers, marks, cancellationToken);
    }

    /// <summary>Takes the finalizer off a request.</summary>
    public async Task ReleaseAsync(FreezeRequest request, CancellationToken cancellationToken) => await PatchRequestAsync(
        request, (request.Metadata.Finalizers ?? []).Where(name => name != QuiesceApi.Finalizer), [], cancellationToken);

    /// <summary>Creates the window, with the names that its NodeFreezes will have.</summary>
    public async Task CreateWindowAsync(FreezeWindow window, IEnumerable<string> nodes, CancellationToken cancellationToken)
    {
        var taken = nodes.ToDictionary(node => node, node => FreePlace(node, window.Spec.Request.Uid)).Where(t => t.Value > 0).ToDictionary();
        if (taken.Count > 0) window.Metadata.Annotations[QuiesceApi.PlacesAnnotation] = WindowRecord.Format(taken);
        try
        {
            objects.WindowCache.Observe(await objects.Windows.CreateAsync(window, cancellationToken));
        }
        catch (KubernetesApiException e) when (e.IsAlreadyExists)
        {
            var there = await objects.Windows.GetAsync(Namespace, window.Metadata.Name, cancellationToken);
            if (there is not null && IsOurs(there.Metadata.Labels, window.Spec.Request.Uid)) objects.WindowCache.ObserveRead(there);
            else if (InternalObjects.IsCalled(window))
            {
                // Another request was first, which the cache did not know: this one does without a call, as if it had come later.
                if (there is not null) objects.WindowCache.ObserveRead(there);
                await CreateWindowAsync(InternalObjects.Uncalled(window), nodes, cancellationToken);
            }
            else throw new KubernetesApiException(e.Operation, e.Status, ForeignObject, "an object of that name exists, and is not of this request", innerException: e);
        }
        catch (KubernetesApiException e) when (IsForGood(e) && InternalObjects.IsCalled(window))
        {
            // It may be the call that is too much.
            await CreateWindowAsync(InternalObjects.Uncalled(window), nodes, cancellationToken);
        }
    }

    /// <summary>Creates NodeFreezes, in parallel.</summary>
    public async Task CreateNodeFreezesAsync(IReadOnlyList<NodeFreeze> nodeFreezes, CancellationToken cancellationToken)
    {
        var failures = new ConcurrentQueue<KubernetesApiException>();
        await EachAsync(nodeFreezes, TryCreateAsync, cancellationToken);
        // What no retry would change comes first: it ends the request.
        if (!failures.IsEmpty) throw failures.OrderBy(e => e.IsTransient ? 1 : 0).First();

        async Task TryCreateAsync(NodeFreeze nodeFreeze)
        {
            try
            {
                await CreateNodeFreezeAsync(nodeFreeze, cancellationToken);
            }
            catch (KubernetesApiException e)
            {
                failures.Enqueue(e);
            }
        }
    }

    /// <summary>
    /// Creates a NodeFreeze under the name that its window has for it, so that it is the same one whoever creates it. Where another's has that name, which the cache did not know, the window
    /// gets another name for it first. What needs no window holds nothing, and takes any free name.
    /// </summary>
    private async Task CreateNodeFreezeAsync(NodeFreeze nodeFreeze, CancellationToken cancellationToken)
    {
        var (node, uid) = (nodeFreeze.Spec.NodeName, nodeFreeze.Spec.Request.Uid);
        var free = nodeFreeze.Spec.Window is null ? FreePlace(node, uid) : (int?)null;
        for (var tries = 1; ; tries++)
        {
            var window = objects.WindowOf(uid);
            nodeFreeze.Metadata.Name = InternalNames.NodeFreeze(node, free ?? (window is null ? 0 : WindowRecord.Of(window).Places.GetValueOrDefault(node)));
            try
            {
                objects.NodeFreezeCache.Observe(await objects.NodeFreezes.CreateAsync(nodeFreeze, cancellationToken));
                return;
            }
            catch (KubernetesApiException e) when (e.IsAlreadyExists && tries < MostNames)
            {
                if (await objects.NodeFreezes.GetAsync(Namespace, nodeFreeze.Metadata.Name, cancellationToken) is not { } there) continue;
                objects.NodeFreezeCache.ObserveRead(there);
                if (IsOurs(there.Metadata.Labels, uid))
                {
                    if (there.WindowUid == nodeFreeze.WindowUid) return;
                    // The late answer to an earlier call of the request.
                    await DeleteNodeFreezeAsync(there, cancellationToken);
                    continue;
                }

                if (free is not null) free = FreePlace(node, uid);
                else if (window is not null) await MoveAsync(window, node, uid, cancellationToken);
            }
        }
    }

    /// <summary>
    /// The lowest place in the names of a node's NodeFreezes where the cache knows of none of another request. No place is kept free for anyone: an agent watches the lowest one that is, and
    /// of two requests that choose the same at the same time one has to choose again.
    /// </summary>
    private int FreePlace(string node, string uid)
    {
        var place = 0;
        while (objects.NodeFreezeCache.Get(new(Namespace, InternalNames.NodeFreeze(node, place))) is { } there && there.Spec.Request.Uid != uid) place++;
        return place;
    }

    /// <summary>Another name for a node's NodeFreeze, void if the window is another version by now: then it may have one already.</summary>
    private Task MoveAsync(FreezeWindow window, string node, string uid, CancellationToken cancellationToken)
    {
        var moved = new Dictionary<string, int>(WindowRecord.Of(window).Places) { [node] = FreePlace(node, uid) };
        var annotations = new JsonObject { [QuiesceApi.PlacesAnnotation] = WindowRecord.Format(moved) };
        return CommandAsync(window, new JsonObject { ["metadata"] = new JsonObject { ["annotations"] = annotations } }, cancellationToken);
    }

    /// <summary>Writes a command into the window, void if the window is another version by now.</summary>
    public async Task CommandAsync(FreezeWindow window, JsonObject patch, CancellationToken cancellationToken)
    {
        try
        {
            objects.WindowCache.Observe(
                await objects.Windows.PatchAsync(Namespace, window.Metadata.Name, patch, window.Metadata.ResourceVersion, cancellationToken));
        }
        catch (KubernetesApiException e) when (e.IsConflict)
        {
            await ReadAgainAsync(window, cancellationToken);
        }
        catch (KubernetesApiException e) when (e.IsNotFound)
        {
            objects.WindowCache.ObserveDeletion(window);
        }
    }

    /// <summary>
    /// Writes the thaw command into the window, void if that is another version by now: it may have the command already, this very one even, whose answer was lost, and what ended a
    /// window first is what it says. If the API server refuses the command for good, the window is deleted, which means thaw as well.
    /// </summary>
    public async Task ThawAsync(FreezeWindow window, JsonObject patch, CancellationToken cancellationToken)
    {
        try
        {
            await CommandAsync(window, patch, cancellationToken);
        }
        catch (KubernetesApiException e) when (IsForGood(e))
        {
            LogThawRefused(window.Metadata.Name, e.Message);
            await DeleteWindowAsync(window, cancellationToken);
        }
    }

    /// <summary>Deletes the internal objects of a request: the NodeFreezes, then the window.</summary>
    public async Task DeleteAsync(FreezeWindow? window, IReadOnlyList<NodeFreeze> nodeFreezes, CancellationToken cancellationToken)
    {
        await EachAsync(nodeFreezes, nodeFreeze => DeleteNodeFreezeAsync(nodeFreeze, cancellationToken), cancellationToken);
        if (window is not null) await DeleteWindowAsync(window, cancellationToken);
    }

    /// <summary>Deletes one NodeFreeze, this incarnation only.</summary>
    public async Task DeleteNodeFreezeAsync(NodeFreeze nodeFreeze, CancellationToken cancellationToken)
    {
        await DeleteIncarnationAsync(objects.NodeFreezes, nodeFreeze, cancellationToken);
        objects.NodeFreezeCache.ObserveDeletion(nodeFreeze);
    }

    /// <summary>Deletes a request, this incarnation only.</summary>
    public async Task DeleteRequestAsync(FreezeRequest request, CancellationToken cancellationToken)
    {
        await DeleteIncarnationAsync(objects.FreezeRequests, request, cancellationToken);
        if (request.Metadata.Finalizers is null or []) objects.FreezeRequestCache.ObserveDeletion(request);
    }

    /// <summary>The API server understood and will not do it: no retry changes that.</summary>
    public static bool IsForGood(KubernetesApiException e) =>
        e.Status is HttpStatusCode.BadRequest or HttpStatusCode.Forbidden or HttpStatusCode.UnprocessableEntity
            or HttpStatusCode.RequestEntityTooLarge or HttpStatusCode.MethodNotAllowed
        || e.Reason == ForeignObject;

    /// <summary>Such a refusal in the words of a status.</summary>
    public static Refusal Refusal(KubernetesApiException e) => new(Reasons.InternalError, $"the API server refused: {e.Message}.");

    private const string ForeignObject = "ForeignObject";

    private async Task DeleteWindowAsync(FreezeWindow window, CancellationToken cancellationToken)
    {
        await DeleteIncarnationAsync(objects.Windows, window, cancellationToken);
        objects.WindowCache.ObserveDeletion(window);
    }

    private static async Task DeleteIncarnationAsync<T>(ResourceClient<T> client, T o, CancellationToken cancellationToken)
        where T : class, IKubernetesObject<V1ObjectMeta>
    {
        var meta = o.Metadata;
        try
        {
            await client.DeleteAsync(meta.NamespaceProperty, meta.Name, meta.Uid, cancellationToken: cancellationToken);
        }
        catch (KubernetesApiException e) when (e.IsConflict)
        {
            // Either a namesake of another UID has taken its place, or it was written in between and is still there.
            var there = await client.GetAsync(meta.NamespaceProperty, meta.Name, cancellationToken);
            if (there?.Metadata.Uid == meta.Uid) throw;
        }
    }

    private async Task ReadAgainAsync(FreezeWindow window, CancellationToken cancellationToken)
    {
        var now = await objects.Windows.GetAsync(Namespace, window.Metadata.Name, cancellationToken);
        if (now?.Metadata.Uid != window.Metadata.Uid) objects.WindowCache.ObserveDeletion(window);
        if (now is not null) objects.WindowCache.ObserveRead(now);
    }

    private async Task PatchRequestAsync(
        FreezeRequest request, IEnumerable<string> finalizers, JsonObject metadata, CancellationToken cancellationToken)
    {
        var meta = request.Metadata;
        metadata["uid"] = meta.Uid;
        metadata["finalizers"] = new JsonArray([.. finalizers.Select(name => JsonValue.Create(name))]);
        // A merge patch replaces the list of finalizers: the version keeps another's from being lost.
        var patch = new JsonObject { ["metadata"] = metadata };
        objects.FreezeRequestCache.Observe(
            await objects.FreezeRequests.PatchAsync(meta.NamespaceProperty, meta.Name, patch, meta.ResourceVersion, cancellationToken));
    }

    private static Task EachAsync(IReadOnlyList<NodeFreeze> nodeFreezes, Func<NodeFreeze, Task> write, CancellationToken cancellationToken) =>
        Parallel.ForEachAsync(
            nodeFreezes,
            new ParallelOptions { MaxDegreeOfParallelism = Parallelism, CancellationToken = cancellationToken },
            async (nodeFreeze, _) => await write(nodeFreeze));

    private static bool IsOurs(IDictionary<string, string>? labels, string uid) =>
        labels?.TryGetValue(QuiesceApi.RequestUidLabel, out var value) is true && value == uid;

    [LoggerMessage(Level = LogLevel.Error, Message = "FreezeWindow {name}: the thaw command was refused, so the window is deleted: {error}")]
    private partial void LogThawRefused(string name, string error);
}
