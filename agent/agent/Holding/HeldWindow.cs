using System.Runtime.CompilerServices;
using Quiesce.Freezing;
using Quiesce.Freezing.Holders;
using Quiesce.Freezing.Journals;
using Quiesce.Freezing.Kernel;
using Quiesce.Freezing.Reports;
using Quiesce.Freezing.Windows;

namespace Quiesce.Agent.Holding;

/// <summary>One window on this node, with the backup path: whatever becomes of its holder, the last report says what became of the filesystems.</summary>
internal sealed class HeldWindow
{
    // The holder's own timer is exact. One that has said nothing this long after the deadline is stopped or broken.
    private static readonly TimeSpan Grace = TimeSpan.FromMilliseconds(250);

    // A holder that thaws says so at once, and after a second what is stuck. Longer than the grace: a thaw that is asked for
    // before the deadline has no bound to keep, and on a loaded machine a kill would spoil the verdict for nothing.
    private static readonly TimeSpan Answer = TimeSpan.FromMilliseconds(1250);

    // From SIGKILL to the end of a process without a stuck call; one with such a call does not go away, and is not waited for.
    private static readonly TimeSpan Killed = TimeSpan.FromMilliseconds(20);

    // One that was found dying by itself may merely be about to exit after its last report, which is then still to be read.
    private static readonly TimeSpan Exiting = TimeSpan.FromMilliseconds(100);

    private readonly HolderOrder order;
    private readonly TimeProvider time;
    private readonly HolderProcess holder;
    private readonly long startedAt = Native.BootTimeNanoseconds();
    private readonly TaskCompletionSource ending = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long endingAt;
    private long lastAt;

    private HeldWindow(HolderOrder order, TimeProvider time)
    {
        this.order = order;
        this.time = time;
        holder = HolderProcess.Start(order);
    }

    /// <summary>Starts the holder of a window.</summary>
    internal static HeldWindow Start(HolderOrder order, TimeProvider time) => new(order, time);

    /// <summary>Whether the backup path ended it.</summary>
    internal bool WasRecovered { get; private set; }

    /// <summary>Sends a command.</summary>
    internal void Send(HolderCommandKind kind, long nanoseconds = 0)
    {
        holder.Send(new HolderCommand(kind, nanoseconds));
        if (kind is HolderCommandKind.Freeze or HolderCommandKind.Confirm or HolderCommandKind.RaiseDeadline) return;
        _ = Interlocked.CompareExchange(ref endingAt, Native.BootTimeNanoseconds(), 0);
        _ = ending.TrySetResult();
    }

    /// <summary>Its reports, once; the last one is final, and nothing of the window is held when it comes. Where a call is stuck that may take as long as its device does.</summary>
    internal async IAsyncEnumerable<WindowReport> ReportsAsync([EnumeratorCancellation] CancellationToken cancel = default)
    {
        WindowReport? last = null;
        var death = Death.None;
        while (true)
        {
            var more = holder.Reports.WaitToReadAsync(cancel).AsTask();
            if (death == Death.None) death = await OverdueAsync(more, last, cancel).ConfigureAwait(false);
            if (death != Death.None)
            {
                await Task.WhenAny(more, Task.Delay(death == Death.Found ? Exiting : Killed, time, CancellationToken.None)).ConfigureAwait(false);
                if (!more.IsCompleted) break;
            }
            if (!await more.ConfigureAwait(false)) break;
            while (holder.Reports.TryRead(out var report))
            {
                last = report;
                lastAt = Native.BootTimeNanoseconds();
                if (report.IsFinal) holder.CloseDescriptors();
                yield return report;
            }
            if (last is { IsFinal: true })
            {
                // The holder exits right after its last report; wait for it, so that nobody who waits for us finds it still there.
                await Task.WhenAny(holder.Reports.Completion, Task.Delay(Grace, time, CancellationToken.None)).ConfigureAwait(false);
                JournalDirectory.Discard(order.Plan.HostRoot, order.WindowId); // one that was killed between its last report and its exit leaves it
                yield break;
            }
        }
        await foreach (var report in RecoverAsync(last, death == Death.Killed).ConfigureAwait(false)) yield return report;
    }

    private enum Death
    {
        None,

        /// <summary>It has died with a call in the kernel, so that neither its channel nor its exit tells.</summary>
        Found,

        /// <summary>It was killed because it was overdue.</summary>
        Killed,
    }

