using Quiesce.Freezing.Kernel;
using Quiesce.Freezing.Planning;
using Quiesce.Freezing.Reports;

namespace Quiesce.Freezing.Windows;

/// <summary>
/// The life of one window on one node, as pure decisions: what happened goes in, what is to be done comes out. It calls nothing and
/// waits for nothing, so that every order of events can be tried in a test.
/// </summary>
/// <remarks>
/// One thread at a time. Whoever calls a member takes all of <see cref="TryTake"/>'s actions afterwards and sees to
/// <see cref="NextTimer"/>. Times are nanoseconds of <c>CLOCK_BOOTTIME</c>. From <see cref="End"/> on nothing is allocated until
/// a report is asked for.
/// </remarks>
public sealed class Window
{
    // A flush that took longer than this left time for new dirty pages: flush again, but not for ever.
    private const long SlowFlush = 50_000_000;
    private const int MaximumFlushRounds = 3;

    // One dead device must not hold up the thaw of what lies above it.
    private const long ThawStageWait = 200_000_000;

    // Nor many dead ones on top of each other: this long after the end every stage is being thawed, which leaves the calls time within a second.
    private const long AllStagesWait = 800_000_000;

    // A call that has not returned this long after the end is shown as stuck; a freeze that is as old when the window ends is so at once.
    private const long StuckAfter = 1_000_000_000;

    // FITHAW errors other than EINVAL are not known to be final.
    private const int MaximumThawAttempts = 3;

    private readonly WindowOptions options;
    private readonly HeldFilesystem[] filesystems;
    private readonly int lastStage;
    private readonly long freezeTimeoutAt;
    private readonly Queue<WindowAction> actions;
    private bool freezeCommanded;
    private bool confirmed;
    private long deadline;
    private long? armedAt;
    private long? confirmBy;
    private int freezeStage = -1;
    private int thawStage = -1;
    private long? thawStageUntil;
    private long? stuckReportAt;
    private long? endedAt;
    private bool wasOpen;
    private EndCause? cause;

    /// <summary>A window over the filesystems of a plan; call <see cref="Start"/> next.</summary>
    /// <param name="options">How it behaves.</param>
    /// <param name="planned">What to hold; at least one.</param>
    /// <param name="now">When the freeze timeout starts to count.</param>
    public Window(WindowOptions options, IReadOnlyList<PlannedFilesystem> planned, long now)
    {
        this.options = options;
        filesystems = [.. planned.Select(p => new HeldFilesystem(p))];
        lastStage = planned.Max(p => p.Stage);
        deadline = options.Deadline;
        freezeTimeoutAt = now + options.FreezeTimeout;
        freezeCommanded = options.FreezeAtOnce;
        confirmed = !options.RequireConfirmation;
        actions = new Queue<WindowAction>((filesystems.Length * 4) + 16);
    }

    /// <summary>Where the window is in its life.</summary>
    public WindowPhase Phase { get; private set; } = WindowPhase.Preparing;

    /// <summary>Everything is released, or was never frozen; nothing more happens.</summary>
    public bool Finished => Phase >= WindowPhase.Thawed;

    /// <summary>The window was given up or ended: no freeze call may begin any more. Any thread may read it.</summary>
    public bool Ended => Volatile.Read(ref cause) is not null;

    /// <summary>When everything was frozen, or null.</summary>
    public long? FrozenAt { get; private set; }

    /// <summary>When the last filesystem was released, or null.</summary>
    public long? ReleasedAt { get; private set; }

    /// <summary>The hold in force, counted from the first freeze call.</summary>
    public long Deadline => deadline;

    /// <summary>When the deadline ends the window; null before the first freeze call.</summary>
    public long? DeadlineAt => armedAt + deadline;

    /// <summary>When the window was ended or given up; null while it was not.</summary>
    public long? EndedAt => endedAt;

    /// <summary>A thaw failed for good: something may still be frozen, and the journal must stay.</summary>
    public bool OwesThaw => !All(static f => f.Step != HoldStep.ThawFailed);

    /// <summary>The filesystems, for the driver and for tests.</summary>
    internal IReadOnlyList<HeldFilesystem> Filesystems => filesystems;

