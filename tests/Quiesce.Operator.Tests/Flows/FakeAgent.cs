using System.Collections.Concurrent;
using Quiesce.Crds;
using Quiesce.Crds.Client;

namespace Quiesce.Operator.Tests.Flows;

/// <summary>Plays a node's agent over the API: everything but the freezing.</summary>
internal sealed class FakeAgent : IAsyncDisposable
{
    private readonly KubernetesConnection _connection;
    private readonly ConcurrentDictionary<string, FakeSession> _sessions = new();
    private readonly ConcurrentDictionary<string, bool> _existing = new();
    private readonly TaskCompletionSource _synced = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _run;

    public FakeAgent(KubernetesConnection connection, string node, Ledger? ledger, AgentScript? script = null)
    {
        (_connection, Node, Ledger, Script) = (connection, node, ledger, script ?? new());
        _run = Task.Run(RunAsync);
    }

    public string Node { get; }

    /// <summary>Where it writes down what it does; null for nowhere, as for agents of which only the number counts.</summary>
    public Ledger? Ledger { get; }

    public AgentScript Script { get; set; }

    /// <summary>The process: another one after a restart.</summary>
    public string Instance { get; } = Guid.NewGuid().ToString("N");

    /// <summary>Dies on the spot: what it held is thawed, nothing more is reported.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _run.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        foreach (var session in _sessions.Values) await session.DieAsync();
        _stop.Dispose();
    }

    private async Task RunAsync()
    {
        var backoff = new Backoff(TimeSpan.FromMilliseconds(10), TimeSpan.FromMilliseconds(100));
        var plans = new NodeFreezeWatch(new(_connection, Kinds.NodeFreezes), InternalNames.DefaultNamespace, Node, backoff);
        _ = FollowCallsAsync(backoff);
        await foreach (var change in plans.FollowAsync(_stop.Token))
        {
            if (change is WatchEvent<NodeFreeze>.Added(var there)) _existing[there.PlanId] = true;
            if (change is WatchEvent<NodeFreeze>.Synced) _synced.TrySetResult();
            switch (change)
            {
                case WatchEvent<NodeFreeze>.Added(var plan) when _sessions.TryGetValue(plan.PlanId, out var called):
                    called.Exists(plan);
                    break;
                case WatchEvent<NodeFreeze>.Added(var plan) when plan.Report is null:
                    _sessions[plan.PlanId] = new(this, plan, _connection);
                    break;
                case WatchEvent<NodeFreeze>.Added(var plan) when plan.Report!.Phase < NodeFreezePhase.Thawed:
                    // Begun by a predecessor, whose death thawed everything.
                    var wasFrozen = plan.Report.Phase >= NodeFreezePhase.Frozen;
                    await ReportRestartAsync(plan, plan.Report with { Phase = wasFrozen ? NodeFreezePhase.Broken : NodeFreezePhase.Failed, Reason = Reasons.AgentRestarted, AgentInstance = Instance });
                    break;
                case WatchEvent<NodeFreeze>.Deleted(var plan):
                    if (_sessions.TryRemove(plan.PlanId, out var session)) session.Gone();
                    break;
            }
        }
    }

    // What calls many nodes at once, on a watch that is always open; the commands of such a window come over it, too.
    private async Task FollowCallsAsync(Backoff backoff)
    {
        try
        {
            var calls = new ListWatch<FreezeWindow>(
                new(_connection, Kinds.FreezeWindows), new() { Namespace = InternalNames.DefaultNamespace, FieldSelector = $"metadata.name={InternalNames.CalledWindow}", Backoff = backoff });
            await _synced.Task.WaitAsync(_stop.Token);
            await foreach (var change in calls.FollowAsync(_stop.Token))
            {
                switch (change)
                {
                    case WatchEvent<FreezeWindow>.Added(var window) when !Script.IsDeafToCalls && window.Spec.DesiredState == WindowState.Prepared && CalledPlans.Of(window, Node) is { } plan && !_existing.ContainsKey(plan.PlanId):
                        _sessions[plan.PlanId] = new(this, plan, _connection, window);
                        break;
                    case WatchEvent<FreezeWindow>.Modified(var window) when _sessions.TryGetValue(InternalNames.PlanId(window.Metadata.Uid, Node), out var session):
                        session.Command(window);
                        break;
                    case WatchEvent<FreezeWindow>.Deleted(var window) when _sessions.TryGetValue(InternalNames.PlanId(window.Metadata.Uid, Node), out var session):
                        session.Gone();
                        break;
                }
            }
        }
        catch (OperationCanceledException)
        {
            // It dies.
        }
    }

    // The predecessor's last report may still be on its way.
    private async Task ReportRestartAsync(NodeFreeze plan, NodeFreezeStatus status)
    {
        var client = new ResourceClient<NodeFreeze>(_connection, Kinds.NodeFreezes);
        for (var now = plan; now?.Metadata.Uid == plan.Metadata.Uid; now = await client.GetAsync(plan.Metadata.NamespaceProperty, plan.Metadata.Name, _stop.Token))
        {
            try
            {
                await client.PatchStatusAsync(now, now with { Status = status }, _stop.Token);
                return;
            }
            catch (KubernetesApiException e) when (e.IsConflict)
            {
                // On the next version.
            }
        }
    }
}
