using System.Globalization;
using Quiesce.Freezing;
using Quiesce.Freezing.Reports;
using Quiesce.Freezing.Windows;

namespace Quiesce.Agent.Output;

/// <summary>A report as lines for people: a headline, a line for each filesystem, and below it a sentence where there is something to say of it.</summary>
internal static class ReportText
{
    /// <summary>What a window's report says.</summary>
    /// <param name="report">How it stands.</param>
    /// <param name="deadline">The longest hold, as it was typed.</param>
    internal static IEnumerable<string> Window(WindowReport report, string deadline) => Lines(report, "resolved", report.Phase switch
    {
        WindowPhase.Frozen => $"FROZEN   {Count(report.FrozenFilesystems)}, for at most {deadline}",
        WindowPhase.Thawed => $"THAWED   {Count(report.ThawedFilesystems)}; the window held without a break",
        WindowPhase.Expired => $"EXPIRED  {Count(report.ThawedFilesystems)}; {report.Message}",
        WindowPhase.Broken => $"BROKEN   {report.Reason}: {report.Message}",
        WindowPhase.Failed when report.Reason == FreezeReason.ThawFailed => $"FAILED   {report.Reason}: {report.Message}",
        WindowPhase.Failed => $"FAILED   {report.Reason}: {report.Message}; this window holds nothing",
        _ => $"{report.Phase.ToString().ToUpperInvariant(),-8} {report.Message}",
    });

    /// <summary>What an inspection says: why it would be refused comes last.</summary>
    internal static IEnumerable<string> Inspection(WindowReport report)
    {
        foreach (var line in Filesystems(report.Filesystems, "would be frozen", report.Message)) yield return line;
        if (report.Phase == WindowPhase.Failed) yield return $"REFUSED  {report.Reason}: {report.Message}";
    }

    /// <summary>What an unconditional thaw says.</summary>
    /// <param name="report">What it found.</param>
    /// <param name="all">Of all filesystems only those are listed that were frozen or made trouble.</param>
    internal static IEnumerable<string> Thaw(WindowReport report, bool all)
    {
        var shown = report with { Filesystems = [.. report.Filesystems.Where(f => f.State != FilesystemState.Resolved || !all)] };
        if (report.Filesystems.Count > 0 || report.Phase != WindowPhase.Failed)
            foreach (var line in Lines(shown, "was not frozen", $"THAWED   {Count(report.ThawedFilesystems)}")) yield return line;
        if (report.Phase == WindowPhase.Failed) yield return $"FAILED   {report.Reason}: {report.Message}";
    }

    /// <summary>What became of a window whose processes had died.</summary>
    internal static IEnumerable<string> Recovery(WindowReport report) => report.WindowId.Length == 0
        ? [$"FAILED   {report.Reason}: {report.Message}; what earlier windows may have left frozen was not looked at"]
        : UnreadableJournal.Is(report) ? [$"FAILED   {report.Reason}: {report.Message}"]
        : Filesystems(report.Filesystems, "was not frozen", said: null)
            .Prepend($"RECOVERED {report.WindowId}, left behind by processes that died: {Count(report.ThawedFilesystems)} thawed{(report.IsFinal ? "" : ", the rest as soon as its call returns")}");

    private static IEnumerable<string> Lines(WindowReport report, string resolved, string headline) =>
        Filesystems(report.Filesystems, resolved, report.Message).Prepend(headline);

    private static IEnumerable<string> Filesystems(IReadOnlyList<FilesystemReport> filesystems, string resolved, string? said)
    {
        if (filesystems.Count == 0) yield break;
        var (path, type, source) = (Width(f => f.Path, 60), Width(f => f.Type, 12), Width(f => f.Source, 40));
        foreach (var f in filesystems)
        {
            var what = f.State switch
            {
                FilesystemState.Resolved => resolved,
                FilesystemState.Frozen => $"frozen   flush {Ms(f.FlushNanoseconds)}  freeze {Ms(f.FreezeNanoseconds)}",
                FilesystemState.Thawed when f.HeldNanoseconds is not null => $"thawed   held {Ms(f.HeldNanoseconds)}  thaw {Ms(f.ThawNanoseconds)}",
                _ => $"{f.State.ToString().ToLowerInvariant(),-8} {f.Reason}".TrimEnd(),
            };
            yield return $"  {f.Path.PadRight(path)}  {(f.Type ?? "-").PadRight(type)}  {(f.Source ?? "-").PadRight(source)}  {what}";
            if (f.Message is not null && f.Message != said && f.Reason != FreezeReason.RolledBack) yield return $"    {f.Message}";
        }

        // One long name must not push all others off the screen.
        int Width(Func<FilesystemReport, string?> field, int most) => Math.Min(most, filesystems.Max(f => field(f)?.Length ?? 1));
    }

    private static string Count(int filesystems) => filesystems == 1 ? "1 filesystem" : $"{filesystems} filesystems";

    private static string Ms(long? nanoseconds) =>
        nanoseconds is { } ns ? string.Create(CultureInfo.InvariantCulture, $"{ns / 1e6:0.0} ms") : "-";
}
