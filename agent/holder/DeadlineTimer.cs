using Quiesce.Freezing.Kernel;
using Tmds.Linux;

namespace Quiesce.Holder;

/// <summary>An absolute timer on <c>CLOCK_BOOTTIME</c> with a thread of its own: it neither steps with the wall clock nor stands still in suspend.</summary>
internal sealed unsafe class DeadlineTimer
{
    private readonly int timer;

    internal DeadlineTimer(Action elapsed)
    {
        const int TFD_CLOEXEC = 0x80000;
        timer = Native.timerfd_create(Native.CLOCK_BOOTTIME, TFD_CLOEXEC);
        if (timer < 0) throw new InvalidOperationException($"timerfd_create failed with {Native.LastErrno.Describe()}");
        Threads.Start("deadline", () =>
        {
            ulong expirations;
            while (true)
                if ((long)LibC.read(timer, &expirations, sizeof(ulong)) == sizeof(ulong)) elapsed();
        });
    }

    /// <summary>Sets the next time in nanoseconds since boot; null disarms. A time in the past elapses at once.</summary>
    internal void Arm(long? bootTime) => Native.ArmTimer(timer, bootTime is { } time ? Math.Max(time, 1) : 0);
}
