namespace Quiesce.Cluster.Faults;

/// <summary>A watch that is being served.</summary>
internal sealed class RunningWatch(RecordedRequest request, Action<RunningWatch> onDispose) : IDisposable
{
    private readonly TaskCompletionSource<WatchEnd> _end = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile bool _silent;

    public RecordedRequest Request => request;

    /// <summary>Completes when the watch is to stop; the first word counts.</summary>
    public Task<WatchEnd> Ending => _end.Task;

    /// <summary>Whether nothing more is to be said.</summary>
    public bool IsSilent => _silent;

    public void End(WatchEnd how) => _end.TrySetResult(how);

    public void Silence() => _silent = true;

    public void Dispose() => onDispose(this);
}
