using System.Runtime.InteropServices;
using Quiesce.Freezing.Kernel;
using Tmds.Linux;

namespace Quiesce.Agent.Holding;

/// <summary>
/// Starts a program with <c>posix_spawn</c>: only there the child's signal mask, session, folder and descriptors can be said before its
/// first instruction. <see cref="System.Diagnostics.Process"/> cannot block signals nor pass a socket.
/// </summary>
internal static unsafe partial class PosixSpawn
{
    private const short POSIX_SPAWN_SETSIGMASK = 0x08;
    private const short POSIX_SPAWN_SETSID = 0x80;

    // glibc's types are opaque: 80 and 336 bytes on x86-64 and arm64.
    private const int OpaqueSize = 512;

    [LibraryImport("libc")]
    private static partial int posix_spawn(int* pid, byte* path, void* actions, void* attributes, byte** argv, byte** envp);

    [LibraryImport("libc")]
    private static partial int posix_spawn_file_actions_init(void* actions);

    [LibraryImport("libc")]
    private static partial int posix_spawn_file_actions_destroy(void* actions);

    [LibraryImport("libc")]
    private static partial int posix_spawn_file_actions_adddup2(void* actions, int fd, int newFd);

    [LibraryImport("libc")]
    private static partial int posix_spawn_file_actions_addopen(void* actions, int fd, byte* path, int flags, uint mode);

    [LibraryImport("libc")]
    private static partial int posix_spawn_file_actions_addclosefrom_np(void* actions, int from);

    [LibraryImport("libc")]
    private static partial int posix_spawn_file_actions_addchdir_np(void* actions, byte* path);

    [LibraryImport("libc")]
    private static partial int posix_spawnattr_init(void* attributes);

    [LibraryImport("libc")]
    private static partial int posix_spawnattr_destroy(void* attributes);

    [LibraryImport("libc")]
    private static partial int posix_spawnattr_setflags(void* attributes, short flags);

    [LibraryImport("libc")]
    private static partial int posix_spawnattr_setsigmask(void* attributes, void* mask);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int waitpid(int pid, int* status, int options);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int waitid(int idType, int id, void* info, int options);

    /// <summary>Waits for a child to be gone, its calls included; its number stays its own until <see cref="Reap"/>.</summary>
    internal static void WaitForExit(int pid)
    {
        const int P_PID = 1, WEXITED = 4, WNOWAIT = 0x01000000;
        var info = stackalloc byte[128]; // siginfo_t
        while (waitid(P_PID, pid, info, WEXITED | WNOWAIT) < 0 && Marshal.GetLastPInvokeError() == LibC.EINTR)
        {
        }
    }

    /// <summary>Gives the number of an ended child back.</summary>
    internal static void Reap(int pid)
    {
        int status;
        while (waitpid(pid, &status, 0) < 0 && Marshal.GetLastPInvokeError() == LibC.EINTR)
        {
        }
    }

    /// <summary>
    /// Starts <paramref name="program"/> in a session of its own, in <c>/</c>, with SIGTERM, SIGINT and SIGHUP blocked, <paramref name="channel"/>
    /// as descriptor 3, <c>/dev/null</c> as 0 to 2 and nothing else. Its parent, for the parent-death signal, is the calling <em>thread</em>.
    /// </summary>
    internal static Errno Start(string program, int channel, out int processId)
    {
        var actions = stackalloc byte[OpaqueSize];
        var attributes = stackalloc byte[OpaqueSize];
        _ = posix_spawn_file_actions_init(actions);
        _ = posix_spawnattr_init(attributes);
        var mask = stackalloc ulong[16];
        new Span<ulong>(mask, 16).Clear();
        mask[0] = (1UL << (LibC.SIGTERM - 1)) | (1UL << (LibC.SIGINT - 1)) | (1UL << (LibC.SIGHUP - 1));
        int pid = 0, error;
        fixed (byte* path = Native.Path(program))
        fixed (byte* root = "/\0"u8)
        fixed (byte* nothing = "/dev/null\0"u8)
        fixed (byte* stack = "DOTNET_Thread_DefaultStackSize=20000\0"u8) // hexadecimal bytes: the runtime's own threads are locked too
        fixed (byte* arenas = "MALLOC_ARENA_MAX=1\0"u8) // else the C library reserves, and the lock takes, 132 KB for each thread
        {
            _ = posix_spawnattr_setsigmask(attributes, mask);
            _ = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSID);
            _ = posix_spawn_file_actions_adddup2(actions, channel, 3);
            for (var fd = 0; fd < 3; fd++) _ = posix_spawn_file_actions_addopen(actions, fd, nothing, LibC.O_RDWR, 0);
            _ = posix_spawn_file_actions_addclosefrom_np(actions, 4);
            _ = posix_spawn_file_actions_addchdir_np(actions, root);
            var argv = stackalloc byte*[] { path, null };
            var envp = stackalloc byte*[] { stack, arenas, null };
            error = posix_spawn(&pid, path, actions, attributes, argv, envp);
        }
        _ = posix_spawn_file_actions_destroy(actions);
        _ = posix_spawnattr_destroy(attributes);
        processId = pid;
        return (Errno)error;
    }
}
