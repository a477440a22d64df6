namespace Quiesce.Cluster.Faults;

/// <summary>An effect on some of the requests that match. Disposing takes the rule out.</summary>
public sealed class FaultRule : IDisposable
{
    private readonly FaultInjector _owner;
    private readonly TaskCompletionSource _firstHit = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _skip;
    private int _left;
    private int _hits;

    internal FaultRule(FaultInjector owner, RequestMatch match, FaultEffect effect, int times, int skip)
    {
        _owner = owner;
        Match = match;
        Effect = effect;
        _left = times;
        _skip = skip;
    }

    /// <summary>Which requests.</summary>
    public RequestMatch Match { get; }

    /// <summary>What happens to them.</summary>
    public FaultEffect Effect { get; }

    /// <summary>How often it has happened.</summary>
    public int Hits => Volatile.Read(ref _hits);

    /// <summary>Completes when it happens for the first time.</summary>
    public Task FirstHit => _firstHit.Task;

    /// <inheritdoc/>
    public void Dispose() => _owner.Remove(this);

    /// <summary>Called under the injector's lock.</summary>
    internal bool TryHit(RecordedRequest request)
    {
        if (_left == 0 || !Match.Matches(request))
            return false;
        if (_skip > 0)
        {
            _skip--;
            return false;
        }

        _left--;
        Interlocked.Increment(ref _hits);
        _firstHit.TrySetResult();
        return true;
    }
}
