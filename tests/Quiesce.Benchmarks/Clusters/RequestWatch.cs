using System.Collections.Concurrent;
using Quiesce.Crds;
using Quiesce.Crds.Client;

namespace Quiesce.Benchmarks.Clusters;

/// <summary>Sees FreezeRequests of a namespace as a user with an open watch does, and when each phase came.</summary>
internal sealed class RequestWatch : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly CancellationTokenSource stop = new();
    private readonly ConcurrentDictionary<string, FreezeRequest> seen = [];
    private readonly ConcurrentDictionary<(string Name, FreezePhase Phase), TaskCompletionSource<long>> phases = [];
    private readonly Task following;

    internal RequestWatch(Installation installation) => following = FollowAsync(installation);

    /// <summary>As it was last seen.</summary>
    internal FreezeRequest Seen(string name) => seen[name];

    /// <summary>When that phase was seen, by the stopwatch of the system.</summary>
    internal async Task<long> PhaseAsync(string name, FreezePhase phase)
    {
        try
        {
            return await Of(name, phase).Task.WaitAsync(Patience);
        }
        catch (TimeoutException)
        {
            throw new InvalidOperationException($"{name} is not {phase}; it is {(seen.TryGetValue(name, out var now) ? $"{now.Status?.Phase}, {now.Status?.Reason}: {now.Status?.Message}" : "not there")}");
        }
    }

    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        await following;
        stop.Dispose();
    }

    private TaskCompletionSource<long> Of(string name, FreezePhase phase) => phases.GetOrAdd((name, phase), _ => new(TaskCreationOptions.RunContinuationsAsynchronously));

    private async Task FollowAsync(Installation installation)
    {
        try
        {
            await foreach (var change in new ListWatch<FreezeRequest>(installation.FreezeRequests, new ListWatchOptions { Namespace = installation.Namespace }).FollowAsync(stop.Token))
            {
                var item = change switch { WatchEvent<FreezeRequest>.Added(var added) => added, WatchEvent<FreezeRequest>.Modified(var modified) => modified, _ => null };
                if (item is null) continue;
                var now = System.Diagnostics.Stopwatch.GetTimestamp();
                seen[item.Metadata.Name] = item;
                if (item.Status?.Phase is not { } phase) continue;
                _ = Of(item.Metadata.Name, phase).TrySetResult(now);
                if (phase < FreezePhase.Thawed) continue;
                foreach (var other in phases.Where(p => p.Key.Name == item.Metadata.Name && !p.Value.Task.IsCompleted))
                    _ = other.Value.TrySetException(new InvalidOperationException($"{item.Metadata.Name} ended as {phase}, {item.Status.Reason}: {item.Status.Message}"));
            }
        }
        catch (OperationCanceledException)
        {
            // The end.
        }
    }
}
