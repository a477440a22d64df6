using System.IO.MemoryMappedFiles;

namespace Quiesce.Chaos.Tests.Observing;

/// <summary>
/// What a standing writer tells, in memory that it shares with the suite: a file on <c>/dev/shm</c>, so that neither side ever waits for the other or for a disk.
/// </summary>
/// <remarks>
/// 64-bit words: writes done, when the write under way began (0 for none), errno of a write that failed, stalls ever seen, and from word 8 a ring of stalls, begin and
/// end. Times are nanoseconds of <c>CLOCK_BOOTTIME</c>. A stall is in the ring before it is counted.
/// </remarks>
internal sealed unsafe class WriterMemory : IDisposable
{
    private const int Ring = 8;
    private const int Stalls = 4096;
    private const int Size = (Ring + (2 * Stalls)) * sizeof(long);

    private readonly MemoryMappedFile file;
    private readonly MemoryMappedViewAccessor view;
    private readonly long* words;

    private WriterMemory(MemoryMappedFile file)
    {
        this.file = file;
        view = file.CreateViewAccessor(0, Size);
        byte* start = null;
        view.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
        words = (long*)start;
    }

    internal long Writes => Volatile.Read(ref words[0]);

    /// <summary>When the write under way began, or 0.</summary>
    internal long Began
    {
        get => Volatile.Read(ref words[1]);
        set => Volatile.Write(ref words[1], value);
    }

    internal long Error
    {
        get => Volatile.Read(ref words[2]);
        set => Volatile.Write(ref words[2], value);
    }

    internal long StallCount => Volatile.Read(ref words[3]);

    internal static WriterMemory Create(string path) => new(MemoryMappedFile.CreateFromFile(path, FileMode.CreateNew, null, Size));

    internal static WriterMemory Open(string path) => new(MemoryMappedFile.CreateFromFile(path, FileMode.Open, null, Size));

    /// <summary>The writer: a write has returned.</summary>
    internal void Written() => Volatile.Write(ref words[0], words[0] + 1);

    /// <summary>The writer: one stood still.</summary>
    internal void Stalled(long begin, long end)
    {
        var slot = &words[Ring + (2 * (words[3] % Stalls))];
        slot[0] = begin;
        slot[1] = end;
        Volatile.Write(ref words[3], words[3] + 1);
    }

    /// <summary>The suite: those from a count on.</summary>
    internal IReadOnlyList<Stall> StallsSince(long count)
    {
        var stalls = new List<Stall>();
        for (var i = Math.Max(count, StallCount - Stalls + 1); i < StallCount; i++)
        {
            var slot = &words[Ring + (2 * (i % Stalls))];
            stalls.Add(new Stall(BootTime.OfNanoseconds(slot[0]), BootTime.OfNanoseconds(slot[1])));
        }
        return stalls;
    }

    public void Dispose()
    {
        view.SafeMemoryMappedViewHandle.ReleasePointer();
        view.Dispose();
        file.Dispose();
    }
}
