using Quiesce.Freezing;
using Quiesce.Freezing.Holders;
using Quiesce.Freezing.Journals;
using Quiesce.Freezing.Planning;
using Quiesce.Freezing.Reports;
using Quiesce.Freezing.Windows;

namespace Quiesce.Agent.Holding;

/// <summary>Runs a fresh holder that thaws what dead ones left.</summary>
internal static class JournalRecoveryRun
{
    // The holder itself waits five seconds for its calls, and then answers with what is stuck.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    /// <summary>What every agent does before anything else: looks for journals of this boot whose holder is dead, and ends them.</summary>
    /// <returns>One report for each window that was left behind; one without a window's id where the recovery itself failed.</returns>
    internal static Task<IReadOnlyList<WindowReport>> AtStartAsync(string hostRoot)
    {
        var journals = JournalDirectory.Open(hostRoot, out _) is { } directory ? JournalDirectory.List(directory) : [];
        return journals.Count == 0 ? Task.FromResult<IReadOnlyList<WindowReport>>([]) : RunAsync(hostRoot, journals, []);
    }

    /// <summary>Ends these journals; those whose holder still lives are left to it. Takes some seconds at most.</summary>
    /// <param name="hostRoot">Where this process sees the host's root.</param>
    /// <param name="journals">The files.</param>
    /// <param name="kept">Descriptors that belong to the records of the first one.</param>
    internal static async Task<IReadOnlyList<WindowReport>> RunAsync(string hostRoot, IReadOnlyList<string> journals, IReadOnlyList<int> kept)
    {
        var holder = HolderProcess.Start(
            new HolderOrder { Task = HolderTask.Recover, Plan = new PlanOrder { HostRoot = hostRoot }, Journals = journals }, kept);
        var reports = new List<WindowReport>();
        using var enough = new CancellationTokenSource(Patience);
        try
        {
            await foreach (var report in holder.Reports.ReadAllAsync(enough.Token).ConfigureAwait(false)) reports.Add(report);
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
        return reports;
    }
}
