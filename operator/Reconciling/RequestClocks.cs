using System.Collections.Concurrent;
using Quiesce.Crds;
using Quiesce.Operator.Freezing;

namespace Quiesce.Operator.Reconciling;

/// <summary>The time of each request: the wall clock when this operator first saw it, and the monotonic clock from then on.</summary>
/// <remarks>
/// Every wait counts from a time that was written into an object, and those are wall-clock times: a clock that is set back by hours in a window
/// would keep a lost node's request, and its deletion, for hours; one that is set forward would end windows that have only begun. So what
/// happens to the wall clock during a request's life is not seen at all. What happened to it before (a restart in between, another replica with
/// another clock) can only be seen where a time is written that is still to come: then the request's time goes on from there, and no wait is
/// longer than it would have been from now on. A step forward before it cannot be told from time that passed; a window then ends early.
/// Kept in memory only. Safe for any number of threads.
/// </remarks>
internal sealed class RequestClocks(TimeProvider time)
{
    private readonly ConcurrentDictionary<string, Anchor> _anchors = new();

    /// <summary>The time of a FreezeRequest.</summary>
    public DateTimeOffset Now(FreezeRequest request, FreezeWindow? window) =>
        Now(request.Metadata.Uid, [.. Written(request.Status), .. Written(window)]);

    /// <summary>The time of a ThawRequest.</summary>
    public DateTimeOffset Now(ThawRequest request) =>
        Now(request.Metadata.Uid, [request.Status?.StartedAt, .. request.Status?.Conditions.Select(c => (DateTimeOffset?)c.LastTransitionTime) ?? []]);

    /// <summary>The time of a request that is gone and has left its window behind.</summary>
    public DateTimeOffset Now(string uid, FreezeWindow? window) => Now(uid, Written(window));

    /// <summary>Forgets all others.</summary>
    public void Keep(IReadOnlySet<string> uids)
    {
        foreach (var uid in _anchors.Keys.Where(uid => !uids.Contains(uid))) _anchors.TryRemove(uid, out _);
    }

    private DateTimeOffset Now(string uid, IEnumerable<DateTimeOffset?> written)
    {
        var anchor = _anchors.GetOrAdd(uid, _ => new(time.GetUtcNow(), time.GetTimestamp()));
        var now = anchor.At + time.GetElapsedTime(anchor.Timestamp);
        if (written.Max() is not { } latest || latest <= now) return now;
        _anchors[uid] = new(latest, time.GetTimestamp());
        return latest;
    }

    /// <summary>The times at which something had happened when they were written: not the deadline, which is always still to come.</summary>
    private static IEnumerable<DateTimeOffset?> Written(FreezeRequestStatus? status) => status is null
        ? []
        : [status.StartedAt, status.FrozenAt, status.ThawedAt, .. status.Hooks.Select(h => h.StartedAt), .. status.Conditions.Select(c => (DateTimeOffset?)c.LastTransitionTime)];

    private static IEnumerable<DateTimeOffset?> Written(FreezeWindow? window)
    {
        if (window is null) return [];
        var record = WindowRecord.Of(window);
        return [record.CommandedAt, record.FrozenAt, record.End?.At];
    }

    private sealed record Anchor(DateTimeOffset At, long Timestamp);
}
