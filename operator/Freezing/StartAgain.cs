using Quiesce.Crds;
using Quiesce.Operator.Hooks;
using Quiesce.Operator.Nodes;

namespace Quiesce.Operator.Freezing;

/// <summary>
/// A request whose pods or claims changed before everything was frozen, or that waits for another request, opens its window anew within its freeze timeout:
/// everything is released, the internal objects go, and it begins as if it had just been seen.
/// </summary>
internal static class StartAgain
{
    private static readonly TimeSpan ShortestPause = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(3);

    /// <summary>Whether the next step rests on pods and claims being what they were when the window was made.</summary>
    /// <remarks>
    /// They are read before the plans are written, before the freeze, and once everything is frozen: what is so then was frozen, whatever came and went
    /// before. With one node, which freezes as soon as it is prepared, only the last of these counts.
    /// </remarks>
    public static bool IsDue(FreezeState state, Progress progress)
    {
        if (progress.Record.Nodes is null || progress.Record.Workloads is null) return false;
        if (progress.Nodes.Any(n => n.Freeze is null)) return true;
        if (progress.IsSingle) return progress.Opened && state.Request.Status?.FrozenAt is null;
        return progress.Command == WindowState.Prepared
            ? progress.Nodes.All(n => n.Phase == NodeFreezePhase.Prepared)
            : !state.Window!.Spec.Confirmed && progress.Nodes.All(n => n.Phase == NodeFreezePhase.Frozen);
    }

    /// <summary>What has changed since the window was made; null when nothing has. Not for a state that lacks its workloads.</summary>
    public static WindowEnd? Changed(FreezeState state, Progress progress)
    {
        if (state.Workloads is null) return null;
        var (claims, refusal) = Resolution.ResolveClaims(state.Request.Spec, state.Request.Metadata.NamespaceProperty ?? "", state.Workloads);
        if (refusal is not null) return new(Reasons.TargetsChanged, $"what was there a moment ago is not any more: {refusal.Message}", state.Now);
        return claims?.Digest() == progress.Record.Workloads
            ? null
            : new(Reasons.TargetsChanged, "pods or claims of the request came, went or moved before everything was frozen.", state.Now);
    }

    /// <summary>The next step of a window that was ended and whose nodes are all settled; null where the request ends with it.</summary>
    public static Decision? Decide(FreezeState state, Progress progress)
    {
        var (end, request) = (progress.End!, state.Request);
        var again = end.Reason == Reasons.TargetsChanged || (end.Reason is Reasons.HeldByOtherRequest or Reasons.TooSoon && request.Spec.ConflictPolicy == ConflictPolicy.Wait);
        if (!again || progress.Opened || HookDecision.IsEnding(state) || state.IsBeingDeleted || request.Spec.DesiredState != DesiredState.Frozen || state.Now >= progress.FreezeBy) return null;
        // Where something may still be held, the request says so, and does not begin anew beside it.
        if (!progress.Nodes.All(n => n.IsFinal || n.Freeze is null)) return null;
        // Said also where it ended so soon that nothing was said in between.
        if (request.Status is { } status && (status.Phase > FreezePhase.Pending || status.Reason != end.Reason))
        {
            var message = $"{end.Message} {(end.Reason == Reasons.TargetsChanged ? "It starts again." : "It waits, and tries again.")}";
            return new()
            {
                Status = StatusReport.Pending(state, status.NodeCount, StatusReport.Accepted(state) ?? "") with { Reason = end.Reason, Message = message },
                Stories = [new(end.Reason, message)],
            };
        }

        var next = end.At + Pause(state, progress);
        return state.Now < next ? new() { RequeueAfter = FreezeDecision.Until(next, state.Now) } : new() { Action = new FreezeAction.DeleteInternals() };
    }

    /// <summary>Longer with time, and not the same for any two requests, so that two that wait for each other's nodes do not go on meeting.</summary>
    private static TimeSpan Pause(FreezeState state, Progress progress)
    {
        var waited = (state.Now - progress.Record.StartedAt) / 4;
        var pause = waited < ShortestPause ? ShortestPause : waited > LongestPause ? LongestPause : waited;
        var part = state.Uid.Aggregate(17, (hash, c) => unchecked((hash * 31) + c)) & 0xFF;
        return pause + (pause * part / 512);
    }
}
