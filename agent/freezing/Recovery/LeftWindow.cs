using Quiesce.Freezing.Journals;
using Quiesce.Freezing.Kernel;
using Quiesce.Freezing.Reports;
using Quiesce.Freezing.Windows;

namespace Quiesce.Freezing.Recovery;

/// <summary>
/// A window whose holder is dead: what is owed at once, what is owed when the holder's last call has returned, and what became of each. Any
/// thread may call any member; a filesystem is thawed by one of them.
/// </summary>
/// <param name="kernel">Where the calls go.</param>
/// <param name="hostRoot">Where this process sees the host's root.</param>
/// <param name="journal">Its journal.</param>
/// <param name="kept">The holder's own descriptors in the order of the records, or fewer.</param>
public sealed class LeftWindow(IKernel kernel, string hostRoot, Journal journal, IReadOnlyList<Descriptor> kept)
{
    private readonly bool wasGone = journal.IsOurs;

    // As they are now: a holder that was killed just now may have come further than when its journal was opened.
    private readonly JournalRecord[] records = [.. journal.Content.Records.Select((_, i) => journal.Record(i))];
    private readonly FilesystemReport?[] answers = new FilesystemReport?[journal.Content.Records.Count];

    /// <summary>Its journal.</summary>
    public Journal Journal => journal;

    /// <summary>The filesystems to thaw now.</summary>
    public IReadOnlyList<int> OwedAtOnce => [.. Owed().Where(i => wasGone || records[i].IsOwedAtOnce)];

    /// <summary>The filesystems to thaw when <see cref="Journal.Acquire"/> has returned: a freeze of them may still be in the kernel.</summary>
    public IReadOnlyList<int> OwedLater => [.. Owed().Where(i => !wasGone && !records[i].IsOwedAtOnce)];

    /// <summary>Every filesystem has its answer.</summary>
    public bool IsSettled => Owed().All(i => Volatile.Read(ref answers[i]) is not null);

    /// <summary>A thaw failed, or nobody knows what is owed: something may still be frozen, and the journal must stay.</summary>
    public bool OwesThaw => journal.Content.Fault is not null || Array.Exists(answers, a => a?.Reason == FreezeReason.ThawFailed);

    /// <summary>Gives back the kept descriptors of what needs no thaw: whoever waits for the others may want to unmount these.</summary>
    public void CloseUnneeded()
    {
        for (var i = 0; i < kept.Count; i++)
            if (i >= records.Length || !records[i].MayBeFrozen) kernel.Close(kept[i]);
    }

    /// <summary>Thaws one. Blocks as long as the kernel does.</summary>
    public void Thaw(int index)
    {
        var folder = index < kept.Count ? kept[index] : Descriptor.None;
        var report = JournalRecovery.End(kernel, hostRoot, journal, index, journal.Record(index), folder); // as it is now: another recovery may have been quicker
        kernel.Close(folder); // before the report: whoever reads it may want to unmount
        Volatile.Write(ref answers[index], report);
    }

    /// <summary>What became of it so far; final once it is settled.</summary>
    public WindowReport Report()
    {
        if (journal.Content.Fault is { } fault) return UnreadableJournal.Report(journal.File, fault) with { Phase = WindowPhase.Failed };
        var settled = IsSettled; // read before what depends on it
        var wasOpen = records.Length > 0 && Array.TrueForAll(records, r =>
            r.State is JournalState.Held or JournalState.Thawing || (r.State == JournalState.Done && r.Result is Errno.None or Errno.NotSupported));
        List<FilesystemReport> filesystems = [.. Owed().Select(i => Volatile.Read(ref answers[i]) ?? Stuck(i))];
        return new WindowReport
        {
            WindowId = journal.WindowId,
            Phase = !settled ? WindowPhase.Thawing : wasOpen ? WindowPhase.Broken : WindowPhase.Failed,
            Reason = filesystems.Find(f => f.Reason == FreezeReason.ThawFailed)?.Reason ?? FreezeReason.HolderDied,
            Message = filesystems.Find(f => f.Reason == FreezeReason.ThawFailed)?.Message
                ?? filesystems.Find(f => f.Message is not null)?.Message ?? "the process that held the filesystems died; they were thawed at once",
            FrozenAt = null,
            DeadlineAt = journal.Content.DeadlineAt,
            FrozenFilesystems = records.Count(r => r.State is JournalState.Held or JournalState.Thawing),
            ThawedFilesystems = filesystems.Count(f => f.State == FilesystemState.Thawed),
            ReleasedAt = settled ? kernel.BootTime() : null,
            Filesystems = filesystems,
        };
    }

    private IEnumerable<int> Owed() => Enumerable.Range(0, records.Length).Where(i => records[i].MayBeFrozen);

    private FilesystemReport Stuck(int index)
    {
        var later = !wasGone && !records[index].IsOwedAtOnce;
        var path = records[index].Path;
        return new FilesystemReport
        {
            Path = path,
            Device = records[index].Superblock.ToString(),
            State = FilesystemState.Stuck,
            Reason = later ? FreezeReason.FreezeStuck : FreezeReason.ThawStuck,
            Message = later ? StuckCalls.Freeze(path) : StuckCalls.Thaw(path),
        };
    }
}
