using k8s;
using k8s.Models;
using Microsoft.Extensions.Logging;
using Quiesce.Crds.Client;

namespace Quiesce.Runtime;

/// <summary>A cache of all objects of a kind that a <see cref="ListWatch{T}"/> keeps up to date. Safe for any number of threads.</summary>
/// <remarks>
/// Objects in it are shared: nobody may change one. What this process writes it can put in at once with <see cref="Observe"/>, so
/// that the next decision does not rest on the state before the write. Resource versions are compared as numbers, which KEP-5504
/// made part of the API's contract; where one is none, the later word counts.
/// </remarks>
public sealed partial class Informer<T>(ListWatch<T> source, ILogger logger, Func<T, string?>? index = null)
    where T : class, IKubernetesObject<V1ObjectMeta>
{
    /// <summary>Deleted incarnations that are remembered, so that an answer which comes after the deletion does not raise the dead.</summary>
    private const int DeadRemembered = 4096;

    private readonly Lock _lock = new();
    private readonly Dictionary<ObjectKey, T> _objects = [];
    private readonly Dictionary<string, Dictionary<ObjectKey, T>> _byIndex = [];
    private readonly Queue<string> _deadOrder = new();
    private readonly Dictionary<string, ulong> _dead = [];
    private readonly Dictionary<string, T> _hearsay = [];
    private readonly List<Action<T, bool>> _subscribers = [];
    private ulong _listVersion;
    private readonly TaskCompletionSource _synced = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Completes when the first list is in the cache.</summary>
    public Task Synced => _synced.Task;

    /// <summary>False before the first list and during an outage: the cache may be old.</summary>
    public bool IsConnected { get; private set; }

    /// <summary>Why it counts as stuck, or null; see <see cref="ListWatch{T}.Fault"/>.</summary>
    public string? Fault => source.Fault;

    /// <summary>All objects, as of now.</summary>
    public IReadOnlyList<T> All
    {
        get
        {
            lock (_lock) return [.. _objects.Values];
        }
    }

    /// <summary>One object; null when there is none.</summary>
    public T? Get(ObjectKey key)
    {
        lock (_lock) return _objects.GetValueOrDefault(key);
    }

    /// <summary>The objects for which the index function gave this value.</summary>
    public IReadOnlyList<T> ByIndex(string value)
    {
        lock (_lock) return _byIndex.TryGetValue(value, out var found) ? [.. found.Values] : [];
    }

    /// <summary>Has every change told, before the change can be read to its end.</summary>
    /// <param name="subscriber">Gets the object, and whether it is gone. Called under the informer's lock: it may only note what changed.</param>
    public void Subscribe(Action<T, bool> subscriber)
    {
        lock (_lock) _subscribers.Add(subscriber);
    }

    /// <summary>Puts in what the API server answered to a write or a read of this process, unless the cache knows something newer.</summary>
    public void Observe(T o)
    {
        lock (_lock) Put(o);
    }

    /// <summary>
    /// Puts in what a read answered: it is there, also if it was said to be gone, unless it was deleted meanwhile. A watch tells a deletion with a version of
    /// its own, which is later than any of the object.
    /// </summary>
    public void ObserveRead(T o)
    {
        lock (_lock)
        {
            if (o.Metadata.Uid is { } uid && _dead.TryGetValue(uid, out var at) && Version(o) is { } version && version < at) return;
            Revive(o);
            Put(o);
        }
    }

    /// <summary>Takes out an object that the API server said is gone.</summary>
    /// <remarks>A 404 says so too, and there are those that lie (a proxy's, a server's that is still starting): a list, or <see cref="ObserveRead"/>, mends it.</remarks>
    public void ObserveDeletion(T o)
    {
        lock (_lock)
        {
            // The watch may have been first.
            if (o.Metadata.Uid is { } uid && !_dead.ContainsKey(uid)) _hearsay[uid] = o;
            Remove(o);
        }
    }

    /// <summary>
    /// What an answer said is gone and the watch has not: a moment after a deletion nothing, and where it goes on being something, the answer may have
    /// been untrue. To be read once more.
    /// </summary>
    public IReadOnlyList<T> Unconfirmed
    {
        get
        {
            lock (_lock) return [.. _hearsay.Values];
        }
    }

    /// <summary>Follows the source until the token is cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        await foreach (var change in source.FollowAsync(cancellationToken))
        {
            switch (change)
            {
                case WatchEvent<T>.Added added:
                    Observe(added.Item);
                    break;
                case WatchEvent<T>.Modified modified:
                    Observe(modified.Item);
                    break;
                case WatchEvent<T>.Deleted deleted:
                    Bury(deleted.Item);
                    break;
                case WatchEvent<T>.Synced synced:
                    Compare(synced);
                    if (!IsConnected) LogSynced(typeof(T).Name, synced.Items.Count);
                    IsConnected = true;
                    _synced.TrySetResult();
                    break;
                case WatchEvent<T>.Disconnected disconnected:
                    IsConnected = false;
                    LogDisconnected(typeof(T).Name, disconnected.Since, disconnected.Error.Message);
                    break;
            }
        }
    }

    /// <summary>
    /// What is in a list is there, whatever was said of it before. Where the API server's storage was set back to an earlier state, the list is the
    /// truth although it is older.
    /// </summary>
    private void Compare(WatchEvent<T>.Synced synced)
    {
        lock (_lock)
        {
            _hearsay.Clear();
            foreach (var o in synced.Items)
            {
                if (Revive(o)) Put(o);
            }
        }

        if (!ulong.TryParse(synced.ResourceVersion, out var version)) return;
        var before = _listVersion;
        _listVersion = version;
        if (version >= before) return;
        LogSetBack(typeof(T).Name, before, version);
        lock (_lock)
        {
            foreach (var o in _objects.Values.ToArray()) Remove(o);
            _dead.Clear();
            _deadOrder.Clear();
            foreach (var o in synced.Items) Put(o);
        }
    }

    private void Put(T o)
    {
        if (o.Metadata.Uid is { } uid && _dead.ContainsKey(uid)) return;
        var key = ObjectKey.Of(o);
        if (_objects.TryGetValue(key, out var known))
        {
            if (known.Metadata.Uid == o.Metadata.Uid && IsOlderOrSame(o, known)) return;
            Unindex(key, known);
        }

        _objects[key] = o;
        if (index?.Invoke(o) is { } value)
        {
            if (!_byIndex.TryGetValue(value, out var found)) _byIndex[value] = found = [];
            found[key] = o;
        }

        foreach (var subscriber in _subscribers) subscriber(o, false);
    }

    private bool Revive(T o)
    {
        if (o.Metadata.Uid is not { } uid) return false;
        _hearsay.Remove(uid);
        return _dead.Remove(uid);
    }

    private void Bury(T o)
    {
        lock (_lock)
        {
            Remove(o);
            if (o.Metadata.Uid is { } uid) _hearsay.Remove(uid);
        }
    }

    private void Remove(T o)
    {
        if (o.Metadata.Uid is { } uid)
        {
            var version = Version(o) ?? 0;
            if (!_dead.TryGetValue(uid, out var before)) _deadOrder.Enqueue(uid);
            _dead[uid] = Math.Max(before, version);
            if (_deadOrder.Count > DeadRemembered) _dead.Remove(_deadOrder.Dequeue());
        }

        var key = ObjectKey.Of(o);
        if (!_objects.TryGetValue(key, out var known) || known.Metadata.Uid != o.Metadata.Uid) return;
        _objects.Remove(key);
        Unindex(key, known);
        foreach (var subscriber in _subscribers) subscriber(o, true);
    }

    private void Unindex(ObjectKey key, T known)
    {
        if (index?.Invoke(known) is not { } value || !_byIndex.TryGetValue(value, out var found)) return;
        found.Remove(key);
        if (found.Count == 0) _byIndex.Remove(value);
    }

    private static bool IsOlderOrSame(T o, T known) => Version(o) <= Version(known);

    private static ulong? Version(T o) => ulong.TryParse(o.Metadata.ResourceVersion, out var version) ? version : null;

    [LoggerMessage(Level = LogLevel.Information, Message = "{kind}: in step with the API server, {count} objects")]
    private partial void LogSynced(string kind, int count);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{kind}: the API server went back from version {before} to {version}; its list replaces the cache")]
    private partial void LogSetBack(string kind, ulong before, ulong version);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{kind}: not in step with the API server since {since:O}: {error}")]
    private partial void LogDisconnected(string kind, DateTimeOffset since, string error);
}
