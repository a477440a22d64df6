using Quiesce.Freezing.Windows;

namespace Quiesce.Freezing.Reports;

/// <summary>What is said of a journal that cannot be read or understood, wherever it is met: its window is not over, since nobody knows what it left frozen.</summary>
public static class UnreadableJournal
{
    /// <summary>The sentence for people.</summary>
    /// <param name="file">The journal.</param>
    /// <param name="fault">Why, in words that follow its name.</param>
    public static string Message(string file, string fault) =>
        $"{file}: {fault}, so what its window may have left frozen is not known, and nothing is frozen meanwhile; " +
        "run the version of quiesce-agent that wrote it, or thaw with 'quiesce-agent thaw --all' on the node, then remove that file";

    /// <summary>The report of its window, which is not final.</summary>
    /// <param name="file">The journal.</param>
    /// <param name="fault">Why, in words that follow its name.</param>
    public static WindowReport Report(string file, string fault) => new()
    {
        WindowId = Path.GetFileNameWithoutExtension(file),
        Phase = WindowPhase.Thawing,
        Reason = FreezeReason.ThawFailed,
        Message = Message(file, fault),
    };

    /// <summary>Whether a report is such a one. One of a stuck call names its filesystem.</summary>
    public static bool Is(WindowReport report) => report is { IsFinal: false, Reason: FreezeReason.ThawFailed, Filesystems.Count: 0 };
}
