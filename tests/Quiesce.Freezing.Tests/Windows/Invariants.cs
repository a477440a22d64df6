using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using Quiesce.Freezing.Journals;
using Quiesce.Freezing.Kernel;
using Quiesce.Freezing.Recovery;
using Quiesce.Freezing.Reports;
using Quiesce.Freezing.Tests.Simulation;
using Quiesce.Freezing.Windows;

namespace Quiesce.Freezing.Tests.Windows;

/// <summary>The promises, as far as one window on one node can keep or break them.</summary>
internal static class Invariants
{
    /// <summary>However many calls are stuck, nothing that can be thawed stays frozen longer than this after the end.</summary>
    private const long ThawBound = 1_000 * WorldOptions.Millisecond;

    private const long StageWait = 200 * WorldOptions.Millisecond;

    /// <summary>When every stage is being thawed, whatever is stuck; leaves time for the calls within <see cref="ThawBound"/>.</summary>
    private const long AllStagesWait = 800 * WorldOptions.Millisecond;

    private static readonly ConcurrentDictionary<(Journals.JournalState State, Errno Result, Freezer FrozenBy), (Journals.JournalState State, Freezer FrozenBy, int Deaths)> Ended = [];

    internal static void Check(bool kept, string promise)
    {
        if (!kept) throw new InvariantException(promise);
    }

    internal static void Check(bool kept, [InterpolatedStringHandlerArgument(nameof(kept))] ref PromiseText promise)
    {
        if (!kept) throw new InvariantException(promise.Text());
    }

    /// <summary>An upper filesystem is frozen before what backs it.</summary>
    internal static void MayBeginFreeze(World w, int index)
    {
        var stage = w.Machine.Options.Stages[index];
        Check(WindowCopy.ArmedAtOf(w.Window) is not null, "a freeze begins before the deadline counts");
        for (var i = 0; i < w.Count; i++)
            if (w.Machine.Options.Stages[i] < stage)
                Check(w.Window.Filesystems[i].Step is HoldStep.Frozen or HoldStep.Unsupported, $"the freeze of {index} begins before {i}, which lies on it, is frozen");
    }

    /// <summary>A lower filesystem is thawed before what lies on it, unless it hangs or came late.</summary>
    internal static void MayPostThaw(World w, int index, bool late)
    {
        Check(w.Window.Ended, $"{index} is thawed before the end");
        if (late) return;
        for (var i = 0; i < w.Count; i++)
        {
            if (w.Machine.Options.Stages[i] <= w.Machine.Options.Stages[index] || w.Window.Filesystems[i].IsReleased || !w.Ghost(i).Froze || w.Ghost(i).Late) continue;
            Check(w.Ghost(i).ThawPostedAt is { } posted && (w.Now - posted >= StageWait || w.Now - WindowCopy.EndedAtOf(w.Window) >= AllStagesWait),
                $"{index} is thawed while {i} below it still has time");
        }
    }

    /// <summary>What must be so at every moment.</summary>
    internal static void State(World w)
    {
        var window = w.Window;
        if (window.Phase == WindowPhase.Frozen)
        {
            for (var i = 0; i < w.Count; i++)
            {
                var step = window.Filesystems[i].Step;
                Check(step == HoldStep.Unsupported || (step == HoldStep.Frozen && (w.FrozenBy(i) == Freezer.Caller || w.Ghost(i).StrangerThawed)), $"the phase is Frozen and {i} is not");
            }
            Check(window.Filesystems.Any(f => f.Step == HoldStep.Frozen), "the phase is Frozen and nothing is");
            Check(window.FrozenAt is not null, "the phase is Frozen without a time");
        }
        if (!window.Ended)
        {
            Check(window.NextTimer is not null, "nothing bounds the window");
            if (window.DeadlineAt is { } deadline) Check(window.NextTimer <= deadline, "the clock is set behind the deadline");
            Check(WindowCopy.ArmedAtOf(window) is not null || !Any(w, WindowActionKind.Freeze, CallStep.Begun), "a freeze is under way and no deadline counts");
            for (var i = 0; i < w.Count; i++)
                Check(w.FrozenBy(i) != Freezer.Caller || window.DeadlineAt is not null, $"{i} is frozen and no deadline counts");
        }
        else if (!window.Finished)
        {
            var ended = WindowCopy.EndedAtOf(window)!.Value;
            Check(window.NextTimer is not { } next || next <= ended + ThawBound, "ended, and the clock is set behind the bound");
            for (var i = 0; i < w.Count; i++) HeldAfterEnd(w, i, ended);
            if (w.Now >= ended + ThawBound) StuckOnesAreNamed(w);
        }
        if (window.Finished)
        {
            for (var i = 0; i < w.Count; i++)
                Check(w.FrozenBy(i) != Freezer.Caller || window.Filesystems[i].Step == HoldStep.ThawFailed, $"finished, and {i} is still frozen by us");
            Check(window.NextTimer is null, "finished, and the clock is set");
            Check(window.ReleasedAt is not null, "finished without a time of release");
        }
    }

