using Quiesce.Crds;
using Quiesce.Operator.Freezing;

namespace Quiesce.Operator.Hooks;

/// <summary>How far the hooks of one stage are, and what is to be done next.</summary>
internal sealed record HookSteps
{
    /// <summary>Characters of one message.</summary>
    private const int MostMessage = 1024;

    /// <summary>How long after a deletion hooks are begun.</summary>
    private static readonly TimeSpan AfterDeletion = TimeSpan.FromMinutes(1);

    /// <summary>
    /// How long after a command that was sent before the freeze can have begun no more its pod is told to go on. What comes last to the kubelet is begun by then.
    /// </summary>
    public static readonly TimeSpan Settle = TimeSpan.FromSeconds(2);

    /// <summary>All hooks of the request, as they are now.</summary>
    public required IReadOnlyList<HookStatus> Hooks { get; init; }

    /// <summary>Those whose commands are to be sent once they are written down as such.</summary>
    public IReadOnlyList<HookStatus> Starts { get; init; } = [];

    /// <summary>What is to be told of those that have ended.</summary>
    public IReadOnlyList<Story> Stories { get; init; } = [];

    /// <summary>Commands of the stage are under way.</summary>
    public bool IsRunning { get; init; }

    /// <summary>How long it takes until the next ones may begin; null where time is not what is waited for.</summary>
    public TimeSpan? BeginsIn { get; init; }

    /// <summary>The hooks differ from what the status says.</summary>
    public bool IsChanged { get; init; }

    /// <summary>Nothing of the stage is under way, and nothing is left to begin.</summary>
    public bool IsDone => !IsRunning && Starts.Count == 0 && BeginsIn is null;

    /// <summary>The first hook of the stage that has failed where a failure counts.</summary>
    public HookStatus? Failed(HookStage stage) => Hooks.FirstOrDefault(h => h.Stage == stage && h is { State: HookState.Failed, OnError: HookErrorMode.Fail });

    /// <summary>What is to be done in a stage.</summary>
    /// <param name="state">The state; its runs are those of this process.</param>
    /// <param name="hooks">All hooks of the request.</param>
    /// <param name="stage">The stage.</param>
    public static HookSteps Of(FreezeState state, IReadOnlyList<HookStatus> hooks, HookStage stage)
    {
        var now = hooks.ToArray();
        var starts = new List<HookStatus>();
        var stories = new List<Story>();
        var running = false;
        for (var i = 0; i < now.Length; i++)
        {
            if (now[i].State != HookState.Running) continue;
            var run = state.HookRuns.GetValueOrDefault(HookPlan.Key(now[i]));
            if (run is null || run.StartedAt != now[i].StartedAt)
            {
                // Sent by an operator that is no more: it may have run, and it may run still.
                now[i] = stage == HookStage.PostThaw && now[i].Stage == stage
                    ? now[i] with { State = HookState.Pending }
                    : now[i] with { State = HookState.Failed, Reason = Reasons.HookInterrupted, Message = "the operator that had sent the command was replaced before it ended." };
            }
            else if (run.Result is { } result) now[i] = Ended(now[i], result, OutputLength(now.Length));
            else if (run.IsStarted)
            {
                running |= now[i].Stage == stage;
                now[i] = now[i] with { Message = Shortened(run.Trouble) };
            }
            else if (now[i].Stage == stage) starts.Add(now[i]);
            else now[i] = now[i] with { State = HookState.Skipped, Message = "the command was not sent." };
            if (now[i].State <= HookState.Running) continue;
            now[i] = now[i] with { FinishedAt = ToMilliseconds(state.Now) };
            stories.Add(Tell(now[i]));
        }

        var steps = new HookSteps { Hooks = now, Stories = stories, IsRunning = running, Starts = starts };
        // One hook after the other, each in all of its pods at a time; before the freeze none after one that failed.
        var next = Array.FindIndex(now, h => h.Stage == stage && h.State == HookState.Pending);
        var wait = next >= 0 && stage == HookStage.PostThaw ? Unsettled(state, now) : null;
        if (wait is null && !running && starts.Count == 0 && next >= 0 && !(stage == HookStage.PreFreeze && steps.Failed(stage) is not null))
        {
            var over = IsOver(state, now.Where(h => h.Stage == stage));
            for (var i = next; i < now.Length; i++)
            {
                if (now[i].Stage != stage || now[i].State != HookState.Pending) continue;
                if (!state.HooksAreEnabled) now[i] = now[i] with { State = HookState.Skipped, Reason = Reasons.HooksNotEnabled, Message = "hooks are not enabled any more." };
                else if (over) now[i] = now[i] with { State = HookState.Skipped, Reason = Reasons.HookInterrupted, Message = "the request was deleted, and a minute was over." };
                else if (now[i].Hook == now[next].Hook) starts.Add(now[i] = now[i] with { State = HookState.Running, StartedAt = StartOf(state, now[i]), Reason = null, Message = null });
            }

            if (starts.Count > 0) stories.Add(new(stage.ToString(), $"running {starts[0].Hook} in {Verdict.Count(starts.Count, "pod")}: {Pods(starts)}."));
        }

        return steps with { BeginsIn = wait, IsChanged = !now.SequenceEqual(state.Request.Status?.Hooks ?? []) };
    }