    // Waits for a report, and kills the holder when it is overdue.
    private async Task<Death> OverdueAsync(Task more, WindowReport? last, CancellationToken cancel)
    {
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        try
        {
            while (true)
            {
                var asked = ending.Task.IsCompleted; // read before the patience that depends on it
                var (patience, look) = (Patience(last), Look(last));
                if (patience is null && look is null)
                {
                    await more.ConfigureAwait(false);
                    return Death.None;
                }
                var looking = look < (patience ?? TimeSpan.MaxValue);
                var wait = Task.Delay(looking ? look!.Value : patience!.Value, time, enough.Token);
                var first = await (asked ? Task.WhenAny(more, wait) : Task.WhenAny(more, wait, ending.Task)).ConfigureAwait(false);
                if (first == more) return Death.None;
                if (first != wait) continue; // its end was asked for just now: less patience
                if (cancel.IsCancellationRequested) return Death.None;
                if (holder.IsDying) return Death.Found;
                if (looking) continue;
                holder.Kill(); // stopped, or beyond help; its descriptors' copies are here
                return Death.Killed;
            }
        }
        finally
        {
            await enough.CancelAsync().ConfigureAwait(false);
        }
    }

    // How often to look whether the holder has died inside a call; never while it merely holds, because then it is in none.
    private static TimeSpan? Look(WindowReport? last) => last switch
    {
        { Phase: WindowPhase.Frozen } => null,
        { Phase: WindowPhase.Thawing } => TimeSpan.FromSeconds(1),
        _ => TimeSpan.FromMilliseconds(100),
    };

    // How long to wait for the next report before the holder counts as broken; null when nothing is overdue ever.
    private TimeSpan? Patience(WindowReport? last)
    {
        long overdue;
        if (last is { Phase: >= WindowPhase.Thawing })
        {
            // What is stuck in the kernel is ended by no one else; but beside it something may wait for a thaw that a stopped holder does not make.
            if (last.Filesystems.Any(f => f.State == FilesystemState.Stuck)
                && !last.Filesystems.Any(f => f.State is FilesystemState.Freezing or FilesystemState.Frozen or FilesystemState.Thawing)) return null;
            overdue = lastAt + Nanoseconds(Answer);
        }
        else
        {
            overdue = last?.DeadlineAt is { } deadline ? deadline + Nanoseconds(Grace) : long.MaxValue;
            if (last?.FrozenAt is null) overdue = Math.Min(overdue, startedAt + order.Options.FreezeTimeout + Nanoseconds(Grace + Grace));
            if (Interlocked.Read(ref endingAt) is > 0 and var asked) overdue = Math.Min(overdue, asked + Nanoseconds(Answer));
        }
        var left = TimeSpan.FromTicks((overdue - Native.BootTimeNanoseconds()) / 100);
        return left > TimeSpan.Zero ? left : TimeSpan.Zero;

        static long Nanoseconds(TimeSpan span) => span.Ticks * 100;
    }

    private async IAsyncEnumerable<WindowReport> RecoverAsync(WindowReport? last, bool killed)
    {
        WasRecovered = true;
        var wasOpen = last?.FrozenAt is not null;
        var why = $"the process that held the filesystems {(killed ? "did not answer in time and was killed" : "died")}; "
            + (wasOpen ? "they were thawed at once" : "what it had frozen already was thawed at once");
        WindowReport? recovered = null;
        if (JournalDirectory.Find(order.Plan.HostRoot, order.WindowId) is { } journal)
        {
            await foreach (var report in JournalRecoveryRun.OfWindowAsync(order.Plan.HostRoot, journal, order.WindowId, holder.Descriptors).ConfigureAwait(false))
            {
                recovered = report;
                if (!report.IsFinal) yield return Ended(report) with { Phase = WindowPhase.Thawing };
            }
        }
        holder.CloseDescriptors();
        yield return Ended(recovered is { IsFinal: true } ? recovered : null);

        WindowReport Ended(WindowReport? report) => (last ?? new WindowReport()) with
        {
            WindowId = order.WindowId,
            Phase = wasOpen ? WindowPhase.Broken : WindowPhase.Failed,
            Reason = report?.Reason ?? FreezeReason.HolderDied,
            Message = report?.Reason is null or FreezeReason.HolderDied ? why : report.Message,
            ReleasedAt = report?.ReleasedAt,
            ThawedFilesystems = report?.ThawedFilesystems ?? 0,
            Filesystems = Merge(last?.Filesystems ?? [], report?.Filesystems ?? []),
        };
    }

    // What the holder had told of each filesystem, and on top of it how its thaw went.
    private static List<FilesystemReport> Merge(IReadOnlyList<FilesystemReport> before, IReadOnlyList<FilesystemReport> after)
    {
        var thawed = after.ToDictionary(f => f.Device ?? f.Path);
        var merged = before.Select(f => thawed.Remove(f.Device ?? f.Path, out var t)
            ? f with { State = t.State, Reason = t.Reason, Message = t.Message, ThawNanoseconds = t.ThawNanoseconds }
            : f).ToList();
        merged.AddRange(thawed.Values);
        return merged;
    }
}
