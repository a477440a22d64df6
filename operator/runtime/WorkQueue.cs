using Quiesce.Crds.Client;

namespace Quiesce.Runtime;

/// <summary>Keys that wait for a worker. A key is in it once, however often it is added, and with one worker at a time.</summary>
/// <remarks>
/// As client-go's workqueue: <c>dirty</c> holds what needs work, <c>processing</c> what is being worked on. A key that is
/// added while it is processed stays dirty and comes again when it is done. Each key has at most one later time at which it adds
/// itself; what the last reconcile said about it holds. Beside that it has at most one pause in which it waits for more to come. Safe for any number of threads.
/// </remarks>
public sealed class WorkQueue<TKey> : IDisposable
    where TKey : notnull
{
    private static readonly TimeSpan LongestPause = TimeSpan.FromDays(1);

    private readonly Backoff _backoff;
    private readonly TimeProvider _time;
    private readonly ControllerMetrics? _metrics;
    private readonly Lock _lock = new();
    private readonly Queue<(TKey Key, long Since)> _waiting = new();
    private readonly HashSet<TKey> _dirty = [];
    private readonly Dictionary<TKey, long> _processing = [];
    private readonly Dictionary<TKey, Later> _later = [];
    private readonly Dictionary<TKey, Later> _settling = [];
    private readonly Dictionary<TKey, int> _failures = [];
    private readonly SemaphoreSlim _available = new(0);
    private bool _closed;

    /// <summary>An empty one.</summary>
    /// <param name="backoff">The pauses after failures.</param>
    /// <param name="time">The clock.</param>
    public WorkQueue(Backoff backoff, TimeProvider time)
        : this(backoff, time, null)
    {
    }

    internal WorkQueue(Backoff backoff, TimeProvider time, ControllerMetrics? metrics) => (_backoff, _time, _metrics) = (backoff, time, metrics);

    /// <summary>Keys that wait for a worker now.</summary>
    public int Count
    {
        get
        {
            lock (_lock) return _waiting.Count;
        }
    }

    /// <summary>Asks for work on a key as soon as a worker is free.</summary>
    public void Add(TKey key)
    {
        lock (_lock)
        {
            if (_closed) return;
            // Whoever works on it now sees what the pause was for.
            if (_settling.Remove(key, out var settling)) settling.Timer.Dispose();
            if (!_dirty.Add(key)) return;
            _metrics?.Added();
            if (!_processing.ContainsKey(key)) Offer(key);
        }
    }

    /// <summary>Asks for work on a key after a pause, in which more may come that is worth one look together.</summary>
    /// <param name="key">The key.</param>
    /// <param name="pause">From the first that asks; who asks within it puts nothing off. Zero is <see cref="Add"/>.</param>
    public void AddAfter(TKey key, TimeSpan pause)
    {
        if (pause <= TimeSpan.Zero)
        {
            Add(key);
            return;
        }

        lock (_lock)
        {
            if (_closed || _dirty.Contains(key) || _settling.ContainsKey(key)) return;
            Start(key, pause, _settling);
        }
    }

    /// <summary>Waits for a key. The caller owns it until it says <see cref="Done"/> or <see cref="Failed"/>.</summary>
    public async Task<TKey> TakeAsync(CancellationToken cancellationToken)
    {
        await _available.WaitAsync(cancellationToken);
        lock (_lock)
        {
            var (key, since) = _waiting.Dequeue();
            _dirty.Remove(key);
            _processing.Add(key, _time.GetTimestamp());
            _metrics?.Waited(_time.GetElapsedTime(since));
            return key;
        }
    }

    /// <summary>The work on a key succeeded.</summary>
    /// <param name="key">The key that was taken.</param>
    /// <param name="requeueAfter">When to offer it again; null for not before it is added. Replaces what was said before.</param>
    public void Done(TKey key, TimeSpan? requeueAfter = null)
    {
        lock (_lock)
        {
            _failures.Remove(key);
            Finish(key, requeueAfter);
        }
    }

    /// <summary>The work on a key failed: it is offered again after a pause that grows with each failure in a row.</summary>
    /// <param name="key">The key that was taken.</param>
    /// <param name="retryAfter">The pause; null for the queue's own.</param>
    /// <returns>The pause.</returns>
    public TimeSpan Failed(TKey key, TimeSpan? retryAfter = null)
    {
        lock (_lock)
        {
            var failures = _failures[key] = _failures.GetValueOrDefault(key) + 1;
            var pause = retryAfter ?? _backoff.After(failures);
            _metrics?.Retried();
            Finish(key, pause);
            return pause;
        }
    }

    /// <summary>The keys that workers own now: how many, and how long they have had them, in seconds.</summary>
    internal (int Count, double Sum, double Longest) UnderWay()
    {
        lock (_lock)
        {
            var seconds = _processing.Values.Select(begun => _time.GetElapsedTime(begun).TotalSeconds).ToArray();
            return (seconds.Length, seconds.Sum(), seconds.DefaultIfEmpty().Max());
        }
    }

    /// <summary>Takes in nothing more and stops all timers.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            if (_closed) return;
            _closed = true;
            foreach (var later in _later.Values.Concat(_settling.Values)) later.Timer.Dispose();
            _later.Clear();
            _settling.Clear();
        }
    }

    private void Finish(TKey key, TimeSpan? again)
    {
        if (_processing.Remove(key, out var begun)) _metrics?.Worked(_time.GetElapsedTime(begun));
        if (_later.Remove(key, out var before)) before.Timer.Dispose();
        if (_closed) return;
        if (_dirty.Contains(key)) Offer(key);
        // Whoever comes too early is told how much is left; a timer takes no more than some weeks.
        if (again is { } pause) Start(key, pause > LongestPause ? LongestPause : pause > TimeSpan.Zero ? pause : TimeSpan.Zero, _later);
    }

    private void Start(TKey key, TimeSpan pause, Dictionary<TKey, Later> of)
    {
        var later = new Later();
        later.Timer = _time.CreateTimer(_ => Due(key, later, of), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        of[key] = later;
        later.Timer.Change(pause, Timeout.InfiniteTimeSpan);
    }

    private void Due(TKey key, Later later, Dictionary<TKey, Later> of)
    {
        lock (_lock)
        {
            // A timer that was replaced may still be on its way.
            if (!of.TryGetValue(key, out var current) || current != later) return;
            of.Remove(key);
            later.Timer.Dispose();
        }

        Add(key);
    }

    private void Offer(TKey key)
    {
        _waiting.Enqueue((key, _time.GetTimestamp()));
        _available.Release();
    }

    private sealed class Later
    {
        public ITimer Timer { get; set; } = null!;
    }
}
