using Quiesce.Crds;
using Quiesce.Operator.Hooks;
using Quiesce.Operator.Nodes;

namespace Quiesce.Operator.Freezing;

/// <summary>Decides what is to be done about a FreezeRequest: a pure function of its objects and the time.</summary>
/// <remarks>
/// It is asked again after every write, and gives one write at a time, so that an operator that is killed between any two
/// of them goes on where it was. The order of the writes is what makes that safe: the finalizer before anything is created, the
/// window with the node names before the first NodeFreeze, the status Preparing after the last one, the final status before
/// anything is deleted.
/// </remarks>
internal static class FreezeDecision
{
    /// <summary>Where the message of the condition Accepted goes on about a raise; the rest of it stays what it was.</summary>
    private const string RaiseRefused = " The raise of the deadline was refused:";

    /// <summary>The next step.</summary>
    public static Decision Decide(FreezeState state)
    {
        if (state.IsFinal) return AfterTheEnd.Decide(state);
        if (state.Request.Spec.DryRun) return DryRun.Decide(state);
        var started = state.Window is not null || state.NodeFreezes.Count > 0 || state.Request.Status is { Phase: > FreezePhase.Pending };
        return started ? GoOn(state) : Begin(state);
    }

    private static Decision Begin(FreezeState state)
    {
        // Someone else's finalizer keeps it, and we have nothing to do with it.
        if (state is { IsBeingDeleted: true, HasFinalizer: false }) return new();
        if (HookDecision.IsEnding(state)) return HookDecision.BeforeRefusal(state, null, restsOnAbsence: false);
        // Before pods are read, which may not be possible now: an end does not wait for that.
        if (Admission.OfRequest(state) is { } ended) return HookDecision.BeforeRefusal(state, ended, restsOnAbsence: false);
        if (state.LacksWorkloads) return new() { NeedsWorkloads = true };
        var (nodes, refusal, absence) = Admission.Check(state);
        if (refusal is not null) return HookDecision.BeforeRefusal(state, refusal, absence);
        if (!IsClaimed(state)) return new() { Action = new FreezeAction.Claim() };
        var accepted = AcceptedMessage(nodes!);
        if (HookDecision.BeforeWindow(state, nodes!, accepted) is { } hooks) return hooks;
        if (state.Since is { } since && state.Now >= since + TimeSpan.FromSeconds(state.Request.Spec.FreezeTimeoutSeconds))
        {
            var again = state.Request.Status is { Reason: Reasons.TargetsChanged or Reasons.HeldByOtherRequest or Reasons.TooSoon } status ? new Refusal(status.Reason, status.Message ?? "") : null;
            return HookDecision.BeforeRefusal(state, again ?? new(Reasons.FreezeTimeout, "the API server did not take the window in time."), restsOnAbsence: true);
        }

        var window = InternalObjects.Window(state, nodes!);
        return new()
        {
            Action = new FreezeAction.CreateWindow(window, nodes!.Names),
            // Beside the window, not before it: it is for people, and for the freeze timeout if the window cannot be created.
            Status = StatusReport.Pending(state, nodes!.Names.Count, accepted),
            Stories = [new(Reasons.Accepted, accepted), .. Warnings.Stories(state, state.Request.Spec.DeadlineSeconds, before: 0), .. InternalObjects.IsCalled(window) ? [Preparing(nodes.Names)] : Array.Empty<Story>()],
        };
    }

    private static Decision GoOn(FreezeState state)
    {
        var progress = new Progress(state);
        if (progress.End is not null) return Close(state, progress);
        var end = WhyEnd.Of(state, progress);
        // A volume that is not mounted may be that of a pod that has gone since.
        if (end is null ? StartAgain.IsDue(state, progress) : end.Reason == Reasons.VolumeNotMounted && !progress.Opened)
        {
            if (state.LacksWorkloads) return new() { NeedsWorkloads = true };
            end = StartAgain.Changed(state, progress) ?? end;
        }

        // A window whose creation was thought to have failed: the applications have been told to go on.
        if (end is null && !progress.Opened && HookDecision.IsEnding(state)) end = new(state.Request.Status?.Reason ?? Reasons.InternalError, state.Request.Status?.Message ?? "", state.Now);
        if (end is not null)
        {
            var asked = end.Reason is Reasons.ThawRequested or Reasons.RequestDeleted;
            return new()
            {
                Action = new FreezeAction.Thaw(InternalObjects.ThawPatch(end)),
                Stories = [new(end.Reason, $"thawing: {end.Message}", IsWarning: !asked)],
            };
        }

        return Open(state, progress);
    }

