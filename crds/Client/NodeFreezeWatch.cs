using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Threading.Channels;

namespace Quiesce.Crds.Client;

/// <summary>Finds the NodeFreezes of one node: each takes the lowest name of its node that is free (<see cref="InternalNames.NodeFreeze"/>), and is watched by that name.</summary>
/// <remarks>
/// If every agent of a large cluster watched all NodeFreezes for its own, each write of one would be offered to every agent: the API server counts that against whoever writes
/// (priority and fairness), and cuts off watches that do not keep up, whose agents then all list anew. A watch by name is offered nothing but its object. What is there when an agent
/// starts is found by one list, whatever it is called. Two free names are watched, so that none has to be added while very many nodes freeze; the one to spare is replaced a while later.
/// A name that has become free is watched for a while, in case somebody does not know that yet.
/// </remarks>
public sealed class NodeFreezeWatch(ResourceClient<NodeFreeze> client, string ns, string node, Backoff? backoff = null, TimeProvider? time = null)
{
    private static readonly TimeSpan Linger = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan SpareAfter = TimeSpan.FromSeconds(10);

    private readonly TimeProvider _time = time ?? TimeProvider.System;
    private readonly Backoff _backoff = backoff ?? Backoff.Default;
    private readonly Channel<WatchEvent<NodeFreeze>> _events = Channel.CreateUnbounded<WatchEvent<NodeFreeze>>(new UnboundedChannelOptions { SingleReader = true });

    // By the place in the order of names; under the lock of itself.
    private readonly Dictionary<int, Place> _places = [];
    private bool _spareIsDue;
    private volatile ListWatch<NodeFreeze>? _first;

    /// <summary>Why it counts as stuck, as <see cref="ListWatch{T}.Fault"/>, or null. Any thread may ask.</summary>
    public string? Fault => _first?.Fault;

    /// <summary>
    /// What becomes of this node's NodeFreezes; that one changes is not told. <see cref="WatchEvent{T}.Synced"/> first comes when all that there were have been told, and then after each
    /// outage. To be enumerated once.
    /// </summary>
    /// <exception cref="OperationCanceledException">The token was cancelled: the only way it ends.</exception>
    public async IAsyncEnumerable<WatchEvent<NodeFreeze>> FollowAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var list = (ResourceList<NodeFreeze>?)null;
        for (var failures = 1; list is null; failures++)
        {
            KubernetesApiException? error = null;
            try
            {
                list = await client.ListAsync(ns, null, $"spec.nodeName={node}", cancellationToken);
            }
            catch (KubernetesApiException e)
            {
                error = e;
            }

            if (error is null) break;
            if (failures == 1) yield return new WatchEvent<NodeFreeze>.Disconnected(_time.GetUtcNow(), error);
            await Task.Delay(_backoff.After(failures), _time, cancellationToken);
        }

        var version = list!.Metadata.ResourceVersion ?? "";
        foreach (var plan in list.Items.Where(IsOurs)) yield return new WatchEvent<NodeFreeze>.Added(plan);
        yield return new WatchEvent<NodeFreeze>.Synced(list.Items, version);
        lock (_places)
        {
            foreach (var plan in list.Items) Open(InternalNames.PlaceOf(node, plan.Metadata.Name) ?? -1, plan.Metadata.Name, new(version, [plan]), cancellationToken);
            Arrange(cancellationToken, withSpare: true);
        }

