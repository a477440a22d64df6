using Quiesce.Cluster.Storage;

namespace Quiesce.Cluster.Controllers;

/// <summary>Feeds every write to the controllers, in order, on a task of its own: as in a real cluster, their work follows a little later.</summary>
internal sealed class ControllerLoop : IAsyncDisposable
{
    private readonly ChangeFeed _feed;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _loop;

    public ControllerLoop(ObjectStore store, params IReadOnlyList<IController> controllers)
    {
        _feed = store.Follow(null, 0)!.Value.Feed;
        _loop = Task.Run(() => RunAsync(controllers));
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _loop.ConfigureAwait(false);
        _feed.Dispose();
        _stop.Dispose();
    }

    private async Task RunAsync(IReadOnlyList<IController> controllers)
    {
        try
        {
            await foreach (var change in _feed.Reader.ReadAllAsync(_stop.Token).ConfigureAwait(false))
                foreach (var controller in controllers)
                    controller.Observe(change);
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // The cluster is going.
        }
    }
}
