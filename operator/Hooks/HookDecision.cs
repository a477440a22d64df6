using Quiesce.Crds;
using Quiesce.Operator.Freezing;
using Quiesce.Operator.Nodes;

namespace Quiesce.Operator.Hooks;

/// <summary>What hooks put between the steps of a request; nothing where it has none.</summary>
/// <remarks>
/// The plan is written into the status before anything is begun: from then on the hooks after the thaw run, whatever becomes of the request. While they
/// run without a window, the status keeps why: its reason and message are those the request will end with.
/// </remarks>
internal static class HookDecision
{
    /// <summary>Longest time without a look at what runs, in case nobody says that it has ended.</summary>
    private static readonly TimeSpan Look = TimeSpan.FromSeconds(5);

    /// <summary>Hooks after the thaw have begun although there is no window: the request ends, whatever is so now.</summary>
    public static bool IsEnding(FreezeState state) =>
        state.Hooks.Any(h => h.Stage == HookStage.PostThaw && (h.State != HookState.Pending || h.StartedAt is not null));

    /// <summary>The hooks that come before the window.</summary>
    /// <returns>Null when all that have to run have run.</returns>
    public static Decision? BeforeWindow(FreezeState state, NodeTargets nodes, string accepted)
    {
        var spec = state.Request.Spec;
        if (!HookPlan.HasHooks(spec)) return null;
        var (plan, _) = HookPlan.Of(spec, state.Request.Metadata.NamespaceProperty ?? "", state.Workloads!, nodes.Pods);
        var merged = HookPlan.Merge(state.Hooks, plan);
        if (merged.Count > Bounds.Hooks) return BeforeRefusal(state, HookPlan.TooMany(merged.Count), restsOnAbsence: false);
        var steps = HookSteps.Of(state, merged, HookStage.PreFreeze);
        if (steps.IsDone && steps.Failed(HookStage.PreFreeze) is { } failed)
        {
            var refusal = new Refusal(failed.Reason ?? Reasons.HookFailed, HookSteps.Describe(failed));
            return BeforeRefusal(state, refusal, restsOnAbsence: false, steps.Skip(HookStage.PreFreeze, "a hook before it failed."));
        }

        if (steps is { IsChanged: false, IsDone: true }) return null;
        var status = StatusReport.Pending(state.With(steps.Hooks), nodes.Names.Count, accepted);
        var (done, all) = (steps.Hooks.Count(h => h is { Stage: HookStage.PreFreeze, State: > HookState.Running }), steps.Hooks.Count(h => h.Stage == HookStage.PreFreeze));
        if (all > 0) status = status with { Reason = Reasons.RunningHooks, Message = $"before the freeze {done} of {Verdict.Count(all, "hook")} have ended." };
        IReadOnlyList<Story> first = state.Request.Status is null ? [new(Reasons.Accepted, accepted), .. Warnings.Stories(state, spec.DeadlineSeconds, before: 0)] : [];
        return Write(steps, status) with { Stories = [.. first, .. steps.Stories] };
    }

    /// <summary>Ends a request that has no window: calls off the hooks before the freeze, and runs those after it.</summary>
    /// <param name="state">The state.</param>
    /// <param name="refusal">Why; null when that stands in the status.</param>
    /// <param name="restsOnAbsence">It rests on something that is not there.</param>
    /// <param name="known">How far the hooks are, where that was looked at.</param>
    public static Decision BeforeRefusal(FreezeState state, Refusal? refusal, bool restsOnAbsence, HookSteps? known = null)
    {
        var hooks = known?.Hooks ?? state.Hooks;
        if (hooks.Count == 0) return FreezeDecision.Refused(state, refusal!, restsOnAbsence);
        var underway = hooks.Where(h => h is { Stage: HookStage.PreFreeze, State: HookState.Running })
            .Select(h => state.HookRuns.GetValueOrDefault(HookPlan.Key(h)) is { IsStarted: true, Result: null } run && run.StartedAt == h.StartedAt ? run : null)
            .OfType<HookRunView>()
            .ToArray();
        if (underway.Any(run => !run.IsCancelled)) return new() { Action = new FreezeAction.CancelHooks(), RestsOnAbsence = restsOnAbsence };
        if (underway.Length > 0) return new() { RequeueAfter = Look };
        var status = state.Request.Status;
        refusal ??= new(status?.Reason ?? Reasons.InternalError, status?.Message ?? "");
        var steps = HookSteps.Of(state, hooks, HookStage.PostThaw);
        // While it only waits, what it is refused for may pass, and then they are to run.
        if (steps.BeginsIn is null) steps = steps.Skip(HookStage.PreFreeze, "the request was ended before.");
        var now = state.With(steps.Hooks);
        if (steps.IsDone)
        {
            var end = FreezeDecision.Refused(now, refusal, restsOnAbsence, accepted: true);
            return end with { Stories = [.. known?.Stories ?? [], .. steps.Stories, .. end.Stories] };
        }

        var ending = StatusReport.Pending(now, status?.NodeCount ?? 0, StatusReport.Accepted(state) ?? "") with { Reason = refusal.Reason, Message = refusal.Message };
        return Write(steps, ending) with { Stories = [.. known?.Stories ?? [], .. steps.Stories], RestsOnAbsence = restsOnAbsence };
    }

