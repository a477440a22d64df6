using Quiesce.Freezing.Journals;
using Quiesce.Freezing.Kernel;
using Quiesce.Freezing.Reports;

namespace Quiesce.Freezing.Recovery;

/// <summary>The journals that a recovery finds: those of this boot that can be understood. One of another boot is removed, because a reboot thaws everything.</summary>
public static class FoundJournals
{
    /// <summary>Opens them.</summary>
    /// <param name="files">Where they lie.</param>
    /// <param name="unreadable">A report for each that cannot be opened or understood; it stays where it is.</param>
    /// <returns>Each with its place among the files; they are the caller's to dispose.</returns>
    public static List<(int Index, Journal Journal)> Open(IReadOnlyList<string> files, out IReadOnlyList<WindowReport> unreadable)
    {
        var found = new List<(int, Journal)>();
        var reports = new List<WindowReport>();
        foreach (var (index, file) in files.Index())
        {
            var error = Journal.Open(file, out var journal);
            if (error == Errno.NoEntry) continue; // its holder, or another recovery, was quicker
            if ((error == Errno.None ? journal!.Content.Fault : Journal.Unopened(error)) is { } fault)
            {
                reports.Add(UnreadableJournal.Report(file, fault));
                journal?.Dispose();
                continue;
            }
            if (journal!.Content.BootId == Journal.CurrentBoot())
            {
                found.Add((index, journal));
                continue;
            }
            if (journal.IsOurs) journal.Remove();
            journal.Dispose();
        }
        unreadable = reports;
        return found;
    }
}
