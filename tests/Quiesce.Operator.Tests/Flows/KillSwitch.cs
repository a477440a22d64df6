namespace Quiesce.Operator.Tests.Flows;

/// <summary>Lets a process die at one of its writes: right before it is sent, or right after it was carried out and before the answer is seen.</summary>
/// <remarks>From then on nothing of the process reaches the API server. Events and leases do not count: losing them is no harm.</remarks>
internal sealed class KillSwitch(int atWrite = int.MaxValue, bool after = false) : DelegatingHandler
{
    private readonly TaskCompletionSource _died = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _writes;

    /// <summary>Writes so far.</summary>
    public int Writes => Volatile.Read(ref _writes);

    /// <summary>Completes when it has died.</summary>
    public Task Died => _died.Task;

    /// <summary>Dies now.</summary>
    public void Kill() => _died.TrySetResult();

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var path = request.RequestUri!.AbsolutePath;
        var counts = request.Method != HttpMethod.Get && !path.Contains("/events", StringComparison.Ordinal) && !path.Contains("/leases", StringComparison.Ordinal);
        var number = counts ? Interlocked.Increment(ref _writes) : 0;
        if (number == atWrite)
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