    private static Decision Open(FreezeState state, Progress progress)
    {
        var missing = progress.Nodes.Where(n => n.Freeze is null).ToArray();
        if (missing.Length > 0)
        {
            if (state.Now < progress.AnswerBy) return new() { Status = StatusReport.Underway(state, progress, StatusReport.Accepted(state) ?? AcceptedMessage(progress.Names)), RequeueAfter = Until(progress.AnswerBy, state.Now) };
            var targets = progress.Record.Nodes!.With(Resolution.ResolveClaims(state.Request.Spec, state.Request.Metadata.NamespaceProperty ?? "", state.Workloads).Claims);
            return new()
            {
                Action = new FreezeAction.CreateNodeFreezes(
                    [.. missing.Select(n => InternalObjects.NodeFreeze(state, targets, n.Name, NodeFreezeMode.Hold))]),
                Stories = progress.IsSingle
                    ? [Preparing(progress.Names), new(nameof(FreezePhase.Freezing), $"{Resolution.Names(progress.Names)} will freeze as soon as it is prepared.")]
                    : [InternalObjects.IsCalled(state.Window!) ? new(nameof(FreezePhase.Preparing), $"{Resolution.Names([.. missing.Select(n => n.Name)])} not prepared yet, and now given a plan each.") : Preparing(progress.Names)],
            };
        }

        if (progress.Command == WindowState.Prepared && progress.Nodes.All(n => n.Phase == NodeFreezePhase.Prepared))
        {
            return new()
            {
                Action = InternalObjects.Freeze(state.Now),
                Stories = [new(nameof(FreezePhase.Freezing), $"all {progress.Nodes.Count} nodes are prepared and freeze now.")],
            };
        }

        if (progress.Command == WindowState.Frozen && !state.Window!.Spec.Confirmed && progress.Nodes.All(n => n.Phase == NodeFreezePhase.Frozen))
            return new() { Action = InternalObjects.Confirm(state.Now) };

        var (raise, accepted, stories) = Deadline(state, progress);
        if (raise is not null)
        {
            if (state.LacksWorkloads) return new() { NeedsWorkloads = true };
            return new() { Action = raise, Stories = [.. stories, .. Warnings.Stories(state, state.Request.Spec.DeadlineSeconds, progress.DeadlineSeconds)] };
        }

        var status = StatusReport.Underway(state, progress, accepted);
        if (status.Phase == FreezePhase.Frozen && state.Request.Status?.Phase != FreezePhase.Frozen)
            stories = [.. stories, new(nameof(FreezePhase.Frozen), status.Message!)];
        DateTimeOffset? next = progress.Opened ? progress.ExpiresAt : Earlier(progress.FreezeBy, progress.ExpiresAt);
        return new() { Status = status, RequeueAfter = Until(next, state.Now), Stories = stories };
    }

    private static Decision Close(FreezeState state, Progress progress)
    {
        if (!progress.IsSettled)
        {
            var ending = StatusReport.Ending(state, progress);
            IReadOnlyList<Story> refused = state.Request.Spec.DeadlineSeconds > progress.DeadlineSeconds
                ? [new(Reasons.DeadlineExceeded, "the raise of the deadline was refused: the window has ended.", IsWarning: true)]
                : [];
            return new()
            {
                Status = ending,
                RequeueAfter = Until(progress.LostAt, state.Now),
                Stories = [.. refused, .. StuckCalls.Stories(state.Request.Status, ending)],
            };
        }

        if (StartAgain.Decide(state, progress) is { } again) return again;
        var verdict = Verdict.Of(state, progress);
        var ended = StatusReport.Ended(state, progress, verdict);
        // A node that seems silent may have spoken on a watch that silently died.
        var rests = progress.Nodes.Any(n => n.Lost);
        if (HookDecision.AfterWindow(state, progress, verdict) is { } hooks) return hooks with { RestsOnAbsence = rests };
        return new() { Status = ended, Stories = [.. StuckCalls.Stories(state.Request.Status, ended), FinalStory(verdict)], RestsOnAbsence = rests };
    }

