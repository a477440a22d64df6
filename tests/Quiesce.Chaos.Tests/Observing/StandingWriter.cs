using Quiesce.Chaos.Tests.Running;
using Quiesce.RealFilesystems;

namespace Quiesce.Chaos.Tests.Observing;

/// <summary>
/// Watches one filesystem from outside and without touching a freeze: a process of its own that writes all the time, see <see cref="WriterProgram"/>. What it could not
/// write through was frozen, whatever anybody says.
/// </summary>
internal sealed class StandingWriter : IAsyncDisposable
{
    private const string Folder = "/dev/shm";

    private static int made;

    private readonly string memoryFile;
    private readonly WriterMemory memory;
    private readonly ProgramRun process;

    private StandingWriter(RealFilesystem filesystem)
    {
        Filesystem = filesystem;
        memoryFile = $"{Folder}/quiesce-chaos-{Environment.ProcessId}-{Interlocked.Increment(ref made)}";
        memory = WriterMemory.Create(memoryFile);
        process = new ProgramRun(Starter.DieWith, Programs.Self, "writer", memoryFile, $"{filesystem.MountPoint}/standing");
    }

    internal RealFilesystem Filesystem { get; }

    /// <summary>A mark for <see cref="StallsSince"/>.</summary>
    internal long Mark => memory.StallCount;

    /// <summary>Since when it cannot write; null while it can.</summary>
    internal TimeSpan? StandsSince =>
        memory.Began is > 0 and var began && BootTime.Nanoseconds - began > 30_000_000 ? BootTime.OfNanoseconds(began) : null;

    /// <summary>Why it writes no more: its process has ended.</summary>
    internal string? Fault => process.HasExited ? $"the writer on {Filesystem.MountPoint} has ended, errno {memory.Error}: {process.Said}" : null;

    /// <summary>Starts one and waits for its first writes.</summary>
    internal static async Task<StandingWriter> StartAsync(RealFilesystem filesystem)
    {
        var writer = new StandingWriter(filesystem);
        await Eventually.TrueAsync(() => writer.memory.Writes > 2 || writer.process.HasExited, () => $"the writer on {filesystem.MountPoint} writes: {writer.process.Said}");
        return writer;
    }

    /// <summary>The stalls from a mark on, the one that lasts still among them, with now as its end.</summary>
    internal IReadOnlyList<Stall> StallsSince(long mark)
    {
        var standing = StandsSince; // before the list: one that ends in between is then in both, and no stall is missed
        var stalls = memory.StallsSince(mark);
        return standing is { } since && stalls.All(s => s.Begin != since) ? [.. stalls, new Stall(since, BootTime.Now)] : stalls;
    }

    /// <summary>Ends it, which a frozen filesystem does not let happen.</summary>
    public async ValueTask DisposeAsync()
    {
        await process.DisposeAsync();
        memory.Dispose();
        File.Delete(memoryFile);
    }
}
