using Quiesce.Crds;
using Quiesce.Operator.Hooks;
using Quiesce.Operator.Nodes;

namespace Quiesce.Operator.Freezing;

/// <summary>What is checked before anything is created for a request.</summary>
internal static class Admission
{
    /// <summary>The nodes that will serve the request, or why it is refused. Not for a state that lacks its workloads.</summary>
    /// <returns><c>RestsOnAbsence</c>: the refusal rests on a node or an agent that is not there.</returns>
    public static (NodeTargets? Nodes, Refusal? Refusal, bool RestsOnAbsence) Check(FreezeState state)
    {
        if (OfRequest(state) is { } refused) return (null, refused, false);
        var spec = state.Request.Spec;
        var ns = state.Request.Metadata.NamespaceProperty ?? "";
        if (state.Ahead >= state.Limits.MaxRequestsPerNamespace)
            return Refuse(Reasons.TooManyRequests, $"{state.Ahead} requests of the namespace {ns} have not ended, and this installation allows {state.Limits.MaxRequestsPerNamespace} at a time.");
        if (HookPlan.HasHooks(spec) && !state.HooksAreEnabled)
            return Refuse(Reasons.HooksNotEnabled, $"the request has hooks, and this installation does not enable them for the namespace {ns}.");
        var (nodes, refusal) = Resolution.Resolve(spec, ns, state.Cluster, state.Workloads);
        if (nodes is not null && HookPlan.HasHooks(spec)) refusal = HookPlan.Of(spec, ns, state.Workloads!, nodes.Pods).Refusal;
        return (refusal is null ? nodes : null, refusal, refusal?.Reason is Reasons.NodeNotFound or Reasons.NoNodeMatches or Reasons.AgentNotReady);
    }

    /// <summary>Why the request itself is refused, whatever is in the cluster; null where it is not.</summary>
    public static Refusal? OfRequest(FreezeState state)
    {
        var (meta, spec) = (state.Request.Metadata, state.Request.Spec);
        if (meta.Labels?.TryGetValue(QuiesceApi.RestoreNameLabel, out var restore) is true)
            return new(Reasons.Restored, $"this request was restored from a backup ({restore}), and a restore never freezes.");
        // Not every tool that restores says so.
        if (meta.Annotations?.TryGetValue(QuiesceApi.TakenAsAnnotation, out var original) is true && original != state.Uid)
            return new(Reasons.Restored, $"this request is a copy of one that was carried out before (its annotation {QuiesceApi.TakenAsAnnotation} names another UID), and a request freezes once.");
        if (state.IsBeingDeleted) return new(Reasons.RequestDeleted, "deleted before anything was frozen.");
        if (spec.DesiredState == DesiredState.Thawed) return new(Reasons.ThawedBeforeFrozen, "desiredState is Thawed, and nothing was frozen.");
        return spec.DeadlineSeconds > state.Limits.MaxDeadline.TotalSeconds ? new(Reasons.DeadlineTooLong, TooLong(spec.DeadlineSeconds, state.Limits)) : state.WriteRefused;
    }

    /// <summary>A deadline above the maximum, as a sentence.</summary>
    public static string TooLong(int seconds, FreezeLimits limits) =>
        $"deadlineSeconds is {seconds}, and this installation allows {limits.MaxDeadline.TotalSeconds:0} at most.";

    private static (NodeTargets?, Refusal?, bool) Refuse(string reason, string message) => (null, new(reason, message), false);
}
