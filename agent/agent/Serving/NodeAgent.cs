using System.Threading.Channels;
using Quiesce.Agent.Holding;
using Quiesce.Agent.Telemetry;
using Quiesce.Crds;
using Quiesce.Crds.Client;
using Quiesce.Freezing.Journals;
using Quiesce.Freezing.Kernel;
using Quiesce.Freezing.Reports;
using Quiesce.Freezing.Windows;

namespace Quiesce.Agent.Serving;

/// <summary>Serves the NodeFreezes of one node: one session for each that is new, and an honest end for each that an earlier instance had begun.</summary>
internal sealed class NodeAgent
{
    // A plan older than its timeout by more than this is nobody's any more.
    private static readonly TimeSpan Allowance = TimeSpan.FromMinutes(1);

    // After the last thaw commands, until what is stuck is shown as such: a session that still waits then waits for the kernel.
    private static readonly TimeSpan StuckShown = TimeSpan.FromSeconds(1.5);

    // A journal that cannot be understood mostly stays so until somebody does something about it.
    private static readonly Backoff TryAgain = new(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(30));

    private static readonly ChannelReader<WindowReport> Ended = NoReports();

    private readonly Channel<Action> changes = Channel.CreateUnbounded<Action>(new UnboundedChannelOptions { SingleReader = true });
    private readonly AgentContext context;
    private readonly Recovery recovery;
    private readonly Dictionary<string, NodeFreezeSession> sessions = [];

    // What is known of windows that an earlier instance left behind, and who is to hear when more is known. Under the lock of the first.
    private readonly Dictionary<string, WindowReport> left;
    private readonly Dictionary<string, Action<WindowReport>> waiting = [];
    private bool synced;

    // The window that calls, as it was last heard; the one that was answered, by its UID; and the plan that came of it.
    private FreezeWindow? call;
    private bool callSynced;
    private string? answered;
    private string? calledPlan;

    // The plans that exist, by their ids.
    private readonly HashSet<string> existing = [];

    // Whether what an earlier instance had begun, and nobody knows any more, was forgotten.
    private bool swept;
    private bool lost;

    /// <param name="context">What all sessions share.</param>
    /// <param name="recovery">What was found at the start.</param>
    internal NodeAgent(AgentContext context, Recovery recovery)
    {
        this.context = context;
        this.recovery = recovery;
        foreach (var report in recovery.Reports)
        {
            context.Pauses.Recovered(report);
            context.Meter.Thawed(ThawCause.Recovery, report.ThawedFilesystems);
            context.Meter.Stands(report.WindowId, report);
        }
        left = [];
        foreach (var report in recovery.Reports.Where(r => r.WindowId.Length > 0).OrderByDescending(r => r.IsFinal)) left[report.WindowId] = report;
    }

