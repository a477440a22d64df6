using System.Text.Json.Nodes;
using k8s;
using k8s.Models;
using Microsoft.Extensions.Logging;
using Quiesce.Crds.Client;

namespace Quiesce.Runtime;

/// <summary>Runs an <see cref="IEntityController{TEntity}"/> over all objects of a kind.</summary>
/// <remarks>
/// Every change of an object, and every change of what <see cref="Also"/> maps to it, puts its key into a queue; workers take
/// keys, read the object from the informer's cache, and reconcile. While it does not run (no leader), nothing is queued; when it starts,
/// everything is.
/// </remarks>
public sealed partial class Controller<T>
    where T : class, IKubernetesObject<V1ObjectMeta>
{
    private readonly ResourceClient<T> _client;
    private readonly Informer<T> _informer;
    private readonly IEntityController<T> _controller;
    private readonly IEntityFinalizer<T>? _finalizer;
    private readonly ControllerOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly Lock _lock = new();
    private readonly Dictionary<ObjectKey, T> _gone = [];
    private readonly List<Task> _sources;
    private readonly ControllerMetrics? _metrics;
    private WorkQueue<ObjectKey>? _queue;

    /// <summary>A controller over what an informer sees.</summary>
    public Controller(
        ResourceClient<T> client,
        Informer<T> informer,
        IEntityController<T> controller,
        IEntityFinalizer<T>? finalizer,
        ControllerOptions options,
        TimeProvider time,
        ILogger logger,
        RuntimeMeter? meter = null)
    {
        if (finalizer is not null && options.Finalizer is null) throw new ArgumentException("a finalizer needs a name", nameof(options));
        (_client, _informer, _controller, _finalizer, _options, _time, _logger) = (client, informer, controller, finalizer, options, time, logger);
        _metrics = meter?.Of(typeof(T).Name.ToLowerInvariant(), options.Workers);
        _sources = [informer.Synced];
        informer.Subscribe((o, gone) =>
        {
            var key = ObjectKey.Of(o);
            lock (_lock)
            {
                if (_queue is null) return;
                if (gone) _gone[key] = o;
            }

            Enqueue(key);
        });
    }

    /// <summary>Reconciles an object also when one of another kind changes.</summary>
    /// <param name="other">What changes.</param>
    /// <param name="map">The keys it concerns.</param>
    /// <param name="pause">How long it may wait to be seen together with more of its kind; by default, and where it is gone, not at all.</param>
    public void Also<TOther>(Informer<TOther> other, Func<TOther, IEnumerable<ObjectKey>> map, Func<TOther, TimeSpan>? pause = null)
        where TOther : class, IKubernetesObject<V1ObjectMeta>
    {
        _sources.Add(other.Synced);
        other.Subscribe((o, gone) =>
        {
            var after = gone ? TimeSpan.Zero : pause?.Invoke(o) ?? TimeSpan.Zero;
            foreach (var key in map(o)) _queue?.AddAfter(key, after);
        });
    }

    /// <summary>Asks for a reconcile of one object.</summary>
    public void Enqueue(ObjectKey key) => _queue?.Add(key);

    /// <summary>Works until the token is cancelled; returns when the reconciles under way have ended.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        await Task.WhenAll(_sources).WaitAsync(cancellationToken);
        using var queue = new WorkQueue<ObjectKey>(_options.Backoff, _time, _metrics);
        if (_metrics is not null) _metrics.Queue = queue;
        lock (_lock)
        {
            _gone.Clear();
            _queue = queue;
        }

        try
        {
            foreach (var o in _informer.All) queue.Add(ObjectKey.Of(o));
            await Task.WhenAll(Enumerable.Range(0, _options.Workers).Select(_ => WorkAsync(queue, cancellationToken)));
        }
        finally
        {
            lock (_lock) _queue = null;
            if (_metrics is not null) _metrics.Queue = null;
        }
    }

    private async Task WorkAsync(WorkQueue<ObjectKey> queue, CancellationToken cancellationToken)
    {
        while (true)
        {
            var key = await queue.TakeAsync(cancellationToken);
            var begun = _time.GetTimestamp();
            try
            {
                var result = await OnceAsync(key, cancellationToken);
                _metrics?.Reconciled(result is null or { IsSuccess: true }, result?.RequeueAfter is not null, _time.GetElapsedTime(begun));
                if (result is null or { IsSuccess: true })
                {
                    queue.Done(key, result?.RequeueAfter);
                }
                else
                {
                    var pause = queue.Failed(key, result.RequeueAfter);
                    LogFailed(typeof(T).Name, key, result.ErrorMessage, pause, result.Error);
                }
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                throw;
            }
#pragma warning disable CA1031 // One object that nobody foresaw must not stop the others.
            catch (Exception e)
#pragma warning restore CA1031
            {
                _metrics?.Reconciled(success: false, requeue: false, _time.GetElapsedTime(begun));
                var pause = queue.Failed(key, (e as KubernetesApiException)?.RetryAfter);
                // A conflict is the normal course of things: someone wrote in between, and the next try reads what.
                if (e is KubernetesApiException { IsConflict: true }) LogConflict(typeof(T).Name, key, pause, e.Message);
                else LogFailed(typeof(T).Name, key, e.Message, pause, e is KubernetesApiException ? null : e);
            }
        }
    }

    private async Task<ReconciliationResult<T>?> OnceAsync(ObjectKey key, CancellationToken cancellationToken)
    {
        T? gone;
        lock (_lock) _gone.TryGetValue(key, out gone);
        if (gone is not null)
        {
            var deleted = await _controller.DeletedAsync(gone, cancellationToken);
            if (!deleted.IsSuccess || deleted.RequeueAfter is not null) return deleted;
            lock (_lock)
            {
                if (_gone.TryGetValue(key, out var still) && ReferenceEquals(still, gone)) _gone.Remove(key);
            }
        }

        if (_informer.Get(key) is not { } entity) return null;
        if (_finalizer is null || entity.Metadata.DeletionTimestamp is null || !HasFinalizer(entity))
            return await _controller.ReconcileAsync(entity, cancellationToken);

        var result = await _finalizer.FinalizeAsync(entity, cancellationToken);
        if (result.IsSuccess && result.RequeueAfter is null) await RemoveFinalizerAsync(result.Entity, cancellationToken);
        return result;
    }

    private bool HasFinalizer(T entity) => entity.Metadata.Finalizers?.Contains(_options.Finalizer!) is true;

    private async Task RemoveFinalizerAsync(T entity, CancellationToken cancellationToken)
    {
        if (!HasFinalizer(entity)) return;
        var meta = entity.Metadata;
        var left = new JsonArray([.. meta.Finalizers.Where(name => name != _options.Finalizer).Select(name => JsonValue.Create(name))]);
        var patch = new JsonObject { ["metadata"] = new JsonObject { ["uid"] = meta.Uid, ["finalizers"] = left } };
        try
        {
            // A merge patch replaces the list: the version keeps another's finalizer from being lost.
            _informer.Observe(await _client.PatchAsync(meta.NamespaceProperty, meta.Name, patch, meta.ResourceVersion, cancellationToken));
        }
        catch (KubernetesApiException e) when (e.IsNotFound)
        {
            // Gone already.
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "{kind} {key}: {error}; again in {pause}")]
    private partial void LogFailed(string kind, ObjectKey key, string? error, TimeSpan pause, Exception? exception);

    [LoggerMessage(Level = LogLevel.Debug, Message = "{kind} {key}: changed by someone else; again in {pause}: {error}")]
    private partial void LogConflict(string kind, ObjectKey key, TimeSpan pause, string error);
}
