using Quiesce.Freezing.Journals;
using Quiesce.Freezing.Kernel;

namespace Quiesce.Freezing.Windows;

/// <summary>Carries out one action of a window: the journal before, the call, the journal after, the answer to the window.</summary>
/// <remarks>The same few lines run in the holder, each on a thread of its own, and in the simulation, in every order and with a crash at every step.</remarks>
/// <param name="kernel">Where the calls go.</param>
/// <param name="journal">Where they are noted.</param>
/// <param name="window">Whom they are answered to; every use of it but <see cref="Window.Ended"/> is under <paramref name="gate"/>.</param>
/// <param name="gate">The lock that makes the window's calls one at a time.</param>
public sealed class FilesystemCalls(IKernel kernel, IJournal journal, Window window, object gate)
{
    /// <summary>Performs a flush, freeze or thaw and hands in the answer. Blocks as long as the kernel does.</summary>
    public void Perform(WindowAction action)
    {
        var index = action.Index;
        var filesystem = window.Filesystems[index];
        var folder = filesystem.Plan.Folder;
        var started = kernel.BootTime();
        switch (action.Kind)
        {
            case WindowActionKind.Flush:
                _ = kernel.SectorsWritten(filesystem.Plan.Superblock); // opens the counters now, so that the thaw only reads them
                var flushed = kernel.Flush(folder);
                lock (gate) window.Flushed(index, flushed, started, kernel.BootTime());
                break;
            case WindowActionKind.Freeze:
                if (window.Ended)
                {
                    lock (gate) window.FreezeAbandoned(index, started);
                    break;
                }
                journal.Set(index, JournalState.Freezing, Errno.None);
                var frozen = kernel.Freeze(folder);
                var returned = kernel.BootTime();
                journal.Set(index, frozen == Errno.None ? JournalState.Held : JournalState.Done, frozen);
                if (frozen == Errno.None) filesystem.SectorsAtFreeze = kernel.SectorsWritten(filesystem.Plan.Superblock);
                lock (gate) window.FreezeReturned(index, frozen, started, returned);
                break;
            case WindowActionKind.Thaw:
                var sectors = kernel.SectorsWritten(filesystem.Plan.Superblock);
                journal.Set(index, JournalState.Thawing, Errno.None);
                var thawed = kernel.Thaw(folder);
                // Success and "not frozen" both mean that nothing is owed; any other answer may leave it frozen.
                journal.Set(index, thawed is Errno.None or Errno.Invalid ? JournalState.Done : JournalState.Thawing, thawed);
                lock (gate) window.ThawReturned(index, thawed, sectors is not null && filesystem.SectorsAtFreeze is { } before && sectors != before, started, kernel.BootTime());
                break;
            case WindowActionKind.Report:
            default:
                throw new ArgumentOutOfRangeException(nameof(action));
        }
    }
}
