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
        // Three steps, so that a test can put whatever else happens on the machine between them.
        if (Begin(action) is { } call) Complete(call, Enter(action));
    }

    /// <summary>A call that is about to be made, or is in the kernel.</summary>
    /// <param name="Action">What it is for.</param>
    /// <param name="Started">When it began.</param>
    /// <param name="Sectors">Of a thaw, what the device had counted before.</param>
    internal readonly record struct Call(WindowAction Action, long Started, long? Sectors);

    /// <summary>What comes before the call; null where it is not to be made any more.</summary>
    internal Call? Begin(WindowAction action)
    {
        var index = action.Index;
        var superblock = window.Filesystems[index].Plan.Superblock;
        var started = kernel.BootTime();
        switch (action.Kind)
        {
            case WindowActionKind.Flush:
                _ = kernel.SectorsWritten(superblock); // opens the counters now, so that the thaw only reads them
                return new Call(action, started, null);
            case WindowActionKind.Freeze:
                if (window.Ended)
                {
                    lock (gate) window.FreezeAbandoned(index, started);
                    return null;
                }
                journal.Set(index, JournalState.Freezing, Errno.None);
                return new Call(action, started, null);
            case WindowActionKind.Thaw:
                var sectors = kernel.SectorsWritten(superblock);
                journal.Set(index, JournalState.Thawing, Errno.None);
                return new Call(action, started, sectors);
            case WindowActionKind.Report:
            default:
                throw new ArgumentOutOfRangeException(nameof(action));
        }
    }

    /// <summary>The call itself.</summary>
    internal Errno Enter(WindowAction action)
    {
        var folder = window.Filesystems[action.Index].Plan.Folder;
        return action.Kind switch
        {
            WindowActionKind.Flush => kernel.Flush(folder),
            WindowActionKind.Freeze => kernel.Freeze(folder),
            _ => kernel.Thaw(folder),
        };
    }

    /// <summary>What comes after the call.</summary>
    internal void Complete(Call call, Errno answer)
    {
        var index = call.Action.Index;
        var filesystem = window.Filesystems[index];
        switch (call.Action.Kind)
        {
            case WindowActionKind.Flush:
                lock (gate) window.Flushed(index, answer, call.Started, kernel.BootTime());
                break;
            case WindowActionKind.Freeze:
                var returned = kernel.BootTime();
                journal.Set(index, answer == Errno.None ? JournalState.Held : JournalState.Done, answer);
                if (answer == Errno.None) filesystem.SectorsAtFreeze = kernel.SectorsWritten(filesystem.Plan.Superblock);
                lock (gate) window.FreezeReturned(index, answer, call.Started, returned);
                break;
            default:
                // Success and "not frozen" both mean that nothing is owed; any other answer may leave it frozen.
                journal.Set(index, answer is Errno.None or Errno.Invalid ? JournalState.Done : JournalState.Thawing, answer);
                var written = call.Sectors is not null && filesystem.SectorsAtFreeze is { } before && call.Sectors != before;
                lock (gate) window.ThawReturned(index, answer, written, call.Started, kernel.BootTime());
                break;
        }
    }
}
