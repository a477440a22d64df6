using Microsoft.Extensions.Logging;
using Quiesce.Freezing.Reports;

namespace Quiesce.Agent.Serving;

/// <summary>Everything a serving agent logs.</summary>
internal static partial class AgentLog
{
    /// <summary>Reason and sentence of a report, as the end of a line.</summary>
    internal static string Why(WindowReport report) => report.Reason is null ? "" : $", {report.Reason}: {report.Message}";

    [LoggerMessage(1, LogLevel.Information, "serving node {Node} as instance {Instance} over {Source}, host root {HostRoot}")]
    internal static partial void Serving(this ILogger log, string node, string instance, string source, string hostRoot);

    [LoggerMessage(2, LogLevel.Warning, "recovered window {Window}: {Thawed} of {Filesystems} filesystems thawed that an earlier instance left behind. {Why}")]
    internal static partial void Recovered(this ILogger log, string window, int thawed, int filesystems, string why);

    [LoggerMessage(17, LogLevel.Error, "window {Window}: {Why}")]
    internal static partial void Unreadable(this ILogger log, string window, string why);

    /// <summary>What a recovery says of one window.</summary>
    internal static void LeftBehind(this ILogger log, WindowReport report)
    {
        if (UnreadableJournal.Is(report)) log.Unreadable(report.WindowId, report.Message!);
        else log.Recovered(report.WindowId, report.ThawedFilesystems, report.Filesystems.Count, report.Message ?? "");
    }

    [LoggerMessage(3, LogLevel.Information, "NodeFreeze {Name} for {Request}: {Mode} of {Paths}")]
    internal static partial void Started(this ILogger log, string name, string request, string mode, string paths);

    [LoggerMessage(4, LogLevel.Information, "NodeFreeze {Name}: {Phase}{Why}")]
    internal static partial void Changed(this ILogger log, string name, string phase, string why);

    [LoggerMessage(5, LogLevel.Warning, "NodeFreeze {Name}: its status could not be written, trying again: {Error}")]
    internal static partial void StatusNotWritten(this ILogger log, string name, string error);

    [LoggerMessage(18, LogLevel.Warning, "NodeFreeze {Name}: a plan of {Request} has that name, taking the next one")]
    internal static partial void NameTaken(this ILogger log, string name, string request);

    [LoggerMessage(14, LogLevel.Error, "NodeFreeze {Name}: its status was refused, and this report is lost: {Error}")]
    internal static partial void StatusRefused(this ILogger log, string name, string error);

    [LoggerMessage(6, LogLevel.Warning, "the API server is not heard since {Since:o}: {Error}. Open windows go on and end by themselves")]
    internal static partial void Disconnected(this ILogger log, DateTimeOffset since, string error);

    [LoggerMessage(16, LogLevel.Warning, "NodeFreeze {Name}: its FreezeWindow is not heard: {Error}. What it holds ends by itself")]
    internal static partial void WindowNotHeard(this ILogger log, string name, string error);

    [LoggerMessage(13, LogLevel.Information, "the API server is heard again")]
    internal static partial void Connected(this ILogger log);

    [LoggerMessage(7, LogLevel.Information, "stopping: every window is thawed first")]
    internal static partial void Stopping(this ILogger log);

    [LoggerMessage(9, LogLevel.Warning, "not ready, {What}: {Why}")]
    internal static partial void Unfit(this ILogger log, string what, string why);

    [LoggerMessage(10, LogLevel.Information, "{What}: as it should be again")]
    internal static partial void Mended(this ILogger log, string what);

    [LoggerMessage(11, LogLevel.Information, "/metrics, /healthz and /readyz on http://{Endpoint}")]
    internal static partial void Listening(this ILogger log, System.Net.IPEndPoint endpoint);

    [LoggerMessage(12, LogLevel.Error, "{Error}; the node is served all the same")]
    internal static partial void NotListening(this ILogger log, string error);

    [LoggerMessage(8, LogLevel.Error, "NodeFreeze {Name}: an error nobody foresaw; its holder thaws by itself")]
    internal static partial void Unforeseen(this ILogger log, Exception error, string name);

    [LoggerMessage(15, LogLevel.Information, "grace periods are not expedited while freezing, which takes the longer for it: {Why}")]
    internal static partial void NotExpedited(this ILogger log, string why);
}
