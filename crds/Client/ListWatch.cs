using System.Runtime.CompilerServices;
using k8s;
using k8s.Models;

namespace Quiesce.Crds.Client;

/// <summary>Follows all objects of a kind: list, then watch, without end.</summary>
/// <remarks>
/// Where a <see cref="ListWatchStart{T}"/> is given, the first list is left out: one request less for each of very many that begin to follow something at the same time.
/// A watch that ends plainly, or goes silent, is taken up where it was. One that is cut is taken up once; if that fails too there
/// is an outage: <see cref="WatchEvent{T}.Disconnected"/>, pauses that grow, and a new list. After 410 it lists at once. A
/// watch that said nothing at all is followed by a list too: so looks one from a version that the server never had.
/// Each list is compared with what was known, so that no deletion is ever missed.
/// </remarks>
public sealed class ListWatch<T>(ResourceClient<T> client, ListWatchOptions options, TimeProvider? time = null, ListWatchStart<T>? start = null)
    where T : class, IKubernetesObject<V1ObjectMeta>
{
    private readonly TimeProvider _time = time ?? TimeProvider.System;
    private readonly Dictionary<ObjectKey, T> _known = start?.Known.ToDictionary(o => ObjectKey.Of(o)) ?? [];
    private string _version = start?.ResourceVersion ?? "";
    private int _failures;
    private DateTimeOffset _lastHeard;
    private long _progress = (time ?? TimeProvider.System).GetTimestamp();

    /// <summary>
    /// Why it counts as stuck, or null: a server that does not answer is asked again and again, and a quiet watch ends by itself, so there is always something within a bound, unless
    /// whoever follows it does not take what is told. Any thread may ask.
    /// </summary>
    public string? Fault
    {
        get
        {
            var bound = options.SilenceBound + client.Connection.Options.RequestTimeout + TimeSpan.FromMinutes(1);
            var idle = _time.GetElapsedTime(Volatile.Read(ref _progress));
            return idle <= bound ? null : $"{client.Kind.Type.Plural} were neither heard of nor asked for in {idle.TotalSeconds:0} s";
        }
    }

    /// <summary>The events in order; nothing is read ahead of the consumer. To be enumerated once.</summary>
    /// <exception cref="OperationCanceledException">The token was cancelled: the only way it ends.</exception>
    public async IAsyncEnumerable<WatchEvent<T>> FollowAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        _lastHeard = _time.GetUtcNow();
        var outage = false;
        var begins = start is not null;
        while (true)
        {
            Progress();
            var (list, error) = begins ? (null, null) : await TryListAsync(cancellationToken);
            if (list is not null)
            {
                foreach (var difference in Replace(list.Items)) yield return difference;
                _version = list.Metadata.ResourceVersion ?? "";
                outage = false;
                yield return new WatchEvent<T>.Synced(list.Items, _version);
            }

            if (list is not null || begins)
            {
                begins = false;
                var ended = new WatchEnd();
                await foreach (var change in WatchAsync(ended, cancellationToken)) yield return change;
                error = ended.Error;
                if (error is { IsExpired: true } && _failures == 0)
                {
                    _failures = 1;
                    continue;
                }
            }

            _failures++;
            if (error is { IsExpired: false } && !outage)
            {
                outage = true;
                yield return new WatchEvent<T>.Disconnected(_lastHeard, error);
            }

            var pause = options.Backoff.After(_failures);
            await Task.Delay(error?.RetryAfter is { } asked && asked > pause ? asked : pause, _time, cancellationToken);
        }
    }

    private async Task<(ResourceList<T>? List, KubernetesApiException? Error)> TryListAsync(CancellationToken cancellationToken)
    {
        try
        {
            var list = await client.ListAsync(options.Namespace, options.LabelSelector, options.FieldSelector, cancellationToken);
            _lastHeard = _time.GetUtcNow();
            return (list, null);
        }
        catch (KubernetesApiException e)
        {
            return (null, e);
        }
    }

    /// <summary>Watches from the known version on, one watch after the other, until only a new list helps.</summary>
    private async IAsyncEnumerable<WatchEvent<T>> WatchAsync(WatchEnd end, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var takenUp = false;
        while (true)
        {
            Progress();
            var entries = 0;
            var silent = false;
            KubernetesApiException? error = null;
            var opened = _time.GetTimestamp();
            var stream = new WatchStream<T>(client, options, _time);
            await using var watch = stream.ReadAsync(_version, cancellationToken).GetAsyncEnumerator(cancellationToken);
            while (true)
            {
                try
                {
                    if (!await watch.MoveNextAsync()) break;
                }
                catch (KubernetesApiException e)
                {
                    silent = e.Reason == WatchStream<T>.Silent;
                    error = silent ? null : e;
                    break;
                }

                Progress();
                var entry = watch.Current;
                if (entry.IsOpening)
                {
                    yield return new WatchEvent<T>.Watching();
                    continue;
                }

                entries++;
                _failures = 0;
                _lastHeard = _time.GetUtcNow();
                if (!string.IsNullOrEmpty(entry.ResourceVersion)) _version = entry.ResourceVersion;
                if (entry.Object is { } o && Apply(entry.Type, o) is { } change) yield return change;
            }

            // An hour of quiet watches is no row of failures.
            if (_time.GetElapsedTime(opened) > TimeSpan.FromSeconds(1)) _failures = 0;
            if (error is null && !silent) _lastHeard = _time.GetUtcNow();
            if (entries > 0) takenUp = false;
            if (error is null && entries > 0) continue;
            if (error is { Status: null } && !takenUp)
            {
                takenUp = true;
                continue;
            }

            end.Error = error;
            yield break;
        }
    }

    private void Progress() => Volatile.Write(ref _progress, _time.GetTimestamp());

    private WatchEvent<T>? Apply(string type, T o)
    {
        var key = ObjectKey.Of(o);
        if (type == "DELETED")
        {
            _known.Remove(key);
            return new WatchEvent<T>.Deleted(o);
        }

        if (type is not ("ADDED" or "MODIFIED")) return null;
        var known = _known.TryGetValue(key, out var before);
        _known[key] = o;
        // A recreated object whose deletion was not seen is another object.
        return known && before!.Metadata.Uid == o.Metadata.Uid ? new WatchEvent<T>.Modified(o) : new WatchEvent<T>.Added(o);
    }

    private IEnumerable<WatchEvent<T>> Replace(IReadOnlyList<T> items)
    {
        var gone = new Dictionary<ObjectKey, T>(_known);
        foreach (var item in items)
        {
            var key = ObjectKey.Of(item);
            gone.Remove(key);
            _known.TryGetValue(key, out var before);
            if (before is not null && before.Metadata.Uid != item.Metadata.Uid)
            {
                yield return new WatchEvent<T>.Deleted(before);
                before = null;
            }

            _known[key] = item;
            if (before is null) yield return new WatchEvent<T>.Added(item);
            else if (before.Metadata.ResourceVersion != item.Metadata.ResourceVersion) yield return new WatchEvent<T>.Modified(item);
        }

        foreach (var (key, last) in gone)
        {
            _known.Remove(key);
            yield return new WatchEvent<T>.Deleted(last);
        }
    }

    private sealed class WatchEnd
    {
        public KubernetesApiException? Error { get; set; }
    }
}
