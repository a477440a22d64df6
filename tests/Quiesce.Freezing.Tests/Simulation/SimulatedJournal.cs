using Quiesce.Freezing.Journals;
using Quiesce.Freezing.Kernel;
using Quiesce.Freezing.Planning;

namespace Quiesce.Freezing.Tests.Simulation;

/// <summary>A journal in memory; it stays when its holder dies.</summary>
internal sealed class SimulatedJournal(IReadOnlyList<PlannedFilesystem> filesystems) : IJournal
{
    private readonly JournalState[] states = new JournalState[filesystems.Count];
    private readonly Errno[] results = new Errno[filesystems.Count];

    /// <summary>Called before each record is written, and after; it may throw to kill the writer.</summary>
    internal Action<int, JournalState>? Before { get; set; }

    internal Action<int, JournalState>? After { get; set; }

    internal int Writes { get; private set; }

    internal IReadOnlyList<JournalRecord> Records =>
        [.. filesystems.Select((f, i) => Record(i))];

    internal JournalState State(int index) => states[index];

    internal JournalRecord Record(int index) =>
        new(states[index], results[index], filesystems[index].Superblock, filesystems[index].Identity, filesystems[index].Path)
        {
            MountDevice = filesystems[index].MountDevice,
            Type = filesystems[index].Type,
        };

    public void Set(int index, JournalState state, Errno result)
    {
        Before?.Invoke(index, state);
        results[index] = result;
        states[index] = state;
        Writes++;
        After?.Invoke(index, state);
    }

    internal Errno Result(int index) => results[index];

    /// <summary>Puts a record back as it was.</summary>
    internal void Restore(int index, JournalState state, Errno result)
    {
        states[index] = state;
        results[index] = result;
    }
}