    private static void HeldAfterEnd(World w, int i, long ended)
    {
        if (w.Ghost(i).ThawPostedAt is { } posted)
            Check(posted - Math.Max(ended, w.Ghost(i).FrozeAt!.Value) <= ThawBound, $"the thaw of {i} is asked for {(posted - ended) / WorldOptions.Millisecond} ms after the end");
        if (w.FrozenBy(i) != Freezer.Caller) return;
        if (w.StepOf(i) != CallStep.None) return; // its freeze is about to be answered, or its thaw is under way
        if (w.Window.Filesystems[i].Step == HoldStep.ThawFailed)
        {
            // Refused three times, while others are still being released: it is said, and the journal owes it.
            Check(w.Window.Filesystems[i].ThawAttempts >= 3 && w.JournalStateOf(i) == JournalState.Thawing, $"ended, {i} is frozen by us and given up");
            return;
        }

        Check(w.Window.Filesystems[i].Step == HoldStep.Frozen, $"ended, {i} is frozen by us and forgotten");
        Check(w.Window.NextTimer is not null, $"ended, {i} is frozen and waits without bound");
        Check(Enumerable.Range(0, w.Count).Any(j => w.Machine.Options.Stages[j] > w.Machine.Options.Stages[i] && w.IsOutstanding(j, WindowActionKind.Thaw)),
            $"ended, {i} is frozen and waits for nothing");
    }

    private static void StuckOnesAreNamed(World w)
    {
        var filesystems = w.Window.Report(w.Now).Filesystems;
        for (var i = 0; i < w.Count; i++)
            if (w.IsOutstanding(i, WindowActionKind.Freeze) || w.IsOutstanding(i, WindowActionKind.Thaw))
                Check(filesystems[i] is { State: FilesystemState.Stuck, Reason: FreezeReason.FreezeStuck or FreezeReason.ThawStuck }, $"{i} is stuck and reported as {filesystems[i].State}");
    }

    /// <summary>Nothing more happens but that some calls never return: the window has ended, all others are released, and nothing waits.</summary>
    internal static void OnlyStuckOnesRemain(World w, int stuck)
    {
        Check(w.Window.Ended, "nothing happens any more, and the window has not ended");
        Check(w.Window.NextTimer is null, "nothing happens any more, and the clock is set");
        for (var i = 0; i < w.Count; i++)
            Check((stuck & (1 << i)) != 0 || w.FrozenBy(i) != Freezer.Caller || w.Window.Filesystems[i].Step == HoldStep.ThawFailed, $"{i} stays frozen because another call is stuck");
    }

    /// <summary>
    /// The holder dies now: after recovery nothing of ours is frozen, and nothing of others was thawed that could be told from ours. Its calls that
    /// had begun have been carried out, were never made, or are still in the kernel; and the recovery itself dies at each of its steps, and another follows.
    /// </summary>
    /// <returns>How many crashes were tried, of holders and of recoveries, and in how many of them a stranger's freeze went with ours in the gap the design names.</returns>
    internal static CrashCount Crash(World from)
    {
        var underWay = Enumerable.Range(0, from.Count).Where(i => from.StepOf(i) == CallStep.Begun).Aggregate(0, (mask, i) => mask | (1 << i));
        var count = default(CrashCount);
        for (var entered = underWay; ; entered = (entered - 1) & underWay)
        {
            var rest = underWay & ~entered;
            count += Recover(from, entered, stuck: 0);
            if (rest != 0) count += Recover(from, entered, stuck: rest);
            if (entered == 0) return count;
        }
    }