    /// <summary>When <see cref="TimeElapsed"/> is to be called next; null when nothing is waited for.</summary>
    public long? NextTimer
    {
        get
        {
            if (Finished) return null;
            long? next = null;
            if (cause is null)
            {
                if (Phase < WindowPhase.Frozen) Earlier(freezeTimeoutAt);
                if (armedAt is { } armed) Earlier(armed + deadline);
                if (confirmBy is { } confirm) Earlier(confirm);
            }
            if (thawStageUntil is { } stage) Earlier(stage);
            if (stuckReportAt is { } stuck) Earlier(stuck);
            return next;

            void Earlier(long time) => next = next is { } n && n <= time ? n : time;
        }
    }

    /// <summary>The next thing to do; false when there is nothing.</summary>
    public bool TryTake(out WindowAction action) => actions.TryDequeue(out action);

    /// <summary>Begins: flushes everything.</summary>
    public void Start()
    {
        FlushAll();
    }

    /// <summary>A flush returned.</summary>
    public void Flushed(int index, Errno error, long started, long now)
    {
        var filesystem = filesystems[index];
        if (filesystem.Step != HoldStep.Flushing) return;
        filesystem.Step = HoldStep.Flushed;
        filesystem.FlushNanoseconds += now - started;
        filesystem.FlushedAt = now;
        if (cause is not null) return;
        if (error != Errno.None)
        {
            Fail(filesystem, FreezeReason.FlushFailed, $"{filesystem.Plan.Path}: flushing failed with {error.Describe()}; nothing was frozen, check the device's health", now);
            return;
        }
        if (Phase == WindowPhase.Freezing && now - started > SlowFlush && filesystem.FlushRounds < MaximumFlushRounds)
        {
            Flush(index);
            return;
        }
        if (!All(static f => f.Step == HoldStep.Flushed)) return;
        if (Phase == WindowPhase.Preparing)
        {
            Phase = WindowPhase.Prepared;
            actions.Enqueue(new WindowAction(WindowActionKind.Report, -1));
            if (freezeCommanded) BeginFreeze();
        }
        else if (Phase == WindowPhase.Freezing)
        {
            armedAt = now;
            FreezeNextStage(now);
            actions.Enqueue(new WindowAction(WindowActionKind.Report, -1)); // carries the deadline to the agent's backup path
        }
    }

    /// <summary>The command to freeze; early and repeated ones are fine.</summary>
    public void CommandFreeze()
    {
        freezeCommanded = true;
        if (cause is null && Phase == WindowPhase.Prepared) BeginFreeze();
    }

    /// <summary>Every node is frozen.</summary>
    public void Confirm()
    {
        confirmed = true;
        confirmBy = null;
    }

    /// <summary>Replaces the longest hold; a shorter one, and one after the end, is ignored.</summary>
    /// <param name="total">The hold, from the first freeze call.</param>
    /// <param name="now">The time: a raise that comes after the deadline ends the window, also where the clock's thread has not come to it yet.</param>
    public void RaiseDeadline(long total, long now)
    {
        if (DeadlineAt <= now) End(EndCause.Deadline, now);
        if (cause is not null || total <= deadline) return;
        deadline = total;
        actions.Enqueue(new WindowAction(WindowActionKind.Report, -1));
    }

    /// <summary>A freeze call returned.</summary>
    public void FreezeReturned(int index, Errno error, long started, long now)
    {
        var filesystem = filesystems[index];
        if (filesystem.Step != HoldStep.Freezing) return;
        filesystem.FreezeNanoseconds = now - started;
        if (error == Errno.None)
        {
            filesystem.Step = HoldStep.Frozen;
            filesystem.FrozenAt = now;
            if (cause is not null) Thaw(index, now); // given up meanwhile: never hold what nobody waits for
        }
        else
        {
            filesystem.Step = error == Errno.NotSupported && !options.FailUnsupported ? HoldStep.Unsupported : HoldStep.NotFrozen;
            if (filesystem.Step == HoldStep.NotFrozen) FreezeFailed(filesystem, error, now);
        }
        Advance(now);
    }