    /// <summary>A raise of the deadline: the write, or the message that refuses it.</summary>
    private static (FreezeAction? Raise, string Accepted, IReadOnlyList<Story> Stories) Deadline(FreezeState state, Progress progress)
    {
        var accepted = StatusReport.Accepted(state) is { Length: > 0 } text ? text.Split(RaiseRefused)[0] : AcceptedMessage(progress.Names);
        var wanted = state.Request.Spec.DeadlineSeconds;
        if (wanted <= progress.DeadlineSeconds) return (null, accepted, []);
        var refused = wanted > state.Limits.MaxDeadline.TotalSeconds
            ? new(Reasons.DeadlineTooLong, Admission.TooLong(wanted, state.Limits))
            : state.RaiseRefused;
        if (refused is not null)
        {
            var refusal = $"{RaiseRefused.TrimStart()} {refused.Message} {progress.DeadlineSeconds} s stay in force.";
            var told = StatusReport.Accepted(state)?.Contains(refusal, StringComparison.Ordinal) is true;
            return (null, $"{accepted} {refusal}", told ? [] : [new(refused.Reason, refusal, IsWarning: true)]);
        }

        // The status has to know the end that was promised before it can move.
        if (progress.Record.CommandedAt is not null && state.Request.Status?.DeadlineAt is null) return (null, accepted, []);
        return (InternalObjects.Raise(wanted), accepted, [new(Reasons.DeadlineRaised, $"the deadline is raised from {progress.DeadlineSeconds} s to {wanted} s.")]);
    }

    /// <summary>Ends a request that never had a window.</summary>
    public static Decision Refused(FreezeState state, Refusal refusal, bool restsOnAbsence, bool accepted = false)
    {
        var verdict = new Verdict(FreezePhase.Failed, refusal.Reason, NextSteps.After(refusal.Message, refusal.Reason));
        return new()
        {
            Status = StatusReport.WithoutWindow(state, [], verdict, accepted),
            Stories = [FinalStory(verdict)],
            RestsOnAbsence = restsOnAbsence,
        };
    }

    /// <summary>The finalizer and the backup label are on the request.</summary>
    public static bool IsClaimed(FreezeState state) =>
        state.HasFinalizer && state.Request.Metadata.Labels?.TryGetValue(QuiesceApi.ExcludeFromBackupLabel, out var value) is true && value == "true";

    /// <summary>The nodes of a request, as a sentence.</summary>
    public static string AcceptedMessage(NodeTargets nodes) =>
        nodes.Ignored is { } ignored ? $"{AcceptedMessage(nodes.Names)} {ignored}" : AcceptedMessage(nodes.Names);

    private static string AcceptedMessage(IReadOnlyList<string> nodes) => $"{Resolution.Names(nodes)} will take part.";

    /// <summary>The last line of a request's story.</summary>
    public static Story FinalStory(Verdict verdict) =>
        new(verdict.Phase.ToString(), verdict.Phase == FreezePhase.Thawed ? verdict.Message : $"{verdict.Reason}: {verdict.Message}", verdict.Phase != FreezePhase.Thawed);

    /// <summary>The time from now until then; a moment more, so that it is over when the requeue comes.</summary>
    public static TimeSpan? Until(DateTimeOffset? then, DateTimeOffset now) =>
        then is not { } time ? null : time > now ? time - now + TimeSpan.FromMilliseconds(1) : TimeSpan.FromMilliseconds(1);

    private static Story Preparing(IReadOnlyList<string> nodes) =>
        new(nameof(FreezePhase.Preparing), $"opening, verifying and flushing on {Resolution.Names(nodes)}; nothing is frozen yet.");

    private static DateTimeOffset Earlier(DateTimeOffset a, DateTimeOffset? b) => b is { } other && other < a ? other : a;
}
