using k8s.Models;
using Microsoft.Extensions.Logging;
using Quiesce.Crds;
using Quiesce.Crds.Client;
using Quiesce.Operator.Freezing;

namespace Quiesce.Operator.Reconciling;

/// <summary>Ends and removes internal objects whose request is gone: deleted while no operator ran, or stripped of its finalizer.</summary>
/// <remarks>There are no owner references to do it, because they cannot cross namespaces.</remarks>
internal sealed partial class OrphanSweep(ClusterObjects objects, FreezeWrites writes, RequestClocks clocks, TimeProvider time, ILogger<OrphanSweep> logger)
{
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(10);

    /// <summary>Looks for orphans again and again until the token is cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        await objects.Synced.WaitAsync(cancellationToken);
        using var timer = new PeriodicTimer(Period, time);
        do
        {
            clocks.Keep(Uids());
            try
            {
                await objects.RefreshUnconfirmedAsync(cancellationToken);
            }
            catch (KubernetesApiException e)
            {
                LogNotRead(e.Message);
            }

            foreach (var request in References())
            {
                try
                {
                    if (await IsGoneAsync(request, cancellationToken)) await SweepAsync(request.Uid, cancellationToken);
                }
                catch (KubernetesApiException e)
                {
                    LogFailed(request.Uid, e.Message);
                }
            }
        }
        while (await timer.WaitForNextTickAsync(cancellationToken));
    }

    /// <summary>Ends and removes what is left of a request that is gone.</summary>
    /// <returns>When to look again, if nodes have still to report; null when nothing is left.</returns>
    public async Task<TimeSpan?> SweepAsync(string uid, CancellationToken cancellationToken)
    {
        // What was created right before the request went may not have reached the caches.
        await objects.RefreshInternalsAsync(uid, cancellationToken);
        var window = objects.WindowOf(uid);
        var nodeFreezes = objects.NodeFreezeCache.ByIndex(uid);
        if (window is null && nodeFreezes.Count == 0) return null;
        var (thaw, wait) = OrphanDecision.Decide(window, nodeFreezes, clocks.Now(uid, window), objects.Settings.Limits);
        if (thaw is not null)
        {
            LogThawing(uid);
            await writes.ThawAsync(window!, InternalObjects.ThawPatch(thaw), cancellationToken);
            return TimeSpan.FromMilliseconds(200);
        }

        if (wait is not null) return wait < Period ? wait : Period;
        LogDeleting(uid, nodeFreezes.Count);
        await writes.DeleteAsync(window, nodeFreezes, cancellationToken);
        return null;
    }

    private IEnumerable<RequestReference> References() =>
        objects.WindowCache.All.Select(window => window.Spec.Request)
            .Concat(objects.NodeFreezeCache.All.Select(nodeFreeze => nodeFreeze.Spec.Request))
            .DistinctBy(request => request.Uid);

    private HashSet<string> Uids() =>
    [
        .. objects.FreezeRequestCache.All.Select(request => request.Metadata.Uid),
        .. objects.ThawRequestCache.All.Select(request => request.Metadata.Uid),
        .. References().Select(request => request.Uid),
    ];

    private async Task<bool> IsGoneAsync(RequestReference request, CancellationToken cancellationToken)
    {
        var uid = request.Namespace.Length == 0
            ? await UidAsync(objects.ThawRequestCache.Get(new(null, request.Name)), request, () => objects.ThawRequests.GetAsync(null, request.Name, cancellationToken))
            : await UidAsync(
                objects.FreezeRequestCache.Get(new(request.Namespace, request.Name)),
                request,
                () => objects.FreezeRequests.GetAsync(request.Namespace, request.Name, cancellationToken));
        return uid != request.Uid;
    }

    /// <summary>The UID the request's name has now; the API server is asked unless the cache has the one looked for.</summary>
    private static async Task<string?> UidAsync<T>(T? cached, RequestReference request, Func<Task<T?>> read)
        where T : class, k8s.IKubernetesObject<V1ObjectMeta>
    {
        if (cached?.Metadata.Uid == request.Uid) return request.Uid;
        return (await read())?.Metadata.Uid;
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "the request {uid} is gone, its window is not: thawing")]
    private partial void LogThawing(string uid);

    [LoggerMessage(Level = LogLevel.Information, Message = "the request {uid} is gone: deleting its window and {count} NodeFreezes")]
    private partial void LogDeleting(string uid, int count);

    [LoggerMessage(Level = LogLevel.Warning, Message = "what was said to be gone could not be read once more: {error}")]
    private partial void LogNotRead(string error);

    [LoggerMessage(Level = LogLevel.Warning, Message = "what is left of request {uid} could not be swept: {error}")]
    private partial void LogFailed(string uid, string error);
}
