using System.Text.Json.Nodes;

namespace Quiesce.Cluster.Storage;

/// <summary>
/// All objects, one revision counter, and the history of writes that watches are served from. Plays etcd and the watch cache.
/// </summary>
/// <remarks>Safe from any thread. Every write is compare-and-swap on the version that the writer read.</remarks>
internal sealed class ObjectStore(int historyLimit)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, SortedDictionary<ObjectKey, StoredObject>> _collections = new(StringComparer.Ordinal);
    private readonly WatchHistory _history = new(historyLimit);
    private readonly List<ChangeFeed> _feeds = [];
    private long _revision = 1;

    /// <summary>The revision of the last write.</summary>
    public long Revision
    {
        get
        {
            lock (_gate)
                return _revision;
        }
    }

    public StoredObject? Get(ObjectKey key)
    {
        lock (_gate)
            return _collections.GetValueOrDefault(key.Collection)?.GetValueOrDefault(key);
    }

    /// <summary>All objects of a kind in list order, and the revision at which that was so.</summary>
    /// <param name="collection">The stored kind.</param>
    /// <param name="ns">The namespace; null for all.</param>
    public Snapshot List(string collection, string? ns)
    {
        lock (_gate)
            return ListLocked(collection, ns);
    }

    /// <summary>Every object in a namespace, of whatever kind.</summary>
    public IReadOnlyList<StoredObject> ListNamespace(string ns)
    {
        lock (_gate)
            return [.. _collections.Values.SelectMany(c => c.Values).Where(o => o.Key.Namespace == ns)];
    }

    /// <summary>Every object there is.</summary>
    public IReadOnlyList<StoredObject> ListEverything()
    {
        lock (_gate)
            return [.. _collections.Values.SelectMany(c => c.Values)];
    }

    /// <returns>The object as stored, or null if there is one of that name.</returns>
    public StoredObject? TryCreate(ObjectKey key, JsonObject content)
    {
        lock (_gate)
        {
            if (!_collections.TryGetValue(key.Collection, out var collection))
                _collections.Add(key.Collection, collection = new(ObjectKeyOrder.Instance));
            if (collection.ContainsKey(key))
                return null;
            var created = StoredObject.Seal(key, ++_revision, content);
            collection.Add(key, created);
            PublishLocked(new Change(ChangeKind.Added, created, null));
            return created;
        }
    }

    /// <returns>The object as stored, or null if <paramref name="expected"/> is not the current version any more.</returns>
    public StoredObject? TryUpdate(StoredObject expected, JsonObject content)
    {
        lock (_gate)
        {
            if (CurrentLocked(expected.Key) != expected)
                return null;
            var updated = StoredObject.Seal(expected.Key, ++_revision, content);
            _collections[expected.Key.Collection][expected.Key] = updated;
            PublishLocked(new Change(ChangeKind.Modified, updated, expected));
            return updated;
        }
    }

    /// <param name="expected">The version that was read.</param>
    /// <param name="lastContent">What the deletion event shows.</param>
    /// <returns>The last version, or null if <paramref name="expected"/> is not the current version any more.</returns>
    public StoredObject? TryDelete(StoredObject expected, JsonObject lastContent)
    {
        lock (_gate)
        {
            if (CurrentLocked(expected.Key) != expected)
                return null;
            var deleted = StoredObject.Seal(expected.Key, ++_revision, lastContent);
            _collections[expected.Key.Collection].Remove(expected.Key);
            PublishLocked(new Change(ChangeKind.Deleted, deleted, expected));
            return deleted;
        }
    }

    /// <summary>Opens a feed of the changes after a revision.</summary>
    /// <param name="collection">The stored kind; null for all kinds.</param>
    /// <param name="after">The revision last seen; null for "from now on, and tell me what there is".</param>
    /// <returns>The feed, with the snapshot when one was asked for; null if that revision is compacted away.</returns>
    public (ChangeFeed Feed, Snapshot? Initial)? Follow(string? collection, long? after)
    {
        lock (_gate)
        {
            if (after < _history.CompactedRevision)
                return null;
            var feed = new ChangeFeed(collection, after ?? _revision, Unfollow);
            foreach (var change in after is { } revision ? _history.After(revision) : [])
                feed.Offer(change);
            _feeds.Add(feed);
            return (feed, after is null && collection is not null ? ListLocked(collection, null) : null);
        }
    }

    /// <summary>Forgets the history up to now: a watch from any earlier revision is answered with 410.</summary>
    public void Compact()
    {
        lock (_gate)
            _history.Compact(_revision);
    }

    private Snapshot ListLocked(string collection, string? ns)
    {
        IEnumerable<StoredObject> objects = _collections.TryGetValue(collection, out var found) ? found.Values : [];
        return new Snapshot(_revision, [.. ns is null ? objects : objects.Where(o => o.Key.Namespace == ns)]);
    }

    private StoredObject? CurrentLocked(ObjectKey key) => _collections.GetValueOrDefault(key.Collection)?.GetValueOrDefault(key);

    private void PublishLocked(Change change)
    {
        _history.Add(change);
        foreach (var feed in _feeds)
            feed.Offer(change);
    }

    private void Unfollow(ChangeFeed feed)
    {
        lock (_gate)
            _feeds.Remove(feed);
    }
}
