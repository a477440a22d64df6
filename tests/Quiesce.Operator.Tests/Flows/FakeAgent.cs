using System.Collections.Concurrent;
using Quiesce.Crds;
using Quiesce.Crds.Client;

namespace Quiesce.Operator.Tests.Flows;

/// <summary>Plays a node's agent over the API: everything but the freezing.</summary>
internal sealed class FakeAgent : IAsyncDisposable
{
    private readonly KubernetesConnection _connection;
    private readonly ConcurrentDictionary<string, FakeSession> _sessions = new();
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
        await foreach (var change in plans.FollowAsync(_stop.Token))
        {
            switch (change)
            {
                case WatchEvent<NodeFreeze>.Added(var plan) when plan.Status is null:
                    _sessions[plan.Metadata.Uid] = new(this, plan, _connection);
                    break;
                case WatchEvent<NodeFreeze>.Added(var plan) when plan.Status!.Phase < NodeFreezePhase.Thawed:
                    // Begun by a predecessor, whose death thawed everything.
                    var wasFrozen = plan.Status.Phase >= NodeFreezePhase.Frozen;
                    await ReportRestartAsync(plan, plan.Status with { Phase = wasFrozen ? NodeFreezePhase.Broken : NodeFreezePhase.Failed, Reason = Reasons.AgentRestarted, AgentInstance = Instance });
                    break;
                case WatchEvent<NodeFreeze>.Deleted(var plan):
                    if (_sessions.TryGetValue(plan.Metadata.Uid, out var session)) session.Gone();
                    break;
            }
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
