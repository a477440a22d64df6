using System.Runtime.InteropServices;

namespace Quiesce.Chaos.Tests.Observing;

/// <summary>The kernel's <c>CLOCK_BOOTTIME</c>, by which deadlines are kept: the same in every process of this machine.</summary>
internal static unsafe partial class BootTime
{
    private const int CLOCK_BOOTTIME = 7;

    /// <summary>Time since the boot.</summary>
    internal static TimeSpan Now => OfNanoseconds(Nanoseconds);

    /// <summary>The same in nanoseconds.</summary>
    internal static long Nanoseconds
    {
        get
        {
            var time = stackalloc long[2]; // struct timespec
            _ = clock_gettime(CLOCK_BOOTTIME, time);
            return (time[0] * 1_000_000_000) + time[1];
        }
    }

    internal static TimeSpan OfNanoseconds(long nanoseconds) => TimeSpan.FromTicks(nanoseconds / TimeSpan.NanosecondsPerTick);

    /// <summary>A moment of this machine's wall clock as time since the boot.</summary>
    internal static TimeSpan Of(DateTimeOffset wall) => Now - (TimeProvider.System.GetUtcNow() - wall);

    [LibraryImport("libc")]
    private static partial int clock_gettime(int clock, long* time);
}
