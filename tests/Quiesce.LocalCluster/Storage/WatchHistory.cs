namespace Quiesce.Cluster.Storage;

/// <summary>The last writes, oldest first; what falls out at the old end is compacted and cannot be watched from any more.</summary>
internal sealed class WatchHistory(int limit)
{
    private readonly Queue<Change> _changes = [];

    /// <summary>The newest revision that was forgotten. A watch must start at it or later.</summary>
    public long CompactedRevision { get; private set; }

    public void Add(Change change)
    {
        _changes.Enqueue(change);
        while (_changes.Count > limit)
            CompactedRevision = _changes.Dequeue().Revision;
    }

    public IEnumerable<Change> After(long revision) => _changes.SkipWhile(c => c.Revision <= revision);

    public void Compact(long revision)
    {
        _changes.Clear();
        CompactedRevision = revision;
    }
}
