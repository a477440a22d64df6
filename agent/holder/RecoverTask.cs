using Quiesce.Freezing.Holders;
using Quiesce.Freezing.Journals;
using Quiesce.Freezing.Kernel;
using Quiesce.Freezing.Recovery;
using Quiesce.Freezing.Reports;

namespace Quiesce.Holder;

/// <summary>Finishes the journals of dead holders and reports each; a journal whose holder still lives is left to it.</summary>
internal static class RecoverTask
{
    private const int Patience = 5_000;

    internal static int Run(HolderOrder order, HolderChannel channel, LinuxKernel kernel, IReadOnlyList<int> descriptors)
    {
        var journals = new List<(Journal Journal, IReadOnlyList<int> Kept)>();
        var thaws = new List<(FilesystemReport Named, Func<FilesystemReport> Thaw)>();
        foreach (var (index, file) in order.Journals.Index())
        {
            if (Journal.Open(file, out var opened) != Errno.None) continue;
            var journal = opened!;
            if (journal.BootId != Journal.CurrentBoot())
            {
                journal.Remove(); // a reboot thaws everything
                journal.Dispose();
                continue;
            }
            var kept = index == 0 ? descriptors : [];
            journals.Add((journal, kept));
            foreach (var (i, record) in journal.Records.Index().Where(r => r.Item.MayBeFrozen))
            {
                var descriptor = i < kept.Count ? new Descriptor(kept[i]) : Descriptor.None;
                thaws.Add((new FilesystemReport { Path = record.Path, Device = record.Superblock.ToString() }, () =>
                {
                    journal.Set(i, JournalState.Thawing, record.Result);
                    var report = JournalRecovery.Thaw(kernel, order.Plan.HostRoot, record, descriptor);
                    if (report.Reason != Freezing.FreezeReason.ThawFailed) journal.Set(i, JournalState.Done, Errno.None);
                    return report;
                }));
            }
        }

        var parallel = new ParallelThaw();
        var answers = parallel.Run(thaws, Patience);
        var next = 0;
        foreach (var (journal, _) in journals)
        {
            var count = journal.Records.Count(r => r.MayBeFrozen);
            var filesystems = answers.Skip(next).Take(count).ToList();
            next += count;
            var summary = JournalRecovery.Summarize(journal.WindowId, journal.Records, filesystems, kernel.BootTime());
            _ = channel.TrySend(HolderCodec.Encode(summary));
        }
        channel.Dispose(); // the agent has its answer; what is stuck is this process's alone
        parallel.WaitForStuckOnes();
        foreach (var (journal, _) in journals) journal.Remove();
        return 0;
    }
}