    /// <summary>The hooks that come after the window, of which everything is released that will be.</summary>
    /// <returns>Null where there are none; the last one carries the final status.</returns>
    public static Decision? AfterWindow(FreezeState state, Progress progress, Verdict verdict)
    {
        if (state.Hooks is not { Count: > 0 } hooks) return null;
        var steps = HookSteps.Of(state, hooks, HookStage.PostThaw);
        var now = state.With(steps.Hooks);
        if (steps.IsDone && steps.Failed(HookStage.PostThaw) is { } failed) verdict = verdict with { Message = $"{verdict.Message} A hook after the thaw failed: {HookSteps.Describe(failed)}" };
        var ended = StatusReport.Ended(now, progress, verdict);
        if (steps.IsDone)
            return new() { Status = ended, Stories = [.. steps.Stories, .. StuckCalls.Stories(state.Request.Status, ended), FreezeDecision.FinalStory(verdict)] };
        // What is thawed is thawed, and the verdict is known: only the end of the request waits.
        var (done, all) = (steps.Hooks.Count(h => h is { Stage: HookStage.PostThaw, State: > HookState.Running }), steps.Hooks.Count(h => h.Stage == HookStage.PostThaw));
        var message = $"after the thaw {done} of {Verdict.Count(all, "hook")} have ended.";
        var generation = state.Request.Metadata.Generation ?? 0;
        var finished = new Conditions(state.Request.Status!.Conditions, generation, state.Now).Set(ConditionTypes.Finished, ConditionStatus.False, Reasons.RunningHooks, message).All[0];
        var status = ended with
        {
            Phase = FreezePhase.Thawing,
            Message = $"{verdict.Message} Then, {message}",
            Conditions = [.. ended.Conditions.Select(c => c.Type == ConditionTypes.Finished ? finished : c)],
        };
        return Write(steps, status) with { Stories = steps.Stories };
    }

    /// <summary>The condition HooksSucceeded.</summary>
    public static Conditions AboutHooks(this Conditions conditions, FreezeState state)
    {
        var hooks = state.Hooks;
        if (hooks.FirstOrDefault(h => h.OnError == HookErrorMode.Fail && (h.State == HookState.Failed || IsOwed(h))) is { } failed)
            return conditions.Set(ConditionTypes.HooksSucceeded, ConditionStatus.False, failed.Reason ?? Reasons.HookFailed, HookSteps.Describe(failed));
        return hooks.Count > 0 && hooks.All(h => h.State > HookState.Running)
            ? conditions.Set(ConditionTypes.HooksSucceeded, ConditionStatus.True, Reasons.HooksSucceeded)
            : conditions.Keep(ConditionTypes.HooksSucceeded);
    }

    /// <summary>After the thaw it was not run, although its pod may be there.</summary>
    private static bool IsOwed(HookStatus hook) =>
        hook is { Stage: HookStage.PostThaw, State: HookState.Skipped, Reason: Reasons.HookInterrupted or Reasons.HooksNotEnabled };

    /// <summary>At once where something is to begin, or where the next step rests on what has ended; otherwise at the pace of any status.</summary>
    private static Decision Write(HookSteps steps, FreezeRequestStatus status) =>
        steps.Starts.Count > 0 || (steps.IsDone && steps.IsChanged)
            ? new() { Action = new FreezeAction.RunHooks(steps.Starts), Status = status }
            : new() { Status = status, RequeueAfter = steps.BeginsIn ?? Look };
}