    /// <summary>The same, with what is left of the stage not to be run.</summary>
    public HookSteps Skip(HookStage stage, string message) =>
        this with { Hooks = [.. Hooks.Select(h => h.Stage == stage && h.State == HookState.Pending ? h with { State = HookState.Skipped, Message = message } : h)] };

    /// <summary>A hook that failed, as a sentence.</summary>
    public static string Describe(HookStatus hook) => $"{hook.Hook} in pod {hook.Pod} (container {hook.Container}): {hook.Message}";

    private static HookStatus Ended(HookStatus hook, HookResult result, int outputLength) => hook with
    {
        State = result.State,
        DurationMilliseconds = result.DurationMilliseconds,
        ExitCode = result.ExitCode,
        Reason = result.Reason,
        Message = Shortened(result.Message),
        Output = result.Output is { Length: > 0 } output ? output[Math.Max(0, output.Length - outputLength)..] : null,
    };

    /// <summary>
    /// How long it takes until no command of before the freeze can be on its way any more: one that came to its pod after that was told to go on would keep it waiting for good. Null where
    /// none is. A clock that was set back does not prolong it.
    /// </summary>
    private static TimeSpan? Unsettled(FreezeState state, IEnumerable<HookStatus> hooks)
    {
        var most = state.Limits.HookDial + Settle;
        return hooks.Where(h => h.Stage == HookStage.PreFreeze).Max(h => ComesUntil(state, h)) is { } until && until - state.Now is var wait && wait > TimeSpan.Zero && wait <= most
            ? wait
            : null;
    }

    /// <summary>Until when the command of a hook that has ended may still come to its pod; null where it has come there, or never will.</summary>
    private static DateTimeOffset? ComesUntil(FreezeState state, HookStatus hook)
    {
        if (hook.FinishedAt is not { } end) return null;
        if (state.HookRuns.GetValueOrDefault(HookPlan.Key(hook)) is { Result: { } result } run && run.StartedAt == hook.StartedAt) return end + result.MayComeFor;
        // Sent by an operator that is no more. What has written something has come there.
        if (hook.Output is not null || hook.StartedAt is not { } start) return null;
        var dial = state.Limits.HookDial;
        return hook.Reason switch
        {
            Reasons.HookInterrupted => (start + dial > end ? start + dial : end) + Settle,
            // With a duration it was sent, and its connection was lost.
            Reasons.HookNotRun when hook.DurationMilliseconds is { } sent => end - TimeSpan.FromMilliseconds(sent) + dial + Settle,
            Reasons.HookTimeout => end - TimeSpan.FromMilliseconds(hook.DurationMilliseconds ?? 0) + dial + Settle,
            _ => null,
        };
    }

    /// <summary>Part of it may be the kubelet's, or the command's own.</summary>
    private static string? Shortened(string? message) => message is { Length: > MostMessage } ? $"{message[..MostMessage]}…" : message;

    /// <summary>All outputs together have to find room in one object.</summary>
    private static int OutputLength(int hooks) => Math.Clamp(64 * 1024 / Math.Max(1, hooks), 256, Bounds.HookOutputLength);

    private static Story Tell(HookStatus hook) => hook.State == HookState.Succeeded
        ? new(hook.Stage.ToString(), $"{hook.Hook} in pod {hook.Pod} (container {hook.Container}) ended with exit code 0 after {hook.DurationMilliseconds} ms.")
        : new(hook.Reason ?? hook.State.ToString(), Describe(hook), IsWarning: hook.State == HookState.Failed);

    private static string Pods(List<HookStatus> hooks) =>
        hooks.Count <= 8 ? string.Join(", ", hooks.Select(h => h.Pod)) : $"{string.Join(", ", hooks.Take(8).Select(h => h.Pod))} and {hooks.Count - 8} more";

    /// <summary>
    /// The request is being deleted, and a minute has gone since that, or since the first hook of the stage began where that was later: what is thawed may have been waited for.
    /// </summary>
    private static bool IsOver(FreezeState state, IEnumerable<HookStatus> stage)
    {
        if (!state.IsBeingDeleted || stage.Min(h => h.StartedAt) is not { } first) return false;
        // The API server's clock may be ahead of this one.
        var deleted = new DateTimeOffset(state.Request.Metadata.DeletionTimestamp!.Value.ToUniversalTime());
        return state.Now >= (deleted > first && deleted <= state.Now ? deleted : first) + AfterDeletion;
    }

    /// <summary>Now, or when a start that may have been written already says so.</summary>
    private static DateTimeOffset StartOf(FreezeState state, HookStatus hook) =>
        state.HookRuns.GetValueOrDefault(HookPlan.Key(hook)) is { IsStarted: false } noted ? noted.StartedAt : ToMilliseconds(state.Now);

    /// <summary>As it is stored, so that what is read back is the same.</summary>
    private static DateTimeOffset ToMilliseconds(DateTimeOffset time) => new(time.UtcTicks - (time.UtcTicks % TimeSpan.TicksPerMillisecond), TimeSpan.Zero);
}
