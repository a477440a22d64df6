using System.Globalization;
using Quiesce.Freezing.Reports;
using Quiesce.Freezing.Windows;

namespace Quiesce.Agent.Output;

/// <summary>A report as lines for people.</summary>
internal static class ReportText
{
    /// <summary>What a window's report says: a headline, then a line for each filesystem.</summary>
    internal static IEnumerable<string> Window(WindowReport report, TimeSpan deadline)
    {
        yield return report.Phase switch
        {
            WindowPhase.Frozen => $"FROZEN   {Count(report.FrozenFilesystems)}, for at most {Span(deadline)}",
            WindowPhase.Thawed => $"THAWED   {Count(report.ThawedFilesystems)}; the window held without a break",
            WindowPhase.Expired => $"EXPIRED  {Count(report.ThawedFilesystems)} thawed: {report.Message}",
            WindowPhase.Broken => $"BROKEN   {report.Reason}: {report.Message}",
            WindowPhase.Failed => $"FAILED   {report.Reason}: {report.Message}; nothing is frozen",
            _ => $"{report.Phase.ToString().ToUpperInvariant(),-8} {report.Message}",
        };
        foreach (var line in Filesystems(report.Filesystems)) yield return line;
    }

    /// <summary>What an inspection says: one line for each filesystem, and why it would be refused if it would.</summary>
    internal static IEnumerable<string> Inspection(WindowReport report)
    {
        foreach (var line in Filesystems(report.Filesystems, resolved: "would be frozen")) yield return line;
        if (report.Phase == WindowPhase.Failed) yield return $"REFUSED  {report.Reason}: {report.Message}";
    }

    /// <summary>What an unconditional thaw says.</summary>
    internal static IEnumerable<string> Thaw(WindowReport report, bool all)
    {
        yield return $"THAWED   {Count(report.ThawedFilesystems)}";
        var shown = report.Filesystems.Where(f => f.State != FilesystemState.Resolved || !all);
        foreach (var line in Filesystems(shown, resolved: "was not frozen")) yield return line;
    }

    private static IEnumerable<string> Filesystems(IEnumerable<FilesystemReport> filesystems, string resolved = "resolved")
    {
        foreach (var f in filesystems)
        {
            var what = f.State switch
            {
                FilesystemState.Resolved => resolved,
                FilesystemState.Frozen => $"frozen   flush {Ms(f.FlushNanoseconds)}  freeze {Ms(f.FreezeNanoseconds)}",
                FilesystemState.Thawed when f.HeldNanoseconds is not null => $"thawed   held {Ms(f.HeldNanoseconds)}  thaw {Ms(f.ThawNanoseconds)}",
                _ => f.State.ToString().ToLowerInvariant(),
            };
            yield return $"  {f.Path,-32} {f.Type ?? "-",-8} {f.Source ?? "-",-14} {what}{(f.Reason is null ? "" : $"  {f.Reason}")}";
        }
    }

    private static string Count(int filesystems) => filesystems == 1 ? "1 filesystem" : $"{filesystems} filesystems";

    private static string Ms(long? nanoseconds) =>
        nanoseconds is { } ns ? string.Create(CultureInfo.InvariantCulture, $"{ns / 1e6:0.0} ms") : "-";

    private static string Span(TimeSpan span) =>
        span.TotalSeconds >= 1 ? string.Create(CultureInfo.InvariantCulture, $"{span.TotalSeconds:0.###} s") : string.Create(CultureInfo.InvariantCulture, $"{span.TotalMilliseconds:0} ms");
}
