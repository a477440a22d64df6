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

    private readonly HolderOrder order;
    private readonly TimeProvider time;
    private readonly HolderProcess holder;

    private HeldWindow(HolderOrder order, TimeProvider time)
    {
        this.order = order;
        this.time = time;
        holder = HolderProcess.Start(order);
    }

    /// <summary>Starts the holder of a window.</summary>
    internal static HeldWindow Start(HolderOrder order, TimeProvider time) => new(order, time);

    /// <summary>Sends a command.</summary>
    internal void Send(HolderCommandKind kind, long nanoseconds = 0) => holder.Send(new HolderCommand(kind, nanoseconds));

    /// <summary>Its reports, once; the last one is final, and nothing of the window is held when it comes.</summary>
    internal async IAsyncEnumerable<WindowReport> ReportsAsync([EnumeratorCancellation] CancellationToken cancel = default)
    {
        WindowReport? last = null;
        var killed = false;
        while (true)
        {
            var more = holder.Reports.WaitToReadAsync(cancel).AsTask();
            if (!killed && Patience(last) is { } patience)
            {
                using var enough = CancellationTokenSource.CreateLinkedTokenSource(cancel);
                if (await Task.WhenAny(more, Task.Delay(patience, time, enough.Token)).ConfigureAwait(false) != more)
                {
                    holder.Kill(); // stopped, or beyond help; its descriptors' copies are here
                    killed = true;
                }
                await enough.CancelAsync().ConfigureAwait(false);
            }
            if (!await more.ConfigureAwait(false)) break;
            while (holder.Reports.TryRead(out var report))
            {
                last = report;
                if (report.IsFinal) holder.CloseDescriptors();
                yield return report;
            }
            if (last is { IsFinal: true })
            {
                // The holder exits right after its last report; wait for it, so that nobody who waits for us finds it still there.
                await Task.WhenAny(holder.Reports.Completion, Task.Delay(Grace, time, CancellationToken.None)).ConfigureAwait(false);
                yield break;
            }
        }
        yield return await RecoverAsync(last, killed).ConfigureAwait(false);
    }

    // How long to wait for the next report before the holder counts as broken; null when nothing is overdue ever.
    private TimeSpan? Patience(WindowReport? last)
    {
        if (last is { Phase: >= WindowPhase.Thawing }) return null; // at it; what is stuck in the kernel is ended by no one else
        if (last?.DeadlineAt is not { } deadline) return TimeSpan.FromTicks(order.Options.FreezeTimeout / 100) + Grace + Grace;
        var left = TimeSpan.FromTicks((deadline - Native.BootTimeNanoseconds()) / 100) + Grace;
        return left > TimeSpan.Zero ? left : TimeSpan.Zero;
    }

    private async Task<WindowReport> RecoverAsync(WindowReport? last, bool killed)
    {
        var why = killed ? "the process that held the filesystems did not answer at its deadline and was killed; they were thawed at once"
            : "the process that held the filesystems died; they were thawed at once";
        var wasOpen = last?.Phase == WindowPhase.Frozen;
        WindowReport? recovered = null;
        if (JournalDirectory.Open(order.Plan.HostRoot, out _) is { } directory)
            foreach (var report in await JournalRecoveryRun.RunAsync(order.Plan.HostRoot, [$"{directory}/{order.WindowId}.journal"], holder.Descriptors).ConfigureAwait(false))
                recovered = report;
        holder.CloseDescriptors();
        return (last ?? new WindowReport()) with
        {
            WindowId = order.WindowId,
            Phase = wasOpen ? WindowPhase.Broken : WindowPhase.Failed,
            Reason = recovered?.Reason ?? FreezeReason.HolderDied,
            Message = recovered?.Reason is null or FreezeReason.HolderDied ? why : recovered.Message,
            ReleasedAt = recovered?.ReleasedAt,
            ThawedFilesystems = recovered?.ThawedFilesystems ?? 0,
            Filesystems = Merge(last?.Filesystems ?? [], recovered?.Filesystems ?? []),
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
