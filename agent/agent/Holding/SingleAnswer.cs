using Quiesce.Freezing;
using Quiesce.Freezing.Holders;
using Quiesce.Freezing.Reports;
using Quiesce.Freezing.Windows;

namespace Quiesce.Agent.Holding;

/// <summary>An order that a holder answers with one report: an inspection, a check or an unconditional thaw.</summary>
internal static class SingleAnswer
{
    /// <summary>Asks and waits; the wait is bounded, because a holder can hang in an open on a dead filesystem.</summary>
    internal static async Task<WindowReport> AskAsync(HolderOrder order, TimeSpan? patience = null)
    {
        var holder = HolderProcess.Start(order);
        using var enough = new CancellationTokenSource(patience ?? TimeSpan.FromSeconds(30));
        try
        {
            await foreach (var report in holder.Reports.ReadAllAsync(enough.Token).ConfigureAwait(false)) return report;
            return Failed(FreezeReason.HolderDied, "the process that makes the calls died without an answer; ask again");
        }
        catch (OperationCanceledException)
        {
            if (order.Task is HolderTask.Inspect or HolderTask.Check) holder.Kill(); // holds nothing
            return Failed(FreezeReason.FreezeTimeout, "a filesystem on the way does not answer; name single paths to find out which");
        }

        WindowReport Failed(string reason, string message) => new() { WindowId = order.WindowId, Phase = WindowPhase.Failed, Reason = reason, Message = message };
    }
}
