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
        if (state.Window is not null || state.NodeFreezes.Count > 0) return new() { Action = new FreezeAction.DeleteInternals() };
        if (state.Request.Spec.TtlSecondsAfterFinished is not { } ttl) return new();
        var finished = status.Conditions.FirstOrDefault(c => c.Type == ConditionTypes.Finished)?.LastTransitionTime ?? state.Now;
        var over = finished + TimeSpan.FromSeconds(ttl);
        return state.Now >= over
            ? new() { Action = new FreezeAction.DeleteRequest() }
            : new() { RequeueAfter = FreezeDecision.Until(over, state.Now) };
    }
}
