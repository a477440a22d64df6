using Quiesce.Crds;
using Quiesce.Crds.Client;
using Quiesce.Freezing.Reports;
using Quiesce.Freezing.Windows;

namespace Quiesce.Agent.Serving;

/// <summary>Serves the NodeFreezes of one node: one session for each that is new, and an honest end for each that an earlier instance had begun.</summary>
internal sealed class NodeAgent(AgentContext context, IReadOnlyList<WindowReport> recovered)
{
    // Clocks of nodes and API server differ by less than this; a plan older than its timeout by more is nobody's any more.
    private static readonly TimeSpan ClockDifference = TimeSpan.FromMinutes(1);

    private readonly Dictionary<string, NodeFreezeSession> sessions = [];
    private bool synced;

    /// <summary>Serves until cancelled; then thaws everything and writes what it can.</summary>
    internal async Task RunAsync(CancellationToken stop)
    {
        try
        {
            await foreach (var change in context.FollowNode().FollowAsync(stop).ConfigureAwait(false))
            {
                switch (change)
                {
                    case WatchEvent<NodeFreeze>.Added(var item):
                        Begin(item);
                        break;
                    case WatchEvent<NodeFreeze>.Deleted(var item):
                        if (sessions.TryGetValue(item.Metadata.Uid, out var session)) session.CommandGone();
                        break;
                    case WatchEvent<NodeFreeze>.Synced:
                        synced = true;
                        break;
                    case WatchEvent<NodeFreeze>.Disconnected(var since, var error):
                        context.Log.Disconnected(since, error.Message);
                        break;
                    default:
                        break; // the plan is immutable and its status is ours
                }
                foreach (var (uid, done) in sessions.Where(s => s.Value.Completed.IsCompleted).ToList()) sessions.Remove(uid);
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            context.Log.Stopping();
        }
        foreach (var session in sessions.Values) session.Stop();
        await Task.WhenAll(sessions.Values.Select(s => s.Completed)).ConfigureAwait(false);
    }

    private void Begin(NodeFreeze plan)
    {
        var uid = plan.Metadata.Uid;
        if (sessions.ContainsKey(uid) || plan.Status?.Phase >= NodeFreezePhase.Thawed) return;
        var left = recovered.FirstOrDefault(r => r.WindowId == uid);
        var untouched = left is null && plan.Status is null or { Phase: NodeFreezePhase.Pending };
        if (untouched && !IsForgotten(plan))
        {
            sessions[uid] = NodeFreezeSession.Start(plan, context);
            return;
        }
        // Begun by another instance or before a reboot, or given up long ago: it is not frozen, and what is reported is what is known.
        var report = untouched ? Forgotten(plan) : EndOfAnother(plan.Status, left, context.Identity);
        var writer = new StatusWriter(plan, context.NodeFreezes, context.Time, context.Log);
        context.Log.Changed(plan.Metadata.Name, report.Phase.ToString(), AgentLog.Why(report));
        writer.Write(NodeReport.Of(report, plan.Metadata.Generation, context.Identity, context.Time) with
        {
            FrozenAt = plan.Status?.FrozenAt,
            Filesystems = left is null ? plan.Status?.Filesystems ?? [] : [.. NodeReport.Of(left, null, context.Identity, context.Time).Filesystems],
        });
        _ = writer.FinishAsync(TimeSpan.FromMinutes(10));
    }

    // A plan that was there before this agent, whose operator died as well, must not freeze hours later.
    private bool IsForgotten(NodeFreeze plan) =>
        !synced && plan.Spec.Mode == NodeFreezeMode.Hold && plan.Metadata.CreationTimestamp is { } created
        && context.Time.GetUtcNow() - new DateTimeOffset(created.ToUniversalTime()) > TimeSpan.FromSeconds(plan.Spec.FreezeTimeoutSeconds) + ClockDifference;

    private static WindowReport Forgotten(NodeFreeze plan) => new()
    {
        Phase = WindowPhase.Failed,
        Reason = Reasons.FreezeTimeout,
        Message = $"no agent ran on this node within {plan.Spec.FreezeTimeoutSeconds} s of the request; nothing was frozen, ask again",
    };

    private static WindowReport EndOfAnother(NodeFreezeStatus? status, WindowReport? left, AgentIdentity identity)
    {
        var rebooted = status?.BootID is { } boot && boot != identity.BootId;
        var wasFrozen = status?.Phase is NodeFreezePhase.Frozen or NodeFreezePhase.Thawing || left?.Phase == WindowPhase.Broken;
        return new WindowReport
        {
            Phase = wasFrozen ? WindowPhase.Broken : WindowPhase.Failed,
            Reason = rebooted ? Reasons.NodeRebooted : left?.Reason == Reasons.ThawFailed ? Reasons.ThawFailed : Reasons.AgentRestarted,
            Message = rebooted ? "the node was rebooted in the window, which thawed everything"
                : left?.Reason == Reasons.ThawFailed ? left.Message
                : "the agent died or was replaced in the window; everything was thawed at once and is not frozen again",
            FrozenFilesystems = status?.FrozenFilesystems ?? left?.FrozenFilesystems ?? 0,
            ThawedFilesystems = left?.ThawedFilesystems ?? 0,
            Deadline = (status?.DeadlineSeconds ?? 0) * 1_000_000_000L,
        };
    }
}
