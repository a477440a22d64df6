using Quiesce.Freezing;
using Quiesce.Freezing.Holders;
using Quiesce.Freezing.Journals;
using Quiesce.Freezing.Kernel;
using Quiesce.Freezing.Planning;
using Quiesce.Freezing.Reports;
using Quiesce.Freezing.Windows;
using Tmds.Linux;

namespace Quiesce.Holder;

/// <summary>
/// Holds one window. Three threads can each end it alone, by the channel, by a signal and by the clock; one thread for each
/// filesystem makes its calls; all decisions are the <see cref="Window"/>'s, taken under one lock.
/// </summary>
internal sealed class HoldTask(HolderOrder order, HolderChannel channel, LinuxKernel kernel)
{
    // How long a full channel is waited for at the very end. Nothing is held any more then.
    private const int LastReportWait = 250;

    // A process that has just begun or ended leaves work to RCU, and grace periods that are not expedited take the longer for it: a freeze of 37 ms takes 23 ms then.
    private const long Settling = 50_000_000;

    private readonly object gate = new();
    private readonly long started = kernel.BootTime();
    private DeadlineTimer? timer;
    private FreezePlan? plan;
    private Protection? protection;
    private EndCause? early;
    private Journal? journal;
    private ExpeditedGracePeriods? grace;
    private Window? window;
    private FilesystemWorker[] workers = [];
    private int[]? descriptorsToSend;
    private byte[]? unsent;
    private bool foldersClosed;

    // Commands that came before there was a window.
    private bool freezeCommanded;
    private bool confirmed;
    private long raisedTo;

    internal int Run()
    {
        timer = new DeadlineTimer(TimeElapsed);
        timer.Arm(started + order.Options.FreezeTimeout);
        StopSignals.Listen(() => End(LibC.getppid() == order.AgentProcess ? EndCause.Stopped : EndCause.AgentDied));
        Threads.Start("channel", ReadCommands);
        Threads.Start("planner", () => Tell(FreezePlanner.Plan(kernel, order.Plan), resolved => plan = resolved));
        Threads.Start("leaver", () => Tell(Protection.Leave(), found => protection = found));

        lock (gate)
        {
            var settledAt = ExpeditedGracePeriods.WhyNot(order.ExpediteRcu, order.Plan.HostRoot) is null ? started : started + Settling;
            while (early is null)
            {
                var left = settledAt - kernel.BootTime();
                if (left <= 0 && plan is not null && protection is not null) break;
                Monitor.Wait(gate, left <= 0 ? Timeout.Infinite : (int)(left / 1_000_000) + 1);
            }
            if (early is not null) return Fail(early.Reason == FreezeReason.ThawRequested ? FreezeReason.ThawedBeforeFrozen : early.Reason, PlanTooSlow());
            if (plan!.Refusal is { } refusal) return Fail(refusal.Reason, refusal.Message);
            if (!protection!.IsProtected && !order.AllowUnprotected) return Fail(FreezeReason.HolderUnprotected, Unprotected());
            if (Rest.Refuse(order.Rests, plan!, kernel.BootTime()) is { } soon) return Fail(soon.Reason, soon.Message);
            if (OpenJournal() is { } why) return Fail(why.Reason, why.Message);

            window = new Window(order.Options, plan.Filesystems, started);
            var calls = new FilesystemCalls(kernel, journal!, window, gate);
            workers = [.. plan.Filesystems.Select(f => new FilesystemWorker(f.Path, action =>
            {
                calls.Perform(action);
                lock (gate) CarryOut();
            }))];
            descriptorsToSend = [.. plan.Filesystems.Select(f => f.Folder.Number)];
            Memory.Settle(plan.Filesystems.Count);
            window.Start();
            if (freezeCommanded) window.CommandFreeze();
            if (confirmed) window.Confirm();
            if (raisedTo > 0) window.RaiseDeadline(raisedTo, kernel.BootTime());
            CarryOut();
            while (!window.Finished) Monitor.Wait(gate);
        }
        SendLast();
        if (!window.OwesThaw) journal!.Remove();
        return 0;
    }

    private void Tell<T>(T found, Action<T> take)
    {
        lock (gate)
        {
            take(found);
            Monitor.PulseAll(gate);
        }
    }

    // Under the lock. Calls go out first, then the clock is set, then the agent is told.
    private void CarryOut()
    {
        var report = false;
        while (window!.TryTake(out var action))
        {
            if (action.Kind == WindowActionKind.Freeze) grace?.Raise();
            if (action.Kind == WindowActionKind.Report) report = true;
            else workers[action.Index].Post(action);
        }
        if (window.Phase != WindowPhase.Freezing) grace?.Restore();
        timer!.Arm(window.NextTimer);
        journal!.SetTimes(window.DeadlineAt, window.EndedAt);
        if (report) Send();
        if (window.Finished) Monitor.PulseAll(gate);
    }

