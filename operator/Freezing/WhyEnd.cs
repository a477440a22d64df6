using Quiesce.Crds;
using Quiesce.Operator.Nodes;

namespace Quiesce.Operator.Freezing;

/// <summary>Whether a window that has not been ended must be, and why.</summary>
internal static class WhyEnd
{
    /// <summary>The first reason that holds; null when the window goes on.</summary>
    public static WindowEnd? Of(FreezeState state, Progress progress)
    {
        WindowEnd End(string reason, string message) => new(reason, message, state.Now);
        var request = state.Request;
        if (OfNode(state, progress) is { } node) return End(node.Reason, node.Message);
        if (state.IsBeingDeleted) return End(Reasons.RequestDeleted, "the request was deleted.");
        if (request.Spec.DesiredState == DesiredState.Thawed) return End(Reasons.ThawRequested, "desiredState was set to Thawed.");
        if (state.WriteRefused is { } refused) return End(refused.Reason, refused.Message);
        if (progress.Record.Nodes is null)
            return End(Reasons.InternalError, $"the annotation {WindowRecord.NodesAnnotation} of the FreezeWindow was changed by someone else.");
        if (!progress.Opened && state.Now >= progress.FreezeBy)
        {
            return End(Reasons.FreezeTimeout, Late(progress, request.Spec.FreezeTimeoutSeconds));
        }

        // A single node freezes before its pods are compared once more. What is not compared in time has not come about in time.
        if (StartAgain.IsDue(state, progress) && state.LacksWorkloads && state.Now >= progress.FreezeBy)
            return End(Reasons.FreezeTimeout, $"the pods and claims of the request could not be read within {request.Spec.FreezeTimeoutSeconds} s, so it is not known whether all of them are frozen.");

        return progress.ExpiresAt is { } expires && state.Now >= expires
            ? End(Reasons.DeadlineExceeded, $"the deadline of {progress.DeadlineSeconds} s was reached by the operator's clock.")
            : null;
    }

    private static string Late(Progress progress, int timeoutSeconds)
    {
        // At the barrier it is those that are not prepared whom all others wait for.
        var (goal, what) = progress.Command == WindowState.Prepared ? (NodeFreezePhase.Prepared, "prepared") : (NodeFreezePhase.Frozen, "frozen");
        var late = progress.Nodes.Where(n => n.Phase < goal).ToArray();
        if (late.Length == 0) return $"all nodes were {what}, but not within {timeoutSeconds} s by the operator's clock.";
        var phases = string.Join(", ", late.Select(n => n.Report is null ? "no report" : $"reported {n.Phase}").Distinct().Order());
        return $"{Resolution.Names([.. late.Select(n => n.Name)])} not {what} within {timeoutSeconds} s by the operator's clock ({phases}).";
    }

    private static Refusal? OfNode(FreezeState state, Progress progress)
    {
        // What a node did of itself comes before what it did because of another.
        var ended = progress.Nodes.Select(node => (Node: node, Rank: Rank(state, node))).Where(n => n.Rank > 0).OrderBy(n => n.Rank).ToArray();
        if (ended.Length == 0) return null;
        var (first, _) = ended[0];
        if (first.Freeze is null) return new(Reasons.CommandGone, $"node {first.Name}: its NodeFreeze was deleted by someone else, which means thaw.");
        return new(ReasonOf(first), first.Describe());
    }

    /// <summary>The reason of a node that ended by itself.</summary>
    public static string ReasonOf(NodeView node) => node switch
    {
        { Phase: NodeFreezePhase.Failed or NodeFreezePhase.Broken } => node.Report?.Reason ?? Reasons.NodeFailed,
        { Restarted: true } => Reasons.AgentRestarted,
        { Phase: NodeFreezePhase.Expired } => Reasons.DeadlineExceeded,
        _ => node.Report?.Reason ?? Reasons.CommandGone,
    };

    private static int Rank(FreezeState state, NodeView node) => node switch
    {
        { Phase: NodeFreezePhase.Failed or NodeFreezePhase.Broken, Report.Reason: not (null or Reasons.RolledBack or Reasons.CommandGone) } => 1,
        { Phase: NodeFreezePhase.Failed or NodeFreezePhase.Broken } => 2,
        { Restarted: true } => 3,
        // The status says Preparing or later only after every NodeFreeze was created, but for nodes that were called: those may still answer.
        { Freeze: null } when state.Request.Status is { Phase: > FreezePhase.Pending } && !InternalObjects.IsCalling(state.Window) => 4,
        // Nobody told it to: it has ended by itself, and is not done because a call does not return.
        { Phase: NodeFreezePhase.Thawing } => 5,
        { Phase: NodeFreezePhase.Expired } => 6,
        { Phase: NodeFreezePhase.Thawed } => 7,
        _ => 0,
    };
}
