using Quiesce.Crds;

namespace Quiesce.Operator.Freezing;

/// <summary>What is left to do for a request in a final phase: release it, clean up, and delete it when its time is over.</summary>
internal static class AfterTheEnd
{
    /// <summary>The next step.</summary>
    public static Decision Decide(FreezeState state)
    {
        var status = state.Request.Status!;
        var generation = state.Request.Metadata.Generation ?? 0;
        // A spec that changes afterwards must not blind `kubectl wait`, which ignores conditions of an older generation.
        if (status.ObservedGeneration != generation)
        {
            return new()
            {
                Status = status with { ObservedGeneration = generation, Conditions = Conditions.Refresh(status.Conditions, generation) },
                Stories = state.Request.Spec.DesiredState == DesiredState.Frozen
                    ? [new(status.Reason ?? status.Phase.ToString(), $"the spec was changed, but the request has finished ({status.Phase}): create a new one.", IsWarning: true)]
                    : [],
            };
        }

        // The controller takes the finalizer off, and what is left is swept with the deletion.
        if (state.IsBeingDeleted) return new();
        if (state.HasFinalizer) return new() { Action = new FreezeAction.ReleaseRequest() };
        var over = Over(state, status);
        // What is stuck keeps neither the request nor what is left of it.
        if (StuckCalls.Condition(status) is { Status: ConditionStatus.True } && !(state.Now >= over)) return WaitForStuck(state, status, over);
        if (state.Window is not null || state.NodeFreezes.Count > 0) return new() { Action = new FreezeAction.DeleteInternals() };
        return state.Now >= over ? new() { Action = new FreezeAction.DeleteRequest() } : new() { RequeueAfter = FreezeDecision.Until(over, state.Now) };
    }

    /// <summary>Keeps the internal objects, in which the agents go on to report, and tells what they say, until the last call has returned.</summary>
    private static Decision WaitForStuck(FreezeState state, FreezeRequestStatus status, DateTimeOffset? over)
    {
        var after = StatusReport.Afterwards(state, new Progress(state));
        return new() { Status = after, RequeueAfter = FreezeDecision.Until(over, state.Now), Stories = StuckCalls.Stories(status, after) };
    }

    /// <summary>When the request deletes itself; null for never.</summary>
    private static DateTimeOffset? Over(FreezeState state, FreezeRequestStatus status)
    {
        if (state.Request.Spec.TtlSecondsAfterFinished is not { } ttl) return null;
        var finished = status.Conditions.FirstOrDefault(c => c.Type == ConditionTypes.Finished)?.LastTransitionTime ?? state.Now;
        return finished + TimeSpan.FromSeconds(ttl);
    }
}