    private void Send()
    {
        if (window!.Finished) CloseFolders();
        var report = window.Report(kernel.BootTime());
        var message = HolderCodec.Encode(Protected(report) with { Filesystems = [.. report.Filesystems, .. plan!.Findings] });
        unsent = channel.TrySend(message, descriptorsToSend) ? null : message;
        if (unsent is null) descriptorsToSend = null;
    }

    private WindowReport Protected(WindowReport report) => report with
    {
        WindowId = order.WindowId,
        HolderProtected = protection?.IsProtected,
        HolderProtectionMessage = protection?.Message,
    };

    // Before the last report: whoever reads it may want to unmount.
    private void CloseFolders()
    {
        if (foldersClosed || descriptorsToSend is not null) return; // those the agent has no copies of yet go with the report
        foldersClosed = true;
        foreach (var filesystem in plan!.Filesystems) kernel.Close(filesystem.Folder);
    }

    private void SendLast()
    {
        for (var waited = 0; unsent is not null && !channel.TrySend(unsent) && waited < LastReportWait; waited++)
            Wait(1); // the agent is stopped or gone; a later instance reads the journal
    }

    private static unsafe void Wait(int milliseconds) => _ = LibC.poll(null, 0, milliseconds);

    private void ReadCommands()
    {
        var descriptors = new List<int>();
        while (true)
        {
            var message = channel.Receive(descriptors);
            if (message.IsEmpty)
            {
                End(EndCause.AgentDied);
                return;
            }
            HolderCommand command;
            try
            {
                command = HolderCodec.DecodeCommand(message);
            }
            catch (InvalidDataException)
            {
                continue; // a newer agent's word; the deadline still holds
            }
            lock (gate)
            {
                switch (command.Kind)
                {
                    case HolderCommandKind.Freeze:
                        freezeCommanded = true;
                        window?.CommandFreeze();
                        break;
                    case HolderCommandKind.Confirm:
                        confirmed = true;
                        window?.Confirm();
                        break;
                    case HolderCommandKind.RaiseDeadline:
                        raisedTo = Math.Max(raisedTo, command.Nanoseconds);
                        window?.RaiseDeadline(command.Nanoseconds, kernel.BootTime());
                        break;
                    case HolderCommandKind.Thaw:
                        End(EndCause.ThawRequested);
                        break;
                    case HolderCommandKind.Stop:
                        End(EndCause.Stopped);
                        break;
                    case HolderCommandKind.ThawedByRequest:
                        End(EndCause.ThawedByRequest);
                        break;
                    case HolderCommandKind.CommandGone:
                    default:
                        End(EndCause.CommandGone);
                        break;
                }
                if (window is not null) CarryOut();
            }
        }
    }

    private void TimeElapsed()
    {
        lock (gate)
        {
            if (window is null)
            {
                End(EndCause.FreezeTimeout);
                return;
            }
            window.TimeElapsed(kernel.BootTime());
            CarryOut();
        }
    }

    private void End(EndCause cause)
    {
        lock (gate)
        {
            if (window is null)
            {
                early ??= cause;
                Monitor.Pulse(gate);
                return;
            }
            window.End(cause, kernel.BootTime());
            CarryOut();
        }
    }

    private Refusal? OpenJournal()
    {
        if (JournalDirectory.Open(order.Plan.HostRoot, out var why) is not { } directory) return new Refusal(FreezeReason.JournalUnavailable, why);
        if (ExpeditedGracePeriods.WhyNot(order.ExpediteRcu, order.Plan.HostRoot) is null) grace = ExpeditedGracePeriods.Open(directory, order.Plan.HostRoot);
        return JournalDirectory.Claim(order.Plan.HostRoot, directory, order.WindowId, plan!, ProcessIdentity.Of(order.AgentProcess), out journal);
    }

    private string Unprotected() =>
        $"{protection!.Message}; or have an administrator allow it with --allow-unprotected-holder. Nothing was frozen: whatever kills the container would kill the holder, and leave the filesystems frozen";

    private string PlanTooSlow() => early == EndCause.FreezeTimeout
        ? $"{string.Join(", ", order.Plan.Paths)}: not resolved within the freeze timeout, a filesystem on the way does not answer; nothing was frozen"
        : early!.Message;

    private int Fail(string reason, string message)
    {
        unsent = HolderCodec.Encode(Protected(new WindowReport
        {
            Phase = WindowPhase.Failed,
            Reason = reason,
            Message = message,
            Filesystems = plan?.Findings ?? [],
        }));
        SendLast();
        return 0;
    }
}
