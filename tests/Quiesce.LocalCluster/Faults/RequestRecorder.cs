namespace Quiesce.Cluster.Faults;

/// <summary>Every request since the start or the last <see cref="Clear"/>: for "how many writes did that take", and for finding the points at which to inject a fault.</summary>
/// <remarks>Safe from any thread. A request is recorded before it is served.</remarks>
public sealed class RequestRecorder
{
    private const int Limit = 1_000_000;
    private readonly Lock _gate = new();
    private readonly List<RecordedRequest> _requests = [];
    private readonly List<(RequestMatch Match, int Count, TaskCompletionSource Done)> _waiters = [];
    private long _number;

    internal RequestRecorder()
    {
    }

    /// <summary>Oldest first; a copy.</summary>
    public IReadOnlyList<RecordedRequest> Requests
    {
        get
        {
            lock (_gate)
                return [.. _requests];
        }
    }

    /// <summary>The requests that are meant, oldest first.</summary>
    public IReadOnlyList<RecordedRequest> Matching(RequestMatch match)
    {
        lock (_gate)
            return [.. _requests.Where(match.Matches)];
    }

    /// <summary>How many requests are meant.</summary>
    public int Count(RequestMatch match) => Matching(match).Count;

    /// <summary>How often each verb was asked of each kind (plural, with <c>/subresource</c>).</summary>
    public IReadOnlyDictionary<(string Verb, string Resource), int> Totals =>
        Requests.GroupBy(r => (r.Verb, r.Subresource.Length == 0 ? r.Resource : $"{r.Resource}/{r.Subresource}")).ToDictionary(g => g.Key, g => g.Count());

    /// <summary>Forgets the requests so far; their numbering goes on.</summary>
    public void Clear()
    {
        lock (_gate)
            _requests.Clear();
    }

    /// <summary>Completes when so many of these requests have been recorded, those already there included.</summary>
    public async Task WaitForAsync(RequestMatch match, int count, CancellationToken cancellationToken)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_gate)
        {
            if (_requests.Count(match.Matches) >= count)
                return;
            _waiters.Add((match, count, done));
        }

        await done.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    internal RecordedRequest Add(Func<long, RecordedRequest> make)
    {
        lock (_gate)
        {
            var request = make(++_number);
            if (_requests.Count < Limit)
                _requests.Add(request);
            foreach (var waiter in _waiters.Where(w => w.Match.Matches(request) && _requests.Count(w.Match.Matches) >= w.Count).ToList())
            {
                _waiters.Remove(waiter);
                waiter.Done.TrySetResult();
            }

            return request;
        }
    }
}
