using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Quiesce.Agent.Holding;
using Quiesce.Agent.Telemetry;
using Quiesce.Crds;
using Quiesce.Freezing;
using Quiesce.Freezing.Holders;
using Quiesce.Freezing.Planning;
using Quiesce.Freezing.Reports;
using Quiesce.Freezing.Windows;

namespace Quiesce.Agent.Serving;

/// <summary>Serves one NodeFreeze from first sight to its final status; lives in this instance alone and never freezes twice.</summary>
[SuppressMessage("Design", "CA1001", Justification = "A source of cancellation without a timer holds nothing to release.")]
internal sealed class NodeFreezeSession
{
    private static readonly TimeSpan LastWritePatience = TimeSpan.FromMinutes(10);

    private static readonly TimeSpan FollowItselfAfter = TimeSpan.FromSeconds(5);

    private readonly NodeFreeze plan;
    private readonly AgentContext context;

    // What the window commands by which its node was called; null where it was not.
    private readonly Channel<FreezeWindowSpec?>? called;
    private readonly StatusWriter status;
    private readonly CancellationTokenSource gone = new();
    private readonly long firstSeen;
    private volatile HeldWindow? holder;
    private volatile WindowReport? last;
    private volatile bool stopping;
    private volatile int nodes = 1;

    private NodeFreezeSession(NodeFreeze plan, AgentContext context, FreezeWindowSpec? call)
    {
        this.plan = plan;
        this.context = context;
        if (call is not null)
        {
            called = Channel.CreateUnbounded<FreezeWindowSpec?>();
            called.Writer.TryWrite(call);
        }
        firstSeen = context.Time.GetTimestamp();
        status = new StatusWriter(plan, context.NodeFreezes, context.Time, context.Log);
        Completed = Task.Run(RunAsync);
    }

    /// <summary>Ends when everything is released and the final status is written.</summary>
    internal Task Completed { get; }

    /// <summary>Starts to serve a plan that no instance has touched.</summary>
    /// <param name="plan">The plan; of a node that was called it does not exist yet, and comes to be with its first report.</param>
    /// <param name="context">What all sessions share.</param>
    /// <param name="call">The window that called; null where none did.</param>
    internal static NodeFreezeSession Start(NodeFreeze plan, AgentContext context, FreezeWindowSpec? call = null) => new(plan, context, call);

    /// <summary>The plan exists by now.</summary>
    internal void Exists(NodeFreeze there) => status.Exists(there);

    /// <summary>What the window commands that called; null where it is gone. Nothing if it was another one.</summary>
    internal void Commanded(string windowUid, FreezeWindowSpec? command)
    {
        if (plan.WindowUid == windowUid) called?.Writer.TryWrite(command);
    }

    /// <summary>Its NodeFreeze was gone: one that is there afterwards is another one.</summary>
    internal bool IsGone { get; private set; }

    /// <summary>The NodeFreeze is gone, which means thaw.</summary>
    internal void CommandGone()
    {
        IsGone = true;
        gone.Cancel();
        holder?.Send(HolderCommandKind.CommandGone);
    }

    /// <summary>The agent is shutting down.</summary>
    internal void Stop()
    {
        stopping = true;
        gone.Cancel();
        holder?.Send(HolderCommandKind.Stop);
    }

    /// <summary>If an unconditional thaw released what this window holds, the window is over.</summary>
    internal void LookForThaw()
    {
        if (last is { Phase: WindowPhase.Freezing or WindowPhase.Frozen } report && context.WasThawedByRequest(report)) holder?.Send(HolderCommandKind.ThawedByRequest);
    }

    private async Task RunAsync()
    {
        var name = plan.Metadata.Name;
        var activity = AgentActivity.Begin(plan);
        try
        {
            context.Log.Started(name, $"{plan.Spec.Request.Namespace}/{plan.Spec.Request.Name}", plan.Spec.Mode.ToString(), string.Join(", ", plan.Spec.Paths.Concat(plan.Spec.Volumes.Select(v => $"claim {v.Claim}")).Concat(plan.Spec.AllFilesystems ? ["all filesystems"] : [])));
            var final = plan.Spec.Mode switch
            {
                NodeFreezeMode.Hold when context.Begun.Begin(plan.PlanId) is { } why => Failed(FreezeReason.JournalUnavailable, why),
                NodeFreezeMode.Hold => await HoldAsync().ConfigureAwait(false),
                NodeFreezeMode.Inspect => await SingleAnswer.AskAsync(Order(HolderTask.Inspect), Timeout).ConfigureAwait(false),
                _ => await ThawUnconditionallyAsync().ConfigureAwait(false),
            };
            Report(final, final.Phase == WindowPhase.Thawed && !stopping ? OthersHear() : Task.CompletedTask);
            Measure(final, activity);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // The holder ends its window without us, at its deadline at the latest.
            context.Log.Unforeseen(e, name);
            holder?.Send(HolderCommandKind.Stop);
            var final = Failed(FreezeReason.InternalError, $"{e.GetType().Name}: {e.Message}; see the agent's log");
            Report(final);
            Measure(final, activity);
        }
        finally
        {
            context.Frozen(this, false);
        }
        await status.FinishAsync(stopping ? context.StopPatience : LastWritePatience).ConfigureAwait(false);
        if (status.Written) context.Begun.End(plan.PlanId); // else the next instance still has to know
    }

