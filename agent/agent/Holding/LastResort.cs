using Quiesce.Freezing;
using Quiesce.Freezing.Journals;
using Quiesce.Freezing.Kernel;
using Quiesce.Freezing.Recovery;
using Quiesce.Freezing.Reports;

namespace Quiesce.Agent.Holding;

/// <summary>
/// Thaws by this very process what a dead holder held: only when no fresh holder can be started, as on a node out of processes or with its
/// program gone. A call here may block, and then this process does not die at once when it is killed; that is less than a filesystem that stays frozen.
/// </summary>
internal static class LastResort
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    /// <summary>One <c>FITHAW</c> for each superblock the journal says may be held, each on a thread of its own.</summary>
    /// <param name="hostRoot">Where this process sees the host's root.</param>
    /// <param name="file">The journal.</param>
    /// <param name="kept">Descriptors, in the order of its records.</param>
    /// <returns>What became of them; null when there is no journal, or somebody else is at it.</returns>
    internal static async Task<WindowReport?> ThawAsync(string hostRoot, string file, IReadOnlyList<int> kept)
    {
        if (Journal.Open(file, out var journal) != Errno.None || LinuxKernel.Open(hostRoot, out var kernel) != Errno.None) return null;
        var owed = journal!.Records.Index().Where(r => r.Item.MayBeFrozen)
            .Select(r => Start(kernel!, hostRoot, r.Item, r.Index < kept.Count ? new Descriptor(kept[r.Index]) : Descriptor.None)).ToList();
        await Task.WhenAny(Task.WhenAll(owed.Select(o => o.Thaw)), Task.Delay(Patience)).ConfigureAwait(false);
        var filesystems = owed.Select(o => o.Thaw.IsCompletedSuccessfully ? o.Thaw.Result : Stuck(o.Record)).ToList();
        if (filesystems.All(f => f.State != FilesystemState.Stuck && f.Reason != FreezeReason.ThawFailed)) journal.Remove(); // else the next start tries again
        var report = JournalRecovery.Summarize(journal.WindowId, journal.Records, filesystems, kernel!.BootTime());
        journal.Dispose();
        return report;
    }

    private static (JournalRecord Record, Task<FilesystemReport> Thaw) Start(LinuxKernel kernel, string hostRoot, JournalRecord record, Descriptor kept)
    {
        var answer = new TaskCompletionSource<FilesystemReport>(TaskCreationOptions.RunContinuationsAsynchronously);
        new Thread(() => answer.SetResult(JournalRecovery.Thaw(kernel, hostRoot, record, kept))) { IsBackground = true, Name = "thaw" }.Start();
        return (record, answer.Task);
    }

    private static FilesystemReport Stuck(JournalRecord record) => new()
    {
        Path = record.Path,
        Device = record.Superblock.ToString(),
        State = FilesystemState.Stuck,
        Reason = FreezeReason.ThawStuck,
        Message = $"{record.Path}: FITHAW does not return, its device does not answer; writers go on as soon as it does",
    };
}
