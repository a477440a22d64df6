using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Tmds.Linux;

namespace Quiesce.Freezing.Tests.Races;

/// <summary>A FUSE filesystem whose daemon has taken the mount and answers nothing: whatever asks it waits until this is disposed.</summary>
internal sealed unsafe partial class DeadFuse : IDisposable
{
    private readonly int connection;

    private DeadFuse(int connection, string mountPoint) => (this.connection, MountPoint) = (connection, mountPoint);

    internal string MountPoint { get; }

    /// <summary>Mounts one over a folder; null where the kernel has no FUSE.</summary>
    internal static DeadFuse? Mount(string folder)
    {
        int fd;
        fixed (byte* p = "/dev/fuse\0"u8)
            fd = LibC.open(p, LibC.O_RDWR | LibC.O_CLOEXEC);
        if (fd < 0) return null;
        fixed (byte* source = "dead\0"u8)
        fixed (byte* target = Encoding.UTF8.GetBytes(folder + '\0'))
        fixed (byte* type = "fuse\0"u8)
        fixed (byte* options = Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"fd={fd},rootmode=40000,user_id=0,group_id=0\0")))
        {
            if (mount(source, target, type, 0, options) == 0) return new DeadFuse(fd, folder);
        }
        _ = LibC.close(fd);
        return null;
    }

    public void Dispose()
    {
        _ = LibC.close(connection); // aborts it: whoever waits gets ENOTCONN
        fixed (byte* p = Encoding.UTF8.GetBytes(MountPoint + '\0'))
            if (LibC.umount2(p, LibC.MNT_DETACH) != 0) throw new InvalidOperationException($"{MountPoint} could not be unmounted");
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int mount(byte* source, byte* target, byte* type, nuint flags, byte* options);
}
