using static Tmds.Linux.LibC;

namespace Quiesce.Chaos.Tests.Observing;

/// <summary>
/// The standing writer's own process: appends a small record every two milliseconds and notes how long each write took. It is an application as any other: it knows
/// nothing of Quiesce, and a freeze is what it cannot write through.
/// </summary>
internal static unsafe class WriterProgram
{
    /// <summary>A pause between two writes, in milliseconds: how exactly a freeze and a thaw are seen.</summary>
    private const int Pause = 2;

    // Above the noise of a loaded machine, far below any window.
    private const long LeastStall = 30_000_000;

    // It starts over there, so that no run fills its filesystem.
    private const long LargestFile = 64 * 1024;

    /// <summary>Writes until it is killed, or a write fails.</summary>
    internal static int Run(string memoryFile, string file)
    {
        using var memory = WriterMemory.Open(memoryFile);
        int fd;
        fixed (byte* p = System.Text.Encoding.UTF8.GetBytes(file + '\0'))
            fd = open(p, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0x180);
        if (fd < 0) return Failed(memory);
        var record = stackalloc byte[16];
        for (var size = 0L; ; size += 16)
        {
            var begin = BootTime.Nanoseconds;
            memory.Began = begin;
            if ((long)write(fd, record, 16) != 16) return Failed(memory);
            if (size > LargestFile)
            {
                if (ftruncate(fd, 0) != 0) return Failed(memory);
                size = 0;
            }
            var end = BootTime.Nanoseconds;
            if (end - begin >= LeastStall) memory.Stalled(begin, end);
            memory.Began = 0;
            memory.Written();
            _ = poll(null, 0, Pause);
        }
    }

    private static int Failed(WriterMemory memory)
    {
        memory.Error = errno;
        return 1;
    }
}
