using Quiesce.Freezing.Holders;
using Quiesce.Freezing.Journals;
using Quiesce.Freezing.Planning;
using Quiesce.Freezing.Reports;

namespace Quiesce.Agent.Holding;

/// <summary>Runs a fresh holder that thaws what dead ones left.</summary>
internal static class JournalRecoveryRun
{
    /// <summary>What every agent does before anything else: looks for journals of this boot whose holder is dead, and ends them.</summary>
    /// <returns>One report for each window that was left behind.</returns>
    internal static Task<IReadOnlyList<WindowReport>> AtStartAsync(string hostRoot)
    {
        var journals = JournalDirectory.Open(hostRoot, out _) is { } directory ? JournalDirectory.List(directory) : [];
        return journals.Count == 0 ? Task.FromResult<IReadOnlyList<WindowReport>>([]) : RunAsync(hostRoot, journals, []);
    }

    /// <summary>Ends these journals; those whose holder still lives are left to it.</summary>
    /// <param name="hostRoot">Where this process sees the host's root.</param>
    /// <param name="journals">The files.</param>
    /// <param name="kept">Descriptors that belong to the records of the first one.</param>
    internal static async Task<IReadOnlyList<WindowReport>> RunAsync(string hostRoot, IReadOnlyList<string> journals, IReadOnlyList<int> kept)
    {
        var holder = HolderProcess.Start(
            new HolderOrder { Task = HolderTask.Recover, Plan = new PlanOrder { HostRoot = hostRoot }, Journals = journals }, kept);
        var reports = new List<WindowReport>();
        await foreach (var report in holder.Reports.ReadAllAsync().ConfigureAwait(false)) reports.Add(report);
        return reports;
    }
}
