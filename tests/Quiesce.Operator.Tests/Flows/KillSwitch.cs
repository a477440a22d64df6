namespace Quiesce.Operator.Tests.Flows;

/// <summary>Lets a process die at one of its calls, reads and commands in pods included: right before it is sent, or right after it was carried out and before the answer is seen.</summary>
/// <remarks>
/// From then on nothing of the process reaches the API server. Events and leases do not count: losing them is no harm. Neither do watches, which are no calls
/// with an answer: the first list of each does.
/// </remarks>
internal sealed class KillSwitch(int atCall = int.MaxValue, bool after = false, bool writesOnly = false) : DelegatingHandler
{
    private readonly TaskCompletionSource _died = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _calls;
    private int _writes;

    /// <summary>Calls so far, or writes where those alone count.</summary>
    public int Calls => Volatile.Read(ref _calls);

    /// <summary>Writes so far.</summary>
    public int Writes => Volatile.Read(ref _writes);

    /// <summary>Completes when it has died.</summary>
    public Task Died => _died.Task;

    /// <summary>Dies now.</summary>
    public void Kill() => _died.TrySetResult();

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var (path, query) = (request.RequestUri!.AbsolutePath, request.RequestUri.Query);
        var counts = !query.Contains("watch=", StringComparison.Ordinal) && !path.Contains("/events", StringComparison.Ordinal) && !path.Contains("/leases", StringComparison.Ordinal);
        var isWrite = counts && request.Method != HttpMethod.Get;
        if (isWrite) Interlocked.Increment(ref _writes);
        var number = isWrite || (counts && !writesOnly) ? Interlocked.Increment(ref _calls) : 0;
        if (number == atCall)
        {
            if (after) (await base.SendAsync(request, cancellationToken)).Dispose();
            _died.TrySetResult();
        }

        if (_died.Task.IsCompleted) throw new HttpRequestException("the process is dead");
        var answer = await base.SendAsync(request, cancellationToken);
        if (!_died.Task.IsCompleted) return answer;
        answer.Dispose();
        throw new HttpRequestException("the process is dead");
    }
}
