using System.Globalization;
using System.Text;
using Quiesce.Freezing.Kernel;
using Tmds.Linux;
using static Tmds.Linux.LibC;

namespace Quiesce.Holder;

/// <summary>The host root as the mount table calls it.</summary>
internal static unsafe class HostRoot
{
    /// <summary>Resolves links, <c>.</c> and doubled slashes: mount points are told apart as the host's by their text.</summary>
    internal static Errno Resolve(string path, out string resolved)
    {
        resolved = path;
        int fd;
        fixed (byte* p = Encoding.UTF8.GetBytes(path + '\0'))
            fd = open(p, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0) return (Errno)errno;
        var target = stackalloc byte[4096];
        ssize_t length;
        fixed (byte* p = Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"/proc/self/fd/{fd}\0")))
            length = readlink(p, target, 4096);
        var error = (Errno)errno;
        _ = close(fd);
        if ((long)length <= 0) return error;
        resolved = Encoding.UTF8.GetString(target, (int)(long)length);
        return Errno.None;
    }
}
