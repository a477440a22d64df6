using System.Threading.Channels;

namespace Quiesce.Cluster.Storage;

/// <summary>The changes of one kind in order, from a revision on; for one reader. Unbounded: a reader that stops is a test's affair.</summary>
internal sealed class ChangeFeed(string? collection, long after, Action<ChangeFeed> onDispose) : IDisposable
{
    private readonly Channel<Change> _changes = Channel.CreateUnbounded<Change>(new UnboundedChannelOptions { SingleReader = true });
    private long _offered = after;

    /// <summary>Reads every change after the revision that the feed was opened at.</summary>
    public ChannelReader<Change> Reader => _changes.Reader;

    /// <summary>Called by the store under its lock.</summary>
    public void Offer(Change change)
    {
        if (change.Revision <= _offered)
            return;
        _offered = change.Revision;
        if (collection is null || change.Object.Key.Collection == collection)
            _changes.Writer.TryWrite(change);
    }

    public void Dispose() => onDispose(this);
}
