using System.Runtime.InteropServices;

namespace Quiesce.Benchmarks.Tracing;

/// <summary>The clock of the kernel's records.</summary>
internal static partial class BootClock
{
    private const int CLOCK_BOOTTIME = 7;

    internal static double Seconds()
    {
        _ = clock_gettime(CLOCK_BOOTTIME, out var now);
        return now.Seconds + (now.Nanoseconds / 1e9);
    }

    [LibraryImport("libc")]
    private static partial int clock_gettime(int clock, out Timespec now);

    private struct Timespec
    {
        public long Seconds;
        public long Nanoseconds;
    }
}
