using System.Runtime.InteropServices;

namespace Quiesce.EndToEnd.Tests.Running;

/// <summary>The kernel's CLOCK_BOOTTIME, by which deadlines are kept: the same in every process of this machine.</summary>
internal static unsafe partial class BootTime
{
    private const int CLOCK_BOOTTIME = 7;

    /// <summary>Time since the boot.</summary>
    internal static TimeSpan Now
    {
        get
        {
            var time = stackalloc long[2]; // struct timespec
            _ = clock_gettime(CLOCK_BOOTTIME, time);
            return TimeSpan.FromTicks((time[0] * TimeSpan.TicksPerSecond) + (time[1] / TimeSpan.NanosecondsPerTick));
        }
    }

    [LibraryImport("libc")]
    private static partial int clock_gettime(int clock, long* time);
}