    private async Task<WindowReport> HoldAsync()
    {
        using var follow = CancellationTokenSource.CreateLinkedTokenSource(gone.Token);
        // Prepared is what the operator commands the freeze on, and a node that still opens its watch would hear of it later than the others.
        var watching = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        void Watching() => watching.TrySetResult();
        var window = (called is null ? context.FollowWindow(plan, Watching, follow.Token) : CalledAsync(called, Watching, follow.Token)).GetAsyncEnumerator(CancellationToken.None);
        var commands = Task.CompletedTask;
        try
        {
            FreezeWindowSpec? command;
            try
            {
                follow.CancelAfter(Timeout);
                if (!await window.MoveNextAsync().ConfigureAwait(false)) return EndedBefore();
                command = window.Current;
                follow.CancelAfter(System.Threading.Timeout.InfiniteTimeSpan);
            }
            catch (OperationCanceledException)
            {
                return EndedBefore();
            }
            Heard(command);
            if (command is null) return Failed(FreezeReason.CommandGone, EndCause.CommandGone.Message);
            if (command.DesiredState == WindowState.Thawed) return Failed(FreezeReason.ThawedBeforeFrozen, "ended before this node froze anything");

            nodes = command.Nodes;
            var atOnce = command.DesiredState == WindowState.Frozen && command.Confirmed;
            var held = HeldWindow.Start(
                Order(HolderTask.Hold) with
                {
                    Rests = context.Pauses.Now(),
                    Options = new WindowOptions
                    {
                        Deadline = WindowCommands.Nanoseconds(command.DeadlineSeconds),
                        FreezeTimeout = WindowCommands.Nanoseconds((Timeout - context.Time.GetElapsedTime(firstSeen)).TotalSeconds),
                        FreezeAtOnce = atOnce,
                        RequireConfirmation = !atOnce,
                        FailUnsupported = plan.Spec.UnsupportedFilesystems == UnsupportedFilesystems.Fail,
                    },
                },
                context.Time);
            holder = held;
            if (stopping) held.Send(HolderCommandKind.Stop);
            else if (gone.IsCancellationRequested) held.Send(HolderCommandKind.CommandGone);
            else WindowCommands.Send(held, command);
            commands = Task.Run(() => PassOnAsync(window, held), CancellationToken.None);

            WindowReport? final = null;
            var told = WindowPhase.Preparing;
            var deadline = 0L;
            await foreach (var report in held.ReportsAsync(CancellationToken.None).ConfigureAwait(false))
            {
                last = report;
                context.Frozen(this, HasFrozen(report));
                if (HasFrozen(report)) context.Froze(plan.WindowUid);
                LookForThaw();
                context.Meter.Stands(plan.PlanId, report);
                final = report;
                // Each write costs the API server something: only what the operator waits for, or a person has to know.
                var worthTelling = report.Phase switch
                {
                    WindowPhase.Prepared => !atOnce,
                    WindowPhase.Frozen => told != WindowPhase.Frozen || report.Deadline != deadline,
                    _ => report.Filesystems.Any(f => f.State == Freezing.Reports.FilesystemState.Stuck),
                };
                if (report.IsFinal || !worthTelling) continue;
                (told, deadline) = (report.Phase, report.Deadline);
                // Something between here and the API server may keep the beginning of its answer back: such a node is rather late than never prepared.
                Report(report, report.Phase switch
                {
                    WindowPhase.Prepared => Task.WhenAny(watching.Task, Task.Delay(Timeout / 4, context.Time, CancellationToken.None)),
                    WindowPhase.Frozen => OthersHear(),
                    _ => Task.CompletedTask,
                });
            }
            context.Pauses.Ended(final!);
            return final!;
        }
        finally
        {
            // Nobody else reads from it when it is disposed of, whatever went wrong here.
            await follow.CancelAsync().ConfigureAwait(false);
            await commands.ConfigureAwait(false);
            await window.DisposeAsync().ConfigureAwait(false);
        }
    }

    private async Task<WindowReport> ThawUnconditionallyAsync()
    {
        var answer = await SingleAnswer.AskAsync(Order(HolderTask.ThawUnconditionally), Timeout + TimeSpan.FromSeconds(15)).ConfigureAwait(false);
        context.ThawedByRequest(answer);
        return answer;
    }

    // What is stuck may be so for hours, and the log is where people look for it.
    private static bool HasFrozen(WindowReport report) => report.Phase is WindowPhase.Freezing or WindowPhase.Frozen
        || (report.Phase == WindowPhase.Thawing && report.Filesystems.Any(f =>
            f.State is Freezing.Reports.FilesystemState.Freezing or Freezing.Reports.FilesystemState.Frozen or Freezing.Reports.FilesystemState.Thawing));