    /// <summary>Serves until cancelled; then thaws everything and writes what it can.</summary>
    internal async Task RunAsync(CancellationToken stop)
    {
        // Also where nobody is left who would say more: what is not over is looked at again.
        _ = FollowStuckOnesAsync(recovery.Later ?? Ended, stop);
        try
        {
            var (plans, calls) = (context.WatchNode(), context.WatchCalls());
            context.Health.Follows(() => plans.Fault ?? calls.Fault);
            _ = PassOnAsync(plans.FollowAsync(stop), Heard, changes.Writer);
            _ = PassOnAsync(calls.FollowAsync(stop), Heard, changes.Writer);
            await foreach (var hear in changes.Reader.ReadAllAsync(stop).ConfigureAwait(false))
            {
                hear();
                foreach (var (id, done) in sessions.Where(s => s.Value.Completed.IsCompleted).ToList()) sessions.Remove(id);
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            context.Log.Stopping();
        }
        foreach (var session in sessions.Values) session.Stop();
        // A holder whose call is stuck goes on alone, and thaws as soon as it returns.
        await Task.WhenAny(Task.WhenAll(sessions.Values.Select(s => s.Completed)), Task.Delay(context.StopPatience + StuckShown, context.Time, CancellationToken.None)).ConfigureAwait(false);
    }

    private static async Task PassOnAsync<T>(IAsyncEnumerable<WatchEvent<T>> source, Action<WatchEvent<T>> hear, ChannelWriter<Action> changes)
    {
        try
        {
            await foreach (var change in source.ConfigureAwait(false)) changes.TryWrite(() => hear(change));
        }
        catch (Exception e)
        {
            changes.TryComplete(e); // that it was cancelled, too
        }
    }

    private void Heard(WatchEvent<NodeFreeze> change)
    {
        switch (change)
        {
            case WatchEvent<NodeFreeze>.Added(var item):
                existing.Add(item.PlanId);
                Begin(item);
                break;
            case WatchEvent<NodeFreeze>.Deleted(var item):
                existing.Remove(item.PlanId);
                if (calledPlan == item.PlanId) calledPlan = null;
                if (sessions.TryGetValue(item.PlanId, out var session)) session.CommandGone();
                else context.Begun.End(item.PlanId);
                break;
            case WatchEvent<NodeFreeze>.Synced:
                synced = true;
                Answer();
                context.Health.Connected(true);
                if (lost) context.Log.Connected();
                lost = false;
                break;
            case WatchEvent<NodeFreeze>.Disconnected(var since, var error):
                context.Health.Connected(false);
                lost = true;
                context.Log.Disconnected(since, error.Message);
                break;
            default:
                break; // the plan is immutable and its status is ours
        }
    }

    private void Heard(WatchEvent<FreezeWindow> change)
    {
        switch (change)
        {
            case WatchEvent<FreezeWindow>.Added(var window):
                call = window;
                Answer();
                break;
            case WatchEvent<FreezeWindow>.Modified(var window):
                call = window;
                foreach (var session in sessions.Values) session.Commanded(window.Metadata.Uid, window.Spec);
                break;
            case WatchEvent<FreezeWindow>.Deleted(var window):
                if (call?.Metadata.Uid == window.Metadata.Uid) call = null;
                foreach (var session in sessions.Values) session.Commanded(window.Metadata.Uid, null);
                break;
            case WatchEvent<FreezeWindow>.Synced:
                callSynced = true;
                Answer();
                break;
            default:
                break; // the watch of the plans tells of outages
        }
    }

    // Begins what a window calls this node to, once for each window, and not before it is known which plans exist.
    private void Answer()
    {
        if (!synced || !callSynced) return;
        var plan = call is { Spec.DesiredState: WindowState.Prepared } ? CalledPlans.Of(call, context.Identity.Node) : null;
        if (!swept) context.Begun.Sweep(plan is null ? existing : [.. existing, plan.PlanId]);
        var first = !swept;
        swept = true;
        if (plan is null || answered == call!.Metadata.Uid) return;
        answered = call.Metadata.Uid;
        // What a restore made of it calls nobody: a restore never freezes.
        if (existing.Contains(plan.PlanId) || call.Metadata.Labels?.ContainsKey(QuiesceApi.RestoreNameLabel) is true) return;
        Begin(plan, call.Spec, first);
        calledPlan = plan.PlanId;
    }

    private void BeginAgain(NodeFreeze plan)
    {
        if (!existing.Contains(plan.PlanId)) return;
        if (sessions.TryGetValue(plan.PlanId, out var before) && before.Completed.IsCompleted) sessions.Remove(plan.PlanId);
        Begin(plan);
    }

    private void Begin(NodeFreeze plan, FreezeWindowSpec? called = null, bool isOld = false)
    {
        var id = plan.PlanId;
        if (sessions.TryGetValue(id, out var session))
        {
            // One that was made again waits for the end of the one before: they are the same plan, with the same journal.
            if (session.IsGone) _ = session.Completed.ContinueWith(_ => changes.Writer.TryWrite(() => BeginAgain(plan)), CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
            else session.Exists(plan);
        }

        // What this instance answered to a call, and has ended, may be heard of late.
        if (session is not null || id == calledPlan || plan.Report?.Phase >= NodeFreezePhase.Thawed) return;
        lock (left)
        {
            var known = left.GetValueOrDefault(id);
            var untouched = known is null && !context.Begun.WasBegun(id) && plan.Report is null or { Phase: NodeFreezePhase.Pending };
            if (!untouched) ReportAnothers(plan, known);
            else if (NeverBegun(plan, isOld || !synced) is { } why) Write(plan, why, null);
            else sessions[id] = NodeFreezeSession.Start(plan, context, called);
        }
    }

    // Begun by another instance or before a reboot: it is not frozen, and what is reported is what is known.
    private void ReportAnothers(NodeFreeze plan, WindowReport? known)
    {
        // Whatever it was that ended it, it may have been held until a moment ago.
        if (plan.Report?.BootID == context.Identity.BootId) context.Pauses.Ended(plan.Report);
        var writer = Write(plan, EndOfAnother(plan.Report, known, context.Identity), known);
        if (known is not { IsFinal: false }) return;
        waiting[plan.PlanId] = report => Write(plan, EndOfAnother(plan.Report, report, context.Identity), report, writer);
    }

    private StatusWriter Write(NodeFreeze plan, WindowReport report, WindowReport? known, StatusWriter? writer = null)
    {
        writer ??= new StatusWriter(plan, context.NodeFreezes, context.Time, context.Log);
        context.Log.Changed(plan.Metadata.Name, report.Phase.ToString(), AgentLog.Why(report));
        writer.Write(NodeReport.Of(report, plan.Metadata.Generation, context.Identity, context.Time) with
        {
            FrozenAt = plan.Report?.FrozenAt,
            Filesystems = known is null || UnreadableJournal.Is(known) ? plan.Report?.Filesystems ?? [] : NodeReport.Of(known, null, context.Identity, context.Time, plan.Spec.Volumes).Filesystems,
        });
        if (report.IsFinal)
        {
            if (plan.Spec.Mode == NodeFreezeMode.Hold) context.Meter.Ended(report with { Filesystems = [], ThawedFilesystems = 0 });
            _ = FinishAsync();
        }
        return writer;

        async Task FinishAsync()
        {
            await writer.FinishAsync(TimeSpan.FromMinutes(10)).ConfigureAwait(false);
            context.Begun.End(plan.PlanId);
        }
    }

    private async Task FollowStuckOnesAsync(ChannelReader<WindowReport> later, CancellationToken stop)
    {
        try
        {
            for (var failures = 0; ;)
            {
                await foreach (var report in later.ReadAllAsync(stop).ConfigureAwait(false)) Learn(report);
                List<WindowReport> open;
                lock (left) open = [.. left.Values.Where(r => !r.IsFinal)];
                if (open.Count == 0) return;
                failures = open.TrueForAll(UnreadableJournal.Is) ? failures + 1 : 1;
                // Whoever waited for the call has died too: somebody else has to thaw it when it returns.
                await Task.Delay(TryAgain.After(failures), context.Time, stop).ConfigureAwait(false);
                try
                {
                    var again = await JournalRecoveryRun.AtStartAsync(context.HostRoot).ConfigureAwait(false);
                    foreach (var report in again.Reports.Where(r => r.WindowId.Length > 0)) Learn(report);
                    later = again.Later ?? Ended;
                    // One that has no journal any more was ended after all, and only its last report did not come.
                    foreach (var gone in open.Where(o => again.Reports.All(r => r.WindowId != o.WindowId) && !JournalDirectory.Has(context.HostRoot, o.WindowId)))
                    {
                        Learn(UnreadableJournal.Is(gone)
                            ? gone with { Phase = WindowPhase.Failed, Message = "its journal was removed before it could be understood; whether it left something frozen is not known" }
                            : gone with { Phase = WindowPhase.Broken, Filesystems = [] });
                    }
                }
                catch (IOException)
                {
                    later = Ended; // and once more
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The next instance finds the same journals.
        }
    }

    private static ChannelReader<WindowReport> NoReports()
    {
        var none = Channel.CreateUnbounded<WindowReport>();
        none.Writer.Complete();
        return none.Reader;
    }

    private void Learn(WindowReport report)
    {
        lock (left)
        {
            if (UnreadableJournal.Is(report) && left.GetValueOrDefault(report.WindowId)?.Message == report.Message) return; // as before
            left[report.WindowId] = report;
        }
        context.Log.LeftBehind(report);
        context.Pauses.Recovered(report);
        context.Meter.Stands(report.WindowId, report);
        lock (left)
        {
            if (report.IsFinal && waiting.Remove(report.WindowId, out var tell)) tell(report);
        }
    }

    // Why a plan that nobody has touched is not begun either, or null.
    private WindowReport? NeverBegun(NodeFreeze plan, bool isOld)
    {
        if (plan.Metadata.Labels?.TryGetValue(QuiesceApi.RestoreNameLabel, out var restore) is true)
            return Failed(Reasons.Restored, $"this plan was restored from a backup ({restore}); nothing was done, a restore never freezes or thaws");
        // Deleted in its window, and made again of a copy: what was held was not held without a break.
        if (plan.Spec.Mode == NodeFreezeMode.Hold && context.HasFrozen(plan.WindowUid))
            return Failed(Reasons.CommandGone, "this node has frozen for the window already, by a plan that was deleted; it is not frozen again");
        if (!isOld || plan.Spec.Mode != NodeFreezeMode.Hold || plan.Metadata.CreationTimestamp is not { } created) return null;
        var (now, since) = (context.ServerTime, new DateTimeOffset(created.ToUniversalTime()));
        if (since < now - TimeSpan.FromTicks(Native.BootTimeNanoseconds() / 100))
            return Failed(Reasons.NodeRebooted, "the node was rebooted after the request; nothing was frozen, ask again");
        return now - since > TimeSpan.FromSeconds(plan.Spec.FreezeTimeoutSeconds) + Allowance
            ? Failed(Reasons.FreezeTimeout, $"no agent ran on this node within {plan.Spec.FreezeTimeoutSeconds} s of the request; nothing was frozen, ask again")
            : null;

        static WindowReport Failed(string reason, string message) => new() { Phase = WindowPhase.Failed, Reason = reason, Message = message };
    }

    private static WindowReport EndOfAnother(NodeFreezeStatus? status, WindowReport? left, AgentIdentity identity)
    {
        var rebooted = status?.BootID is { } boot && boot != identity.BootId;
        var wasFrozen = status?.Phase is NodeFreezePhase.Frozen or NodeFreezePhase.Thawing || left?.Phase == WindowPhase.Broken;
        return new WindowReport
        {
            Phase = left is { IsFinal: false } ? WindowPhase.Thawing : wasFrozen ? WindowPhase.Broken : WindowPhase.Failed,
            Reason = rebooted ? Reasons.NodeRebooted : left?.Reason == Reasons.ThawFailed ? Reasons.ThawFailed : Reasons.AgentRestarted,
            Message = rebooted ? "the node was rebooted in the window, which thawed everything"
                : left?.Reason == Reasons.ThawFailed ? left.Message
                : left is { IsFinal: false } ? "the agent died or was replaced in the window; what can be thawed was thawed at once, the rest is as soon as its call returns"
                : "the agent died or was replaced in the window; everything was thawed at once and is not frozen again",
            FrozenFilesystems = status?.FrozenFilesystems ?? left?.FrozenFilesystems ?? 0,
            ThawedFilesystems = left?.ThawedFilesystems ?? 0,
            Deadline = (status?.DeadlineSeconds ?? 0) * 1_000_000_000L,
        };
    }
}
