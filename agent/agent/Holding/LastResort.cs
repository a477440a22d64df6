using System.Threading.Channels;
using Quiesce.Freezing.Journals;
using Quiesce.Freezing.Kernel;
using Quiesce.Freezing.Recovery;
using Quiesce.Freezing.Reports;
using Quiesce.Freezing.Windows;

namespace Quiesce.Agent.Holding;

/// <summary>
/// Thaws by this very process what a dead holder held: only when no fresh holder can be started, as on a node out of processes or with its
/// program gone. A call here may block, and then this process does not die at once when it is killed; that is less than a filesystem that stays frozen.
/// </summary>
internal static class LastResort
{
    /// <summary>Ends the window of one journal; the last report is final.</summary>
    /// <param name="hostRoot">Where this process sees the host's root.</param>
    /// <param name="file">The journal.</param>
    /// <param name="kept">Descriptors, in the order of its records; they stay the caller's.</param>
    /// <returns>What became of it; nothing when there is no journal.</returns>
    internal static async IAsyncEnumerable<WindowReport> ThawAsync(string hostRoot, string file, IReadOnlyList<int> kept)
    {
        var error = Journal.Open(file, out var journal);
        if (error == Errno.NoEntry) yield break;
        LinuxKernel? kernel = null;
        if (error == Errno.None) error = LinuxKernel.Open(hostRoot, out kernel);
        if (error != Errno.None)
        {
            journal?.Dispose();
            yield return UnreadableJournal.Report(file, Journal.Unopened(error)) with { Phase = WindowPhase.Failed };
            yield break;
        }
        var window = new LeftWindow(kernel!, hostRoot, journal!, [.. kept.Select(fd => new Descriptor(Tmds.Linux.LibC.dup(fd)))]);
        window.CloseUnneeded();
        var reports = Channel.CreateUnbounded<WindowReport>();
        Start("last resort", () =>
        {
            new RecoveryRun(Start, report => reports.Writer.TryWrite(report)).Run([window], firstRound: () => { });
            ExpeditedGracePeriods.RestoreLeftBehind(Path.GetDirectoryName(file)!, hostRoot);
            kernel!.Dispose();
            reports.Writer.Complete();
        });
        await foreach (var report in reports.Reader.ReadAllAsync().ConfigureAwait(false)) yield return report;
    }

    private static void Start(string name, Action body)
    {
        try
        {
            new Thread(() => body()) { IsBackground = true, Name = name }.Start();
        }
        catch (OutOfMemoryException)
        {
            // There is no room for another one: one after the other, on this one.
            body();
        }
    }
}