    /// <summary>A freeze was not begun because the window had ended before.</summary>
    public void FreezeAbandoned(int index, long now)
    {
        var filesystem = filesystems[index];
        if (filesystem.Step != HoldStep.Freezing) return;
        filesystem.Step = HoldStep.NotFrozen;
        Advance(now);
    }

    /// <summary>A thaw call returned.</summary>
    /// <param name="index">Which filesystem.</param>
    /// <param name="error">What it answered.</param>
    /// <param name="written">Whether its device was written to between freeze and thaw.</param>
    /// <param name="started">When the call began.</param>
    /// <param name="now">When it returned.</param>
    public void ThawReturned(int index, Errno error, bool written, long started, long now)
    {
        var filesystem = filesystems[index];
        if (filesystem.Step != HoldStep.Thawing) return;
        filesystem.ThawNanoseconds = now - started;
        filesystem.HeldNanoseconds = now - filesystem.FrozenAt;
        filesystem.Written |= written;
        filesystem.ThawAttempts++;
        filesystem.ThawError = error;
        switch (error)
        {
            case Errno.None:
                filesystem.Step = HoldStep.Thawed;
                break;
            case Errno.Invalid:
                filesystem.Step = HoldStep.NotHeld; // not frozen any more: someone else thawed it
                break;
            case Errno.Interrupted or Errno.TryAgain:
            case not Errno.None when filesystem.ThawAttempts < MaximumThawAttempts:
                Thaw(index, now);
                return;
            default:
                filesystem.Step = HoldStep.ThawFailed;
                break;
        }
        Advance(now);
    }

    /// <summary>Ends the window, at whatever point it is; only the first cause counts.</summary>
    public void End(EndCause why, long now)
    {
        if (cause is not null || Finished) return;
        wasOpen = Phase == WindowPhase.Frozen;
        endedAt = now;
        stuckReportAt = now + StuckAfter;
        Phase = WindowPhase.Thawing;
        thawStage = lastStage + 1;
        Volatile.Write(ref cause, why);
        Advance(now);
        if (!Finished) actions.Enqueue(new WindowAction(WindowActionKind.Report, -1)); // behind the thaws: tells the backup path that this one is at it
    }

    /// <summary>Looks at the clock.</summary>
    public void TimeElapsed(long now)
    {
        if (Finished) return;
        if (cause is null)
        {
            if (armedAt is { } armed && now >= armed + deadline) End(EndCause.Deadline, now);
            else if (Phase < WindowPhase.Frozen && now >= freezeTimeoutAt) End(EndCause.FreezeTimeout, now);
            else if (confirmBy is { } confirm && now >= confirm) End(EndCause.NotConfirmed, now);
            return;
        }
        if (stuckReportAt is { } stuck && now >= stuck)
        {
            stuckReportAt = null;
            actions.Enqueue(new WindowAction(WindowActionKind.Report, -1));
        }
        if (thawStageUntil is { } until && now >= until)
        {
            thawStageUntil = null;
            ThawNextStage(now);
        }
    }

    /// <summary>How things stand.</summary>
    public WindowReport Report(long now) => Verdict.Of(this, wasOpen, cause, f => IsStuck(f, now));

    private bool IsStuck(HeldFilesystem f, long now) =>
        endedAt is { } ended && (now - ended >= StuckAfter || (f.Step == HoldStep.Freezing && now - f.CallStarted >= StuckAfter));

    private void Advance(long now)
    {
        if (Finished) return;
        if (cause is not null)
        {
            if (All(static f => f.IsReleased))
            {
                ReleasedAt = now;
                thawStageUntil = stuckReportAt = null;
                Phase = Verdict.FinalPhase(this, wasOpen, cause);
                actions.Enqueue(new WindowAction(WindowActionKind.Report, -1));
            }
            else
            {
                if (!AnyThawing(thawStage))
                {
                    thawStageUntil = null;
                    ThawNextStage(now);
                }
                // One that was shown as stuck may have come back.
                if (now - endedAt >= StuckAfter) actions.Enqueue(new WindowAction(WindowActionKind.Report, -1));
            }
            return;
        }
        if (Phase == WindowPhase.Freezing && freezeStage >= 0 && !filesystems.Any(f => f.Step == HoldStep.Freezing)) FreezeNextStage(now);
    }