    private static CrashCount Recover(World from, int entered, int stuck)
    {
        var w = from.Copy();
        w.EnterAllBegun(entered);
        var before = Enumerable.Range(0, w.Count).Select(w.FrozenBy).ToList();
        var states = Enumerable.Range(0, w.Count).Select(i => w.Machine.Journal.Record(i).State).ToList();
        var count = new CrashCount(1, 0, 0);
        w.LayDown();
        for (var i = 0; i < w.Count; i++)
            if (stuck == 0 || w.Machine.Journal.Record(i).IsOwedAtOnce) count += End(w, i);
        if (stuck != 0)
        {
            // What is stuck holds up nothing else, and when its call has returned its thaw follows.
            for (var i = 0; i < w.Count; i++)
                Check((stuck & (1 << i)) != 0 || w.Machine.Filesystems[i].FrozenBy != Freezer.Caller || states[i] == Journals.JournalState.Freezing, $"{i} waits for the stuck call of another");
            w.EnterStuck(stuck);
            for (var i = 0; i < w.Count; i++) count += End(w, i);
        }
        for (var i = 0; i < w.Count; i++)
        {
            var after = w.Machine.Filesystems[i].FrozenBy;
            Check(after != Freezer.Caller, $"{i} stays frozen after a crash in state {states[i]}{(stuck == 0 ? "" : " with a call stuck")}");
            if (before[i] != Freezer.Stranger || after == Freezer.Stranger) continue;
            var inTheGap = states[i] is Journals.JournalState.Freezing or Journals.JournalState.Thawing;
            Check(inTheGap || w.Ghost(i).StrangerTookOver, $"{i} was frozen by another program and thawed after a crash in state {states[i]}");
            if (inTheGap) count += new CrashCount(0, 0, 1);
        }
        return count;
    }

    // Ends one record as a recovery does, and before that lets a recovery die at each of its steps. Records do not depend on each other, so each is tried
    // alone; and the outcome depends on nothing but the record and who has it frozen, so each such pair is tried once.
    private static CrashCount End(World w, int i)
    {
        var (machine, journal) = (w.Machine, w.Machine.Journal);
        if (!journal.Record(i).MayBeFrozen) return default;
        var (state, result, frozenBy) = (journal.State(i), journal.Result(i), machine.Filesystems[i].FrozenBy);
        if (Ended.TryGetValue((state, result, frozenBy), out var known))
        {
            journal.Restore(i, known.State, Errno.None);
            machine.Filesystems[i].FrozenBy = known.FrozenBy;
            return new CrashCount(0, known.Deaths, 0);
        }
        var died = 0;
        for (var at = 0; ; at++)
        {
            journal.Restore(i, state, result);
            machine.Filesystems[i].FrozenBy = frozenBy;
            var steps = 0;
            journal.Before = journal.After = (_, _) => Step();
            machine.Kernel.Before = call => Die(call.Kind);
            machine.Kernel.After = call => Die(call.Call.Kind);
            try
            {
                _ = JournalRecovery.End(machine.Kernel, "/", journal, i, journal.Record(i), machine.Plan[i].Folder);
                Ended[(state, result, frozenBy)] = (journal.State(i), machine.Filesystems[i].FrozenBy, died); // no step is left to die at
                return new CrashCount(0, died, 0);
            }
            catch (HolderDiedException)
            {
                died++;
            }
            finally
            {
                journal.Before = journal.After = null;
                machine.Kernel.Before = null;
                machine.Kernel.After = null;
            }
            _ = JournalRecovery.End(machine.Kernel, "/", journal, i, journal.Record(i), machine.Plan[i].Folder);
            Check(machine.Filesystems[i].FrozenBy != Freezer.Caller, $"{i} stays frozen after its recovery from {state} died at step {at}");
            Check(frozenBy != Freezer.Stranger || machine.Filesystems[i].FrozenBy == Freezer.Stranger || state != Journals.JournalState.Done, $"{i} is thawed though it was not owed");

            void Step()
            {
                if (steps++ == at) throw new HolderDiedException();
            }

            void Die(CallKind kind)
            {
                if (kind == CallKind.Thaw) Step();
            }
        }
    }

