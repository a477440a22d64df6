using Quiesce.Freezing.Kernel;
using Tmds.Linux;
using static Tmds.Linux.LibC;

namespace Quiesce.Freezing.Journals;

/// <summary>The folder of the journals: on a tmpfs, made by us, and closed to others.</summary>
/// <remarks>A journal on a disk could lie on the very filesystem it speaks of. <c>/run</c> is not a tmpfs everywhere, so the kernel is asked.</remarks>
public static unsafe class JournalDirectory
{
    private static readonly string[] Candidates = ["/run", "/dev/shm"];

    /// <summary>Finds or makes the folder; null, and why, where there is no tmpfs for it.</summary>
    /// <param name="hostRoot">Where this process sees the host's root.</param>
    /// <param name="why">The sentence for people.</param>
    public static string? Open(string hostRoot, out string why)
    {
        why = "neither /run nor /dev/shm of the host is a writable tmpfs; without one for its journal Quiesce freezes nothing, mount a tmpfs on /run";
        foreach (var candidate in Candidates)
        {
            var parent = hostRoot.TrimEnd('/') + candidate;
            int fd;
            fixed (byte* p = Native.Path(parent))
                fd = open(p, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
            if (fd < 0) continue;
            var tmpfs = Native.IsTmpfs(fd);
            _ = close(fd);
            if (!tmpfs) continue;
            var folder = $"{parent}/quiesce";
            fixed (byte* p = Native.Path(folder))
            {
                _ = mkdir(p, 0x1C0); // 0700
                fd = open(p, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
            }
            if (fd < 0)
            {
                why = $"{folder} cannot be made or opened: {Native.LastErrno.Describe()}";
                continue;
            }
            // /dev/shm is open to everybody: a folder that someone else made there is not ours to trust.
            stat stat;
            var ours = fstat(fd, &stat) == 0 && stat.st_uid == geteuid() && ((int)stat.st_mode & 0x3F) == 0 && Native.IsTmpfs(fd);
            _ = close(fd);
            if (ours) return folder;
            why = $"{folder} exists but is not a folder that only this user can use; remove it";
        }
        return null;
    }

    /// <summary>The journals that lie in a folder.</summary>
    public static IReadOnlyList<string> List(string folder) =>
        Directory.Exists(folder) ? [.. Directory.EnumerateFiles(folder, "*.journal").Order(StringComparer.Ordinal)] : [];
}
