using Quiesce.Agent.Holding;
using Quiesce.Agent.Output;
using Quiesce.Freezing.Reports;
using Tmds.Linux;

namespace Quiesce.Agent.Commands;

/// <summary>Before an agent does anything else: ends what an earlier instance of this boot left behind.</summary>
/// <remarks>
/// It is begun with the first line of the program, before the command line is understood, which takes longer than the thaw itself: what is frozen and
/// nobody's stays so no longer than a process needs to start.
/// </remarks>
internal static class LeftBehind
{
    private static readonly string[] Commands = ["run", "freeze", "thaw"];

    private static (string HostRoot, Task<Recovery> Recovery)? begun;

    /// <summary>Begins it, where the command is one that does it and its host root is plain to see; else <see cref="EndAsync(string)"/> does.</summary>
    internal static void Begin(IReadOnlyList<string> arguments)
    {
        // An ordinary user can thaw nothing, and a journal folder of theirs in /dev/shm would keep root from freezing.
        if (LibC.geteuid() != 0 || arguments.Count == 0 || !Commands.Contains(arguments[0])) return;
        var hostRoot = "/";
        for (var i = 1; i < arguments.Count; i++)
        {
            if (arguments[i] is "--help" or "-h" or "-?") return;
            if (arguments[i].StartsWith("--host-root=", StringComparison.Ordinal)) hostRoot = arguments[i]["--host-root=".Length..];
            else if (arguments[i] == "--host-root" && i + 1 < arguments.Count) hostRoot = arguments[i + 1];
        }
        if (hostRoot.StartsWith('/')) begun = (hostRoot, JournalRecoveryRun.AtStartAsync(hostRoot));
    }

    /// <summary>Ends it; once for each run of the program.</summary>
    /// <param name="hostRoot">Where this process sees the host's root.</param>
    internal static Task<Recovery> EndAsync(string hostRoot) =>
        LibC.geteuid() != 0 ? Task.FromResult(Recovery.Nothing)
        : begun is { } early && early.HostRoot == hostRoot ? early.Recovery
        : JournalRecoveryRun.AtStartAsync(hostRoot);

    /// <summary>Ends it, and says so.</summary>
    /// <param name="hostRoot">Where this process sees the host's root.</param>
    /// <param name="json">Whether to say so as a line of JSON, its phase <c>Recovered</c>, or <c>RecoveryFailed</c> where nothing could even be tried, or a journal cannot be understood.</param>
    /// <param name="output">Where to say so.</param>
    internal static async Task<IReadOnlyList<WindowReport>> EndAsync(string hostRoot, bool json, NonBlockingWriter output)
    {
        var (reports, _, _) = await EndAsync(hostRoot).ConfigureAwait(false); // what is stuck is ended by the holder that was started for it
        foreach (var report in reports)
        {
            if (json) output.WriteLine(JsonReport.Line(report, report.WindowId.Length > 0 && !UnreadableJournal.Is(report) ? "Recovered" : "RecoveryFailed"));
            else
                foreach (var line in ReportText.Recovery(report)) output.WriteLine(line);
        }
        return reports;
    }
}