        await foreach (var change in _events.Reader.ReadAllAsync(cancellationToken)) yield return change;
    }

    /// <summary>Sees to it that the lowest free place is watched, and in time the one after it, and that the others which are free are not for ever.</summary>
    private void Arrange(CancellationToken cancellationToken, bool withSpare = false)
    {
        var next = Free(0);
        var spare = Free(next + 1);
        Watch(next);
        if (withSpare) Watch(spare);
        else if (!_places.ContainsKey(spare) && !_spareIsDue)
        {
            _spareIsDue = true;
            _ = WatchSpareLaterAsync(cancellationToken);
        }

        foreach (var (number, place) in _places)
        {
            var lingers = place.Plan is null && number != next && number != spare && number != 0;
            if (lingers != place.Lingers) place.Left.CancelAfter(lingers ? Linger : Timeout.InfiniteTimeSpan);
            place.Lingers = lingers;
        }

        int Free(int from)
        {
            while (_places.TryGetValue(from, out var place) && place.Plan is not null) from++;
            return from;
        }

        void Watch(int number)
        {
            if (!_places.ContainsKey(number)) Open(number, InternalNames.NodeFreeze(node, number), new("", []), cancellationToken); // whatever is there, another node's too
        }
    }

    private async Task WatchSpareLaterAsync(CancellationToken cancellationToken)
    {
        try
        {
            // Not at the same time on all nodes of a long window.
            await Task.Delay(SpareAfter * (1 + Random.Shared.NextDouble()), _time, cancellationToken);
        }
        catch (OperationCanceledException)
        {
            return;
        }

        lock (_places)
        {
            _spareIsDue = false;
            Arrange(cancellationToken, withSpare: true);
        }
    }

    private void Open(int number, string name, ListWatchStart<NodeFreeze> start, CancellationToken cancellationToken)
    {
        // What has a name of another kind is somebody's own, and is watched as long as it is there.
        while (_places.ContainsKey(number)) number = number < 0 ? number - 1 : -1;
        var place = _places[number] = new Place { Plan = start.Known is [var plan] ? plan : null };
        var watch = new ListWatch<NodeFreeze>(client, new ListWatchOptions { Namespace = ns, FieldSelector = $"metadata.name={name}", Backoff = _backoff }, _time, start);
        if (number == 0) _first = watch;
        _ = FollowPlaceAsync(number, name, place, watch, cancellationToken);
    }

    private async Task FollowPlaceAsync(int number, string name, Place place, ListWatch<NodeFreeze> watch, CancellationToken cancellationToken)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, place.Left.Token);
        try
        {
            await foreach (var change in watch.FollowAsync(either.Token))
            {
                switch (change)
                {
                    case WatchEvent<NodeFreeze>.Added(var plan):
                        Found(plan, plan, change);
                        break;
                    case WatchEvent<NodeFreeze>.Deleted(var plan):
                        Found(null, plan, change);
                        break;
                    // One speaks for all: they share a connection.
                    case WatchEvent<NodeFreeze>.Synced or WatchEvent<NodeFreeze>.Disconnected when number == 0:
                        _events.Writer.TryWrite(change);
                        break;
                }
            }
        }
        catch (OperationCanceledException) when (either.IsCancellationRequested)
        {
            if (cancellationToken.IsCancellationRequested) return;
            lock (_places)
            {
                _places.Remove(number);
                place.Left.Dispose();
                // It may have been taken in the very moment it was left.
                if (place.Plan is { } plan) Open(number, name, new(plan.Metadata.ResourceVersion, [plan]), cancellationToken);
                Arrange(cancellationToken, withSpare: true);
            }
        }
        catch (Exception e)
        {
            _events.Writer.TryComplete(e);
        }

        void Found(NodeFreeze? now, NodeFreeze plan, WatchEvent<NodeFreeze> change)
        {
            lock (_places)
            {
                place.Plan = now;
                if (IsOurs(plan)) _events.Writer.TryWrite(change);
                Arrange(cancellationToken);
            }
        }
    }

    /// <summary>A name alone makes nothing this node's: what another has under it is in the way, and not for this node to act on.</summary>
    private bool IsOurs(NodeFreeze plan) => plan.Spec.NodeName == node;

    [SuppressMessage("Design", "CA1001", Justification = "Its source of cancellation is released where the place is left; what is never left lives as long as the process.")]
    private sealed class Place
    {
        internal NodeFreeze? Plan { get; set; }

        internal bool Lingers { get; set; }

        internal CancellationTokenSource Left { get; } = new();
    }
}
