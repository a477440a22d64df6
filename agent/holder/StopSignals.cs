using Quiesce.Freezing.Kernel;
using Tmds.Linux;

namespace Quiesce.Holder;

/// <summary>SIGTERM, SIGINT and SIGHUP, the parent-death signal among them, read by a thread of its own.</summary>
/// <remarks>The agent starts the holder with these signals blocked, so that every thread of the runtime has them blocked and none is lost.</remarks>
internal static unsafe class StopSignals
{
    internal static void Listen(Action stop)
    {
        const int SFD_CLOEXEC = 0x80000;
        ulong mask = (1UL << (LibC.SIGTERM - 1)) | (1UL << (LibC.SIGINT - 1)) | (1UL << (LibC.SIGHUP - 1));
        var set = stackalloc ulong[16]; // sigset_t of the C library is 1,024 bits
        new Span<ulong>(set, 16).Clear();
        set[0] = mask;
        var fd = Native.signalfd(-1, set, SFD_CLOEXEC);
        if (fd < 0) throw new InvalidOperationException($"signalfd failed with {Native.LastErrno.Describe()}");
        Threads.Start("signals", () =>
        {
            var info = stackalloc byte[128]; // struct signalfd_siginfo
            while (true)
                if ((long)LibC.read(fd, info, 128) == 128) stop();
        });
    }
}