    /// <summary>A report says no more and no less than is so.</summary>
    internal static void Report(World w, WindowReport report)
    {
        Check(report.FrozenFilesystems == Ghosts(w).Count(g => g.Froze), $"{report.FrozenFilesystems} reported frozen, {Ghosts(w).Count(g => g.Froze)} were");
        Check(report.ThawedFilesystems == Ghosts(w).Count(g => g.ThawAnswer == Errno.None), $"{report.ThawedFilesystems} reported thawed");
        Check(report.Phase == w.Window.Phase && report.IsFinal == w.Window.Finished, "the phase of the report is not the window's");
        Check(report.Intact is null == (report.Phase is not (WindowPhase.Thawed or WindowPhase.Expired or WindowPhase.Broken)), "a verdict before the end");
        Check(report.Filesystems.Count == w.Count, "not every filesystem is reported");
        for (var i = 0; i < w.Count; i++)
        {
            var f = report.Filesystems[i];
            if (f.State is FilesystemState.Failed or FilesystemState.Skipped or FilesystemState.Stuck or FilesystemState.Refused)
                Check(f is { Reason: not null, Message: not null } && f.Message.Contains(f.Path, StringComparison.Ordinal), $"{f.Path} is {f.State} and it is not said why");
            if (f.State == FilesystemState.Thawed) Check(w.Ghost(i).ThawAnswer == Errno.None, $"{i} is reported thawed and was not");
            if (f.State == FilesystemState.Frozen) Check(w.Ghost(i).Froze, $"{i} is reported frozen and was not");
            if (report.IsFinal && f.State is not (FilesystemState.Thawed or FilesystemState.Skipped or FilesystemState.Failed)) Check(false, $"{i} is {f.State} in the last report");
        }
        if (report.Phase >= WindowPhase.Thawing) Check(report is { Reason: not null, Message: not null }, "an end without a reason");
    }

    /// <summary>What must be so when nothing more can happen.</summary>
    internal static void End(World w)
    {
        var window = w.Window;
        Check(window.Finished, "nothing can happen any more, and the window is not finished");
        var cause = WindowCopy.CauseOf(window)!;
        var failed = false;
        for (var i = 0; i < w.Count; i++)
        {
            var g = w.Ghost(i);
            failed |= g.Froze && g.ThawAnswer is not (Errno.None or Errno.Invalid);
            if (g.Froze && g.ThawAnswer is Errno.None or Errno.Invalid) Check(w.FrozenBy(i) != Freezer.Caller, $"{i} stays frozen");
            if (!g.Froze) Check(w.FrozenBy(i) != Freezer.Caller && g.ThawAnswer is null, $"{i} was not frozen by us and is touched");
            Check(w.JournalStateOf(i) is Journals.JournalState.Free or Journals.JournalState.Done || (g.Froze && g.ThawAnswer is not (Errno.None or Errno.Invalid)), $"the journal of {i} is left at {w.JournalStateOf(i)}");
        }
        Check(window.OwesThaw == failed, $"owes a thaw: {window.OwesThaw}");

        var held = w.OpenAtEnd && cause.Reason == FreezeReason.ThawRequested
            && Ghosts(w).All(g => !g.Froze || (g.ThawAnswer == Errno.None && !g.Written && !g.StrangerThawed));
        var seemedHeld = w.OpenAtEnd && cause.Reason == FreezeReason.ThawRequested
            && Ghosts(w).All(g => !g.Froze || (g.ThawAnswer == Errno.None && !g.Written && (!g.StrangerThawed || g.StrangerTookOver)));
        Check(held ? window.Phase == WindowPhase.Thawed : window.Phase != WindowPhase.Thawed || seemedHeld, $"it {(held ? "held" : "did not hold")} and is called {window.Phase}");
        Check(w.OpenAtEnd || window.Phase == WindowPhase.Failed, $"it never was open and is called {window.Phase}");
        Check(!w.OpenAtEnd || window.Phase != WindowPhase.Failed, "it was open and is called Failed");
        Check(window.Phase != WindowPhase.Expired || cause.Reason == FreezeReason.DeadlineExceeded, "called Expired without a deadline");
        Check(Fits(w.EndedBy!.Value, cause.Reason, w), $"ended by {w.EndedBy} and called {cause.Reason}");
    }

    private static bool Fits(WorldEvent end, string reason, World w) => end.Kind switch
    {
        EventKind.End => reason == w.Machine.Options.Ends[end.Index].Reason,
        EventKind.Timer => reason is FreezeReason.DeadlineExceeded or FreezeReason.FreezeTimeout or FreezeReason.NotConfirmed,
        EventKind.Raise => reason is FreezeReason.DeadlineExceeded,
        EventKind.Flush => reason == FreezeReason.FlushFailed,
        EventKind.Complete => reason is FreezeReason.FreezeFailed or FreezeReason.AlreadyFrozen or FreezeReason.FreezeNotSupported
            or FreezeReason.PermissionDenied or FreezeReason.NothingToFreeze,
        _ => false,
    };

    private static IEnumerable<Ghost> Ghosts(World w) => Enumerable.Range(0, w.Count).Select(w.Ghost);

    private static bool Any(World w, WindowActionKind kind, CallStep from) =>
        Enumerable.Range(0, w.Count).Any(i => w.StepOf(i) >= from && w.ActionOf(i).Kind == kind);
}
