using System.Runtime.InteropServices;
using System.Text;
using static Tmds.Linux.LibC;

namespace Quiesce.Freezing.Kernel;

/// <summary>What Tmds.LibC does not bind, under the names of the manual pages; constants are those of x86-64 and arm64 (asm-generic).</summary>
internal static unsafe partial class Native
{
    // include/uapi/linux/fs.h
    internal const int FIFREEZE = unchecked((int)0xC0045877);
    internal const int FITHAW = unchecked((int)0xC0045878);

    // _IOR(0x15, 0, struct fsuuid2), Linux 6.9
    internal const int FS_IOC_GETFSUUID = unchecked((int)0x80111500);

    // _IOR(0x94, 31, struct btrfs_ioctl_fs_info_args) of include/uapi/linux/btrfs.h: 1,024 bytes, the UUID at offset 16
    internal const int BTRFS_IOC_FS_INFO = unchecked((int)0x8400941F);
    internal const int BTRFS_SUPER_MAGIC = unchecked((int)0x9123683E);

    // include/uapi/linux/loop.h
    internal const int LOOP_GET_STATUS64 = 0x4C05;

    internal const int CLOCK_BOOTTIME = 7;

    internal const uint STATX_MNT_ID = 0x1000;
    internal const int AT_STATX_DONT_SYNC = 0x4000;
    internal const uint STATX_BASIC_STATS = 0x7ff;
    internal const int PR_SET_PDEATHSIG = 1;
    internal const int TMPFS_MAGIC = 0x01021994;

    internal const int LOCK_EX = 2;
    internal const int LOCK_EX_NB = LOCK_EX | 4;
    internal const int LOCK_SH_NB = 1 | 4;

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int prctl(int option, nuint arg2, nuint arg3, nuint arg4, nuint arg5);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int timerfd_create(int clockid, int flags);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int timerfd_settime(int fd, int flags, Itimerspec* newValue, Itimerspec* oldValue);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int signalfd(int fd, void* mask, int flags);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int fstatfs(int fd, void* buffer);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int flock(int fd, int operation);

    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    internal static partial int clock_gettime64(int clock, KernelTimespec* value);

    /// <summary>struct itimerspec of a 64-bit kernel.</summary>
    internal struct Itimerspec
    {
        internal long IntervalSeconds, IntervalNanoseconds, ValueSeconds, ValueNanoseconds;
    }

    /// <summary>struct timespec of a 64-bit kernel.</summary>
    internal struct KernelTimespec
    {
        internal long Seconds, Nanoseconds;
    }

    /// <summary>The error of the call that came just before on this thread.</summary>
    internal static Errno LastErrno => (Errno)errno;

    /// <summary>Nanoseconds since boot, suspend included.</summary>
    internal static long BootTimeNanoseconds()
    {
        KernelTimespec now = default;
        _ = clock_gettime64(CLOCK_BOOTTIME, &now);
        return (now.Seconds * 1_000_000_000) + now.Nanoseconds;
    }

    /// <summary>Sets an absolute one-shot time on a timerfd; zero disarms it.</summary>
    internal static void ArmTimer(int timer, long bootTimeNanoseconds)
    {
        const int TFD_TIMER_ABSTIME = 1;
        var when = new Itimerspec
        {
            IntervalSeconds = 0,
            IntervalNanoseconds = 0,
            ValueSeconds = bootTimeNanoseconds / 1_000_000_000,
            ValueNanoseconds = bootTimeNanoseconds % 1_000_000_000,
        };
        _ = timerfd_settime(timer, TFD_TIMER_ABSTIME, &when, null);
    }

    /// <summary>Whether a descriptor lies on a tmpfs, asked of the kernel and not of a path.</summary>
    internal static bool IsTmpfs(int fd)
    {
        var buffer = stackalloc long[32];
        return fstatfs(fd, buffer) == 0 && buffer[0] == TMPFS_MAGIC;
    }

    /// <summary>fsopen(2): the beginning of a mount.</summary>
    internal static int OpenFilesystem(string type)
    {
        const int fsopen = 430, FSOPEN_CLOEXEC = 1;
        fixed (byte* p = Path(type))
            return (int)(long)syscall(fsopen, p, FSOPEN_CLOEXEC);
    }

    /// <summary>fsconfig(2): names the source and finds or makes the superblock.</summary>
    internal static Errno ConfigureFilesystem(int context, string source)
    {
        const int fsconfig = 431, FSCONFIG_SET_STRING = 1, FSCONFIG_CMD_CREATE = 6;
        fixed (byte* key = "source\0"u8)
        fixed (byte* value = Path(source))
        {
            if ((long)syscall(fsconfig, context, FSCONFIG_SET_STRING, key, value, 0) != 0) return LastErrno;
            return (long)syscall(fsconfig, context, FSCONFIG_CMD_CREATE, null, null, 0) == 0 ? Errno.None : LastErrno;
        }
    }

    /// <summary>fsmount(2): a mount that is attached nowhere.</summary>
    internal static int MountFilesystem(int context)
    {
        const int fsmount = 432, FSMOUNT_CLOEXEC = 1;
        return (int)(long)syscall(fsmount, context, FSMOUNT_CLOEXEC, 0);
    }

    /// <summary>A path as the C library wants it: UTF-8 with a closing zero.</summary>
    internal static byte[] Path(string path)
    {
        var bytes = new byte[Encoding.UTF8.GetByteCount(path) + 1];
        Encoding.UTF8.GetBytes(path, bytes);
        return bytes;
    }

    /// <summary>Asks the kernel for SIGTERM when the thread that started this process ends; the caller then checks that its parent is still there.</summary>
    internal static void DieWithParent() => _ = prctl(PR_SET_PDEATHSIG, (nuint)SIGTERM, 0, 0, 0);
}