    private void FlushAll()
    {
        for (var i = 0; i < filesystems.Length; i++) Flush(i);
    }

    private void Flush(int index)
    {
        filesystems[index].Step = HoldStep.Flushing;
        filesystems[index].FlushRounds++;
        actions.Enqueue(new WindowAction(WindowActionKind.Flush, index));
    }

    // What became dirty between Prepare and now is written out while applications still run.
    private void BeginFreeze()
    {
        Phase = WindowPhase.Freezing;
        foreach (var filesystem in filesystems) filesystem.FlushRounds = 0;
        FlushAll();
    }

    private void FreezeNextStage(long now)
    {
        if (++freezeStage > lastStage)
        {
            AllFrozen(now);
            return;
        }
        for (var i = 0; i < filesystems.Length; i++)
        {
            if (filesystems[i].Plan.Stage != freezeStage) continue;
            filesystems[i].Step = HoldStep.Freezing;
            filesystems[i].CallStarted = now;
            actions.Enqueue(new WindowAction(WindowActionKind.Freeze, i));
        }
    }

    private void AllFrozen(long now)
    {
        if (!filesystems.Any(f => f.Step == HoldStep.Frozen))
        {
            End(EndCause.NothingToFreeze, now);
            return;
        }
        Phase = WindowPhase.Frozen;
        FrozenAt = now;
        if (!confirmed) confirmBy = now + options.FreezeTimeout;
        actions.Enqueue(new WindowAction(WindowActionKind.Report, -1));
    }

    // From the last frozen stage to the first; a stage that does not finish is waited for only so long.
    private void ThawNextStage(long now)
    {
        while (--thawStage >= 0)
        {
            var any = false;
            for (var i = 0; i < filesystems.Length; i++)
            {
                if (filesystems[i].Plan.Stage != thawStage || filesystems[i].Step != HoldStep.Frozen) continue;
                Thaw(i, now);
                any = true;
            }
            if (!any) continue;
            thawStageUntil = Math.Min(now + ThawStageWait, endedAt!.Value + AllStagesWait);
            return;
        }
        thawStage = -1;
    }

    private bool AnyThawing(int stage)
    {
        foreach (var filesystem in filesystems)
            if (filesystem.Plan.Stage == stage && filesystem.Step == HoldStep.Thawing) return true;
        return false;
    }

    private void Thaw(int index, long now)
    {
        filesystems[index].Step = HoldStep.Thawing;
        filesystems[index].CallStarted = now;
        actions.Enqueue(new WindowAction(WindowActionKind.Thaw, index));
    }

    private void FreezeFailed(HeldFilesystem filesystem, Errno error, long now)
    {
        var path = filesystem.Plan.Path;
        var (reason, message) = error switch
        {
            Errno.Busy => (FreezeReason.AlreadyFrozen,
                $"{path}: frozen already by someone else; find out who ('quiesce-agent thaw {path}' ends it), then ask again"),
            Errno.NotSupported => (FreezeReason.FreezeNotSupported,
                $"{path}: {filesystem.Plan.Type} cannot freeze, and the request says that this is a failure; leave the path out or allow skipping"),
            Errno.NotPermitted or Errno.AccessDenied => (FreezeReason.PermissionDenied,
                $"{path}: FIFREEZE failed with {error.Describe()}; freezing needs root with CAP_SYS_ADMIN"),
            _ => (FreezeReason.FreezeFailed, $"{path}: FIFREEZE failed with {error.Describe()}; all of it was rolled back, check the device's health"),
        };
        Fail(filesystem, reason, message, now);
    }

    private void Fail(HeldFilesystem filesystem, string reason, string message, long now)
    {
        filesystem.Reason = reason;
        filesystem.Message = message;
        End(new EndCause(reason, message), now);
    }

    private bool All(Func<HeldFilesystem, bool> condition)
    {
        foreach (var filesystem in filesystems)
            if (!condition(filesystem)) return false;
        return true;
    }
}
