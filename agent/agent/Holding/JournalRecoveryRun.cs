using System.Threading.Channels;
using Quiesce.Freezing;
using Quiesce.Freezing.Holders;
using Quiesce.Freezing.Journals;
using Quiesce.Freezing.Planning;
using Quiesce.Freezing.Reports;
using Quiesce.Freezing.Windows;

namespace Quiesce.Agent.Holding;

/// <summary>What a recovery has found.</summary>
/// <param name="Reports">One report for each window that was left behind; not final where a call is stuck. One without a window's id where the recovery itself failed.</param>
/// <param name="Later">The final reports of those that were not final; ends when nothing is stuck any more, or when the holder that waited for it has died.</param>
/// <param name="IsComplete">Every window was looked at. Otherwise something may be held that there is no report of, and it is to be tried again.</param>
internal sealed record Recovery(IReadOnlyList<WindowReport> Reports, ChannelReader<WindowReport>? Later, bool IsComplete)
{
    internal static Recovery Nothing { get; } = new([], null, IsComplete: true);
}

/// <summary>Runs a fresh holder that thaws what dead ones left.</summary>
internal static class JournalRecoveryRun
{
    // The holder itself waits a second for its calls, and then answers with what is stuck.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    /// <summary>What every agent does before anything else: looks for journals of this boot whose holder is dead or nobody's any more, and ends them. Windows that live are left alone, whenever it is called.</summary>
    internal static async Task<Recovery> AtStartAsync(string hostRoot)
    {
        var journals = JournalDirectory.All(hostRoot, out var why);
        var recovery = journals.Count == 0 ? Recovery.Nothing : await RunAsync(hostRoot, "", journals, []).ConfigureAwait(false);
        if (why is null) return recovery;
        var more = new WindowReport { Phase = WindowPhase.Failed, Reason = FreezeReason.JournalUnavailable, Message = $"there may be more journals: {why}" };
        return recovery with { Reports = [.. recovery.Reports, more], IsComplete = false };
    }

    /// <summary>Ends one window whose holder was killed: what can be thawed at once, and what is stuck as soon as its call returns. The last report is final.</summary>
    /// <param name="hostRoot">Where this process sees the host's root.</param>
    /// <param name="file">Its journal.</param>
    /// <param name="windowId">The window.</param>
    /// <param name="kept">Descriptors that belong to the records of its journal.</param>
    /// <returns>None where there is no journal: nothing is held.</returns>
    internal static async IAsyncEnumerable<WindowReport> OfWindowAsync(string hostRoot, string file, string windowId, IReadOnlyList<int> kept)
    {
        var recovery = await RunAsync(hostRoot, windowId, [file], kept).ConfigureAwait(false);
        // That the fresh holder could not be started, or died before it had its order, says nothing of the window.
        var last = recovery.Reports.FirstOrDefault(r => r.WindowId == windowId && r.Reason != FreezeReason.HolderNotStarted);
        if (last is not null) yield return last;
        if (recovery.Later is not null && last is { IsFinal: false })
        {
            await foreach (var report in recovery.Later.ReadAllAsync().ConfigureAwait(false))
            {
                last = report;
                yield return report;
            }
        }
        if (last is { IsFinal: true }) yield break;
        // No fresh holder can be started, or that one died too.
        await foreach (var report in LastResort.ThawAsync(hostRoot, file, kept).ConfigureAwait(false)) yield return report;
    }

    private static async Task<Recovery> RunAsync(string hostRoot, string windowId, IReadOnlyList<string> journals, IReadOnlyList<int> kept)
    {
        var holder = HolderProcess.Start(
            new HolderOrder { Task = HolderTask.Recover, WindowId = windowId, Plan = new PlanOrder { HostRoot = hostRoot }, Journals = journals }, kept);
        var reports = new List<WindowReport>();
        using var enough = new CancellationTokenSource(Patience);
        try
        {
            await foreach (var report in holder.Reports.ReadAllAsync(enough.Token).ConfigureAwait(false))
            {
                if (report is { WindowId.Length: 0, Phase: WindowPhase.Thawed }) return new Recovery(reports, holder.Reports, IsComplete: true); // the first round is over
                reports.Add(report);
            }
        }
        catch (OperationCanceledException)
        {
            holder.Kill();
            reports.Add(new WindowReport
            {
                Phase = WindowPhase.Failed,
                Reason = FreezeReason.HolderDied,
                Message = $"the process that was to thaw what earlier windows left did not answer within {Patience.TotalSeconds:0} s and was killed",
            });
        }
        return new Recovery(reports, null, IsComplete: false);
    }
}
