using Quiesce.Freezing;
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
        var journals = new List<LeftJournal>();
        var thaws = new List<(FilesystemReport Named, Func<FilesystemReport> Thaw)>();
        foreach (var (index, file) in order.Journals.Index())
        {
            if (Journal.Open(file, out var opened) != Errno.None) continue;
            if (opened!.BootId != Journal.CurrentBoot())
            {
                opened.Remove(); // a reboot thaws everything
                opened.Dispose();
                continue;
            }
            var left = new LeftJournal(opened);
            journals.Add(left);
            foreach (var (i, record) in opened.Records.Index().Where(r => r.Item.MayBeFrozen))
            {
                var descriptor = index == 0 && i < descriptors.Count ? new Descriptor(descriptors[i]) : Descriptor.None;
                thaws.Add((new FilesystemReport { Path = record.Path, Device = record.Superblock.ToString() }, () => left.Thaw(kernel, order.Plan.HostRoot, i, record, descriptor)));
            }
        }

        var parallel = new ParallelThaw();
        var answers = parallel.Run(thaws, Patience);
        var next = 0;
        foreach (var left in journals)
        {
            var filesystems = answers.Skip(next).Take(left.Count).ToList();
            next += left.Count;
            _ = channel.TrySend(HolderCodec.Encode(JournalRecovery.Summarize(left.Journal.WindowId, left.Journal.Records, filesystems, kernel.BootTime())));
        }
        channel.Dispose(); // the agent has its answer; what is stuck is this process's alone
        parallel.WaitForStuckOnes();
        foreach (var left in journals)
            if (!left.OwesThaw) left.Journal.Remove(); // else the next start tries again
        return 0;
    }

    /// <summary>A journal and whether all it speaks of could be ended.</summary>
    private sealed class LeftJournal(Journal journal)
    {
        private volatile bool owesThaw;

        internal Journal Journal => journal;

        /// <summary>How many of its filesystems may be frozen.</summary>
        internal int Count { get; } = journal.Records.Count(r => r.MayBeFrozen);

        /// <summary>A thaw failed: something may still be frozen.</summary>
        internal bool OwesThaw => owesThaw;

        internal FilesystemReport Thaw(LinuxKernel kernel, string hostRoot, int index, JournalRecord record, Descriptor kept)
        {
            journal.Set(index, JournalState.Thawing, record.Result);
            var report = JournalRecovery.Thaw(kernel, hostRoot, record, kept);
            if (kept.IsOpen) kernel.Close(kept); // before the report: whoever reads it may want to unmount
            if (report.Reason == FreezeReason.ThawFailed)
            {
                owesThaw = true;
                journal.Set(index, record.State, record.Result);
            }
            else
            {
                journal.Set(index, JournalState.Done, Errno.None);
            }
            return report;
        }
    }
}