    private async Task PassOnAsync(IAsyncEnumerator<FreezeWindowSpec?> window, HeldWindow held)
    {
        try
        {
            while (await window.MoveNextAsync().ConfigureAwait(false))
            {
                Heard(window.Current);
                nodes = window.Current?.Nodes ?? nodes;
                WindowCommands.Send(held, window.Current);
            }
        }
        catch (OperationCanceledException)
        {
            // The window is over, or the agent is.
        }
    }

    // A window that has ended is told nothing more but by who has told it something.
    private void Heard(FreezeWindowSpec? command)
    {
        if (command is null or { DesiredState: WindowState.Thawed }) status.Needless();
    }

    // From the watch that all calls have in common. While it is held for longer from one of its own as well, which notices sooner when it is dead.
    private async IAsyncEnumerable<FreezeWindowSpec?> CalledAsync(Channel<FreezeWindowSpec?> commands, Action watching, [EnumeratorCancellation] CancellationToken cancel)
    {
        watching();
        var follows = false;
        await foreach (var heard in commands.Reader.ReadAllAsync(cancel).ConfigureAwait(false))
        {
            // The last one counts: what came after may have ended what this began.
            var command = heard;
            while (commands.Reader.TryRead(out var later)) command = later;
            if (command is { Confirmed: true, DesiredState: WindowState.Frozen } && !follows)
            {
                follows = true;
                _ = FollowItselfAsync();
            }
            yield return command;
        }

        async Task FollowItselfAsync()
        {
            try
            {
                // Not all nodes at the same time.
                await Task.Delay(FollowItselfAfter * (1 + Random.Shared.NextDouble()), context.Time, cancel).ConfigureAwait(false);
                await foreach (var command in context.FollowWindow(plan, () => { }, cancel).ConfigureAwait(false)) commands.Writer.TryWrite(command);
            }
            catch (OperationCanceledException)
            {
                // The window is over, or the agent is.
            }
        }
    }

    private TimeSpan Timeout => TimeSpan.FromSeconds(plan.Spec.FreezeTimeoutSeconds);

    private HolderOrder Order(HolderTask task) => new()
    {
        Task = task,
        WindowId = plan.PlanId,
        Plan = new PlanOrder
        {
            HostRoot = context.HostRoot,
            Paths = plan.Spec.Paths,
            Volumes = [.. plan.Spec.Volumes.Select(v => KubeletVolumes.Target(v, plan.Spec.Request.Namespace, context.KubeletRoot))],
            AllFilesystems = plan.Spec.AllFilesystems,
            FailUnsupported = plan.Spec.UnsupportedFilesystems == UnsupportedFilesystems.Fail,
            AllowedPaths = context.Permissions.ProtectedPaths,
        },
        AllowUnprotected = context.Permissions.UnprotectedHolder,
        ExpediteRcu = context.Permissions.ExpediteRcu,
    };

    private WindowReport EndedBefore() =>
        stopping ? Failed(FreezeReason.AgentStopped, "the agent was stopped before this node froze anything")
        : gone.IsCancellationRequested ? Failed(FreezeReason.CommandGone, EndCause.CommandGone.Message)
        : Failed(FreezeReason.FreezeTimeout, $"the FreezeWindow {plan.Spec.Window} could not be read within the freeze timeout; nothing was frozen");

    private WindowReport Failed(string reason, string message) =>
        new() { WindowId = plan.PlanId, Phase = WindowPhase.Failed, Reason = reason, Message = message };

    // After the last report is on its way: whoever waits for it does not wait for this.
    private void Measure(WindowReport final, System.Diagnostics.Activity? activity)
    {
        context.Meter.Stands(plan.PlanId, final);
        if (plan.Spec.Mode == NodeFreezeMode.Hold) context.Meter.Ended(final, holder is { WasRecovered: true });
        else if (plan.Spec.Mode == NodeFreezeMode.ThawUnconditionally) context.Meter.Thawed(ThawCause.Unconditional, final.ThawedFilesystems);
        AgentActivity.End(activity, final, context.Time);
    }

    // The API server tells the other nodes of the command before it is busy with answers to it. Within the freeze timeout the operator has to confirm, too.
    private Task OthersHear()
    {
        var pause = AnswerPause.Next(nodes);
        return Task.Delay(pause < Timeout / 4 ? pause : Timeout / 4, context.Time, CancellationToken.None);
    }

    private void Report(WindowReport report) => Report(report, Task.CompletedTask);

    private void Report(WindowReport report, Task first)
    {
        context.Log.Changed(plan.Metadata.Name, report.Phase.ToString(), AgentLog.Why(report));
        status.Write(NodeReport.Of(report, plan.Metadata.Generation, context.Identity, context.Time, plan.Spec.Volumes), first);
    }
}
