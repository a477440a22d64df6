using System.Collections.Concurrent;
using Quiesce.Crds;

namespace Quiesce.Operator.Reconciling;

/// <summary>
/// Status is written at once when the phase or a condition changes, and at most once a second between. A phase on the way to another is written where it lasts: most
/// requests are frozen, and thawed, sooner than anybody could read that they are about to be.
/// </summary>
internal sealed class StatusPace(TimeProvider time)
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    // From here on a phase lasts.
    private static readonly TimeSpan Lasting = TimeSpan.FromMilliseconds(250);

    private readonly ConcurrentDictionary<string, long> _written = new();
    private readonly ConcurrentDictionary<string, long> _onTheWay = new();

    /// <summary>How long the write of a status has to wait; zero for not at all.</summary>
    public TimeSpan Wait(string uid, FreezeRequestStatus? before, FreezeRequestStatus after)
    {
        if (before is not null && before.Phase != after.Phase && after.Phase is FreezePhase.Preparing or FreezePhase.Freezing or FreezePhase.Thawing)
        {
            var rest = Lasting - time.GetElapsedTime(_onTheWay.GetOrAdd(uid, _ => time.GetTimestamp()));
            return rest > TimeSpan.Zero ? rest : TimeSpan.Zero;
        }

        if (IsChange(before, after) || !_written.TryGetValue(uid, out var at)) return TimeSpan.Zero;
        var left = Pause - time.GetElapsedTime(at);
        return left > TimeSpan.Zero ? left : TimeSpan.Zero;
    }

    /// <summary>A status was written just now.</summary>
    public void Written(string uid)
    {
        _written[uid] = time.GetTimestamp();
        _onTheWay.TryRemove(uid, out _);
    }

    /// <summary>Forgets a request that is gone or has ended.</summary>
    public void Forget(string uid)
    {
        _written.TryRemove(uid, out _);
        _onTheWay.TryRemove(uid, out _);
    }

    private static bool IsChange(FreezeRequestStatus? before, FreezeRequestStatus after) =>
        before is null
        || before.Phase != after.Phase
        || before.Reason != after.Reason
        || before.ObservedGeneration != after.ObservedGeneration
        || before.DeadlineAt != after.DeadlineAt
        || before.Conditions.Count != after.Conditions.Count
        || before.Conditions.Zip(after.Conditions).Any(pair =>
            pair.First.Type != pair.Second.Type || pair.First.Status != pair.Second.Status || pair.First.Reason != pair.Second.Reason);
}
