using System.Globalization;
using static Tmds.Linux.LibC;

namespace Quiesce.RealFilesystems;

/// <summary>
/// Tells whether a filesystem is frozen. The kernel cannot be asked, so the probe freezes: EBUSY means that it was frozen, success is
/// undone at once. It refuses whatever <see cref="RealFilesystem"/> did not make.
/// </summary>
public static unsafe class FreezeProbe
{
    private const int FIFREEZE = unchecked((int)0xC0045877);
    private const int FITHAW = unchecked((int)0xC0045878);

    /// <summary>Whether it is frozen. Where it was not, nothing has changed, though writers stood still for some milliseconds.</summary>
    /// <param name="path">A mount point of a filesystem made by <see cref="RealFilesystem"/>.</param>
    public static bool IsFrozen(string path) => OnFolder(path, fd =>
    {
        if (ioctl(fd, FIFREEZE, 0) == 0)
        {
            if (ioctl(fd, FITHAW, 0) != 0) throw Failed("FITHAW after the probe", path);
            return false;
        }
        return errno == EBUSY || (errno == EOPNOTSUPP ? false : throw Failed("FIFREEZE", path));
    });

    /// <summary>Freezes as a stranger to the code under test would; false when it was frozen already.</summary>
    public static bool Freeze(string path) => OnFolder(path, fd =>
        ioctl(fd, FIFREEZE, 0) == 0 || (errno == EBUSY ? false : throw Failed("FIFREEZE", path)));

    /// <summary>Thaws as a stranger would; false when it was not frozen.</summary>
    public static bool Thaw(string path) => OnFolder(path, fd =>
        ioctl(fd, FITHAW, 0) == 0 || (errno == EINVAL ? false : throw Failed("FITHAW", path)));

    private static bool OnFolder(string path, Func<int, bool> probe)
    {
        int fd;
        fixed (byte* p = System.Text.Encoding.UTF8.GetBytes(path + '\0'))
            fd = open(p, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0) throw Failed("open", path);
        try
        {
            if (MountPointOf(fd) is not { } mount || !mount.StartsWith(RealFilesystem.Root + "/", StringComparison.Ordinal))
                throw new InvalidOperationException($"{path} is not on a filesystem that this test made: it is left alone");
            return probe(fd);
        }
        finally
        {
            _ = close(fd);
        }
    }

    // Asked of the descriptor: with the mount gone, the folder left behind lies on the root filesystem, and freezing it would stop the machine.
    private static string? MountPointOf(int fd)
    {
        var id = File.ReadLines($"/proc/self/fdinfo/{fd.ToString(CultureInfo.InvariantCulture)}")
            .First(line => line.StartsWith("mnt_id:", StringComparison.Ordinal))["mnt_id:".Length..].Trim();
        return MountInfo.Read().FirstOrDefault(fields => fields[0] == id)?[4];
    }

    private static InvalidOperationException Failed(string call, string path) => new($"{call} on {path} failed with errno {errno}");
}
