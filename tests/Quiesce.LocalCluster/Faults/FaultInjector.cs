namespace Quiesce.Cluster.Faults;

/// <summary>Makes requests and running watches go wrong on purpose. Safe from any thread.</summary>
public sealed class FaultInjector
{
    private readonly Lock _gate = new();
    private readonly List<FaultRule> _rules = [];
    private readonly List<RunningWatch> _watches = [];

    internal FaultInjector()
    {
    }

    /// <summary>How many watches are open now.</summary>
    public int OpenWatches
    {
        get
        {
            lock (_gate)
                return _watches.Count;
        }
    }

    /// <summary>Lets an effect happen to requests that match. Of several rules that match, the oldest that has hits left wins.</summary>
    /// <param name="match">Which requests.</param>
    /// <param name="effect">What happens to them.</param>
    /// <param name="times">To how many of them.</param>
    /// <param name="skip">How many are let through first.</param>
    public FaultRule Inject(RequestMatch match, FaultEffect effect, int times = 1, int skip = 0)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(times, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(skip);
        var rule = new FaultRule(this, match, effect, times, skip);
        lock (_gate)
            _rules.Add(rule);
        return rule;
    }

    /// <summary>Takes out every rule. Watches that are silent stay so.</summary>
    public void Clear()
    {
        lock (_gate)
            _rules.Clear();
    }

    /// <summary>Cuts the connections of running watches.</summary>
    /// <param name="match">Which; null for all.</param>
    /// <returns>How many there were.</returns>
    public int DropWatches(RequestMatch? match = null) => Each(match, w => w.End(WatchEnd.Cut));

    /// <summary>Ends running watches in the orderly way a server does at their timeout.</summary>
    /// <param name="match">Which; null for all.</param>
    /// <returns>How many there were.</returns>
    public int EndWatches(RequestMatch? match = null) => Each(match, w => w.End(WatchEnd.Orderly));

    /// <summary>Ends running watches with an <c>ERROR</c> event that says 410.</summary>
    /// <param name="match">Which; null for all.</param>
    /// <returns>How many there were.</returns>
    public int ExpireWatches(RequestMatch? match = null) => Each(match, w => w.End(WatchEnd.Expired));

    /// <summary>Running watches stay open and say nothing more, not even bookmarks.</summary>
    /// <param name="match">Which; null for all.</param>
    /// <returns>How many there were.</returns>
    public int SilenceWatches(RequestMatch? match = null) => Each(match, w => w.Silence());

    internal FaultEffect? EffectOn(RecordedRequest request)
    {
        lock (_gate)
            return _rules.FirstOrDefault(r => r.TryHit(request))?.Effect;
    }

    internal void Remove(FaultRule rule)
    {
        lock (_gate)
            _rules.Remove(rule);
    }

    internal RunningWatch Begin(RecordedRequest request)
    {
        var watch = new RunningWatch(request, Finish);
        lock (_gate)
            _watches.Add(watch);
        return watch;
    }

    private void Finish(RunningWatch watch)
    {
        lock (_gate)
            _watches.Remove(watch);
    }

    private int Each(RequestMatch? match, Action<RunningWatch> act)
    {
        List<RunningWatch> meant;
        lock (_gate)
            meant = [.. _watches.Where(w => (match ?? RequestMatch.Any).Matches(w.Request))];
        meant.ForEach(act);
        return meant.Count;
    }
}
