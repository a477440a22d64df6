using Quiesce.Agent.Holding;
using Quiesce.Agent.Output;
using Quiesce.Freezing.Reports;

namespace Quiesce.Agent.Commands;

/// <summary>Before an agent does anything else: ends what an earlier instance of this boot left behind, and says so.</summary>
internal static class LeftBehind
{
    internal static async Task<IReadOnlyList<WindowReport>> EndAsync(string hostRoot, NonBlockingWriter output)
    {
        var reports = await JournalRecoveryRun.AtStartAsync(hostRoot).ConfigureAwait(false);
        foreach (var report in reports)
            output.WriteLine($"recovered window {report.WindowId}, left behind by a process that died: {report.ThawedFilesystems} of {report.Filesystems.Count} filesystems thawed. {report.Message}");
        return reports;
    }
}
