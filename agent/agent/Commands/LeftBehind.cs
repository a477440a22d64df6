using Quiesce.Agent.Holding;
using Quiesce.Agent.Output;
using Quiesce.Freezing.Reports;
using Tmds.Linux;

namespace Quiesce.Agent.Commands;

/// <summary>Before an agent does anything else: ends what an earlier instance of this boot left behind, and says so.</summary>
internal static class LeftBehind
{
    /// <summary>Ends it.</summary>
    /// <param name="hostRoot">Where this process sees the host's root.</param>
    /// <param name="json">Whether to say so as a line of JSON, its phase <c>Recovered</c>, or <c>RecoveryFailed</c> where nothing could even be tried.</param>
    /// <param name="output">Where to say so.</param>
    internal static async Task<IReadOnlyList<WindowReport>> EndAsync(string hostRoot, bool json, NonBlockingWriter output)
    {
        // An ordinary user can thaw nothing, and a journal folder of theirs in /dev/shm would keep root from freezing.
        if (LibC.geteuid() != 0) return [];
        var (reports, _) = await JournalRecoveryRun.AtStartAsync(hostRoot).ConfigureAwait(false); // what is stuck is ended by the holder that was started for it
        foreach (var report in reports)
        {
            if (json) output.WriteLine(JsonReport.Line(report, report.WindowId.Length > 0 ? "Recovered" : "RecoveryFailed"));
            else
                foreach (var line in ReportText.Recovery(report)) output.WriteLine(line);
        }
        return reports;
    }
}
