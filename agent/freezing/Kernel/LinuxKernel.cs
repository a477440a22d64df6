using System.Collections.Concurrent;
using System.Globalization;
using Tmds.Linux;
using static Tmds.Linux.LibC;

namespace Quiesce.Freezing.Kernel;

/// <summary>The real kernel. Every system call of the way to a freeze stands in this file.</summary>
public sealed unsafe class LinuxKernel : IKernel, IDisposable
{
    private const int MaximumAttempts = 10_000;

    private readonly int hostRoot;
    private readonly string deviceRoot;
    private readonly ConcurrentDictionary<DeviceNumber, int[]> counters = [];

    private LinuxKernel(int hostRoot, string deviceRoot)
    {
        this.hostRoot = hostRoot;
        this.deviceRoot = deviceRoot;
    }

    /// <summary>Opens the host root (<c>/</c>, or where a container sees the host) that all paths are looked up in.</summary>
    public static Errno Open(string hostRoot, out LinuxKernel? kernel)
    {
        kernel = null;
        int fd;
        fixed (byte* p = Native.Path(hostRoot))
            fd = open(p, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0) return Native.LastErrno;
        kernel = new LinuxKernel(fd, hostRoot == "/" ? "" : hostRoot.TrimEnd('/'));
        return Errno.None;
    }

    /// <summary>Gives back the host root, which keeps its mount busy, and the write counters. A holder never does: it exits.</summary>
    public void Dispose()
    {
        _ = close(hostRoot);
        foreach (var fd in counters.Values.SelectMany(files => files)) _ = close(fd);
        counters.Clear();
    }

    /// <inheritdoc/>
    public Errno ReadMountTable(out string text)
    {
        // One read(2) loop into a growing buffer: File.ReadAllText would do, but its exceptions hide the errno.
        text = "";
        int fd;
        fixed (byte* p = Native.Path("/proc/self/mountinfo"))
            fd = open(p, O_RDONLY | O_CLOEXEC);
        if (fd < 0) return Native.LastErrno;
        var buffer = new byte[64 * 1024];
        var length = 0;
        while (true)
        {
            if (length == buffer.Length) Array.Resize(ref buffer, buffer.Length * 2);
            ssize_t n;
            fixed (byte* p = buffer)
                n = read(fd, p + length, buffer.Length - length);
            if ((long)n < 0)
            {
                var error = Native.LastErrno;
                if (error == Errno.Interrupted) continue;
                _ = close(fd);
                return error;
            }
            if ((long)n == 0) break;
            length += (int)(long)n;
        }
        _ = close(fd);
        text = System.Text.Encoding.UTF8.GetString(buffer, 0, length);
        return Errno.None;
    }

    /// <inheritdoc/>
    public Errno OpenPath(string path, out Descriptor descriptor) => Open(path, 0, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS, out descriptor);

    /// <inheritdoc/>
    public Errno OpenNoFollow(string path, out Descriptor descriptor, out string? link)
    {
        link = null;
        var error = Open(path, O_NOFOLLOW, RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS, out descriptor);
        if (error != Errno.None) return error;
        byte* empty = stackalloc byte[] { 0 };
        var target = stackalloc byte[4096];
        var length = (long)readlinkat(descriptor.Number, empty, target, 4096); // fails where it is no link
        if (length >= 0) link = System.Text.Encoding.UTF8.GetString(target, (int)length);
        return Errno.None;
    }

    /// <inheritdoc/>
    public Errno OpenFolder(Descriptor path, out Descriptor folder)
    {
        folder = Descriptor.None;
        // "." of the descriptor: no second look-up, so nothing can be swapped in between.
        byte* dot = stackalloc byte[] { (byte)'.', 0 };
        var fd = openat(path.Number, dot, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK);
        if (fd < 0) return Native.LastErrno;
        folder = new Descriptor(fd);
        return Errno.None;
    }

    /// <inheritdoc/>
    public Errno MountDetached(string type, DeviceNumber device, out Descriptor folder)
    {
        folder = Descriptor.None;
        if (DeviceName(device) is not { Length: > 0 } name) return Errno.NoDevice;
        var path = $"{deviceRoot}/dev/{name}";
        // A superblock keeps its device claimed, frozen and unmounted as well. One that can be claimed has none, and mounting it would be a mount of its own.
        int claimed;
        fixed (byte* p = Native.Path(path))
            claimed = open(p, O_RDONLY | O_EXCL | O_CLOEXEC | O_NONBLOCK);
        if (claimed >= 0)
        {
            _ = close(claimed);
            return Errno.Invalid;
        }
        if (Native.LastErrno is var refused and not Errno.Busy) return refused;
        var context = Native.OpenFilesystem(type);
        if (context < 0) return Native.LastErrno;
        var error = Native.ConfigureFilesystem(context, path);
        var mount = error == Errno.None ? Native.MountFilesystem(context) : -1;
        if (error == Errno.None && mount < 0) error = Native.LastErrno;
        _ = close(context);
        // The kernel's own EINVAL, as where the superblock has a security context and this mount asks for none, does not say that no filesystem is active.
        if (error == Errno.Invalid) return Errno.Busy;
        if (error != Errno.None) return error;
        // The mount is gone with the last descriptor on it.
        error = OpenFolder(new Descriptor(mount), out folder);
        _ = close(mount);
        return error;
    }

    /// <inheritdoc/>
    public Errno Identify(Descriptor descriptor, out FileIdentity identity)
    {
        identity = default;
        byte* empty = stackalloc byte[] { 0 };
        statx stat = default;
        // What is asked for never changes, so nobody's server or daemon need be asked, which may be dead.
        if (statx(descriptor.Number, empty, AT_EMPTY_PATH | Native.AT_STATX_DONT_SYNC, Native.STATX_BASIC_STATS | Native.STATX_MNT_ID, &stat) != 0)
            return Native.LastErrno;
        // stx_mnt_id is at offset 0x90 (include/uapi/linux/stat.h), newer than the binding.
        var mountId = *(ulong*)((byte*)&stat + 0x90);
        identity = new FileIdentity(
            mountId,
            (stat.stx_mode & 0xF000) == 0x4000,
            new DeviceNumber(stat.stx_dev_major, stat.stx_dev_minor),
            stat.stx_ino);
        return Errno.None;
    }

    /// <inheritdoc/>
    public Errno IdentifyFilesystem(Descriptor descriptor, out FilesystemIdentity identity)
    {
        identity = default;
        var statfs = stackalloc long[32];
        if (Native.fstatfs(descriptor.Number, statfs) != 0) return Native.LastErrno;
        var fsid = (ulong)statfs[7]; // f_fsid of the 64-bit struct statfs
        var uuid = Guid.Empty;
        var answer = stackalloc byte[1024];
        if ((int)statfs[0] == Native.BTRFS_SUPER_MAGIC)
        {
            if (ioctl(descriptor.Number, Native.BTRFS_IOC_FS_INFO, answer) == 0)
                uuid = new Guid(new ReadOnlySpan<byte>(answer + 16, 16), bigEndian: true);
        }
        else if (ioctl(descriptor.Number, Native.FS_IOC_GETFSUUID, answer) == 0 && answer[0] == 16) // struct fsuuid2: length, then 16 bytes
        {
            uuid = new Guid(new ReadOnlySpan<byte>(answer + 1, 16), bigEndian: true);
        }
        identity = new FilesystemIdentity(fsid, uuid);
        return Errno.None;
    }

    /// <inheritdoc/>
    public Errno Flush(Descriptor folder) => syncfs(folder.Number) == 0 ? Errno.None : Native.LastErrno;

    /// <inheritdoc/>
    public Errno Freeze(Descriptor folder) => ioctl(folder.Number, Native.FIFREEZE, 0) == 0 ? Errno.None : Native.LastErrno;

    /// <inheritdoc/>
    public Errno Thaw(Descriptor folder) => ioctl(folder.Number, Native.FITHAW, 0) == 0 ? Errno.None : Native.LastErrno;

    /// <inheritdoc/>
    public void Close(Descriptor descriptor)
    {
        if (descriptor.IsOpen) _ = close(descriptor.Number);
    }

    /// <inheritdoc/>
    public IReadOnlyList<DeviceNumber> DevicesBelow(DeviceNumber device)
    {
        // sysfs is a picture of kernel structures: reading it waits for no device.
        var below = new List<DeviceNumber>();
        var entry = $"/sys/dev/block/{device}";
        if (Directory.Exists(entry))
        {
            foreach (var slave in Folders($"{entry}/slaves")) Add($"{slave}/dev");
            // The entry is a link to .../DISK/PARTITION; ".." in a path would be taken away before the kernel sees the link.
            if (File.Exists($"{entry}/partition") && Directory.ResolveLinkTarget(entry, returnFinalTarget: false) is { } partition)
                Add($"{Path.GetDirectoryName(partition.FullName)}/dev");
            // Its file may be a device: lo_rdevice is the third member.
            if (IsLoop(device) && LoopStatus(device) is { } loop && loop[2] != 0) below.Add(DeviceNumber.FromEncoded(loop[2]));
            if (ExternalJournal(device) is { } journal) Add($"/sys/class/block/{journal}/dev");
        }
        else if (device.Major == 0)
        {
            below.AddRange(BtrfsMembers(device));
        }
        return below;

        void Add(string file)
        {
            if (DeviceNumber.TryParse(ReadText(file), out var number)) below.Add(number);
        }
    }

    /// <inheritdoc/>
    public bool IsLoop(DeviceNumber device) => Directory.Exists($"/sys/dev/block/{device}/loop");

    /// <inheritdoc/>
    public DeviceNumber? LoopBacking(DeviceNumber device) => IsLoop(device) && LoopStatus(device) is { } loop ? DeviceNumber.FromEncoded(loop[0]) : null;

    /// <inheritdoc/>
    public string? LoopFile(DeviceNumber device) => ReadText($"/sys/dev/block/{device}/loop/backing_file") is { Length: > 0 } file ? file : null;

    // The mount table does not show it, but the thread that writes the journal is named after the journal's device (jbd2/sdc1), or, where the journal is a file of
    // the filesystem, after that one's own and the file's number (jbd2/sdb1-8). Before Linux 5.17 the name ends after 15 characters. Threads of the kernel
    // are not seen from a PID namespace of a container's own; then nothing is told.
    private static string? ExternalJournal(DeviceNumber device)
    {
        const string named = "jbd2/";
        const int LongestThreadName = 15;
        if (DeviceName(device) is not { Length: > 0 } node) return null;
        var own = Path.GetFileName(Path.TrimEndingDirectorySeparator(Directory.ResolveLinkTarget($"/sys/dev/block/{device}", returnFinalTarget: false)?.FullName ?? node));
        if (!int.TryParse(ReadText($"/sys/fs/ext4/{own}/journal_task"), NumberStyles.None, CultureInfo.InvariantCulture, out var thread) || thread == 0) return null;
        var name = ReadText(string.Create(CultureInfo.InvariantCulture, $"/proc/{thread}/comm"));
        if (!name.StartsWith(named, StringComparison.Ordinal)) return null;
        var journal = name[named.Length..];
        var isCut = name.Length == LongestThreadName && $"{own}-".StartsWith(journal, StringComparison.Ordinal);
        return isCut || journal.StartsWith($"{own}-", StringComparison.Ordinal) ? null : journal;
    }

    /// <summary>What a loop device says of itself: <c>struct loop_info64</c>, with <c>lo_device</c>, <c>lo_inode</c> and <c>lo_rdevice</c> at its beginning, devices in the encoding of <c>huge_encode_dev</c>.</summary>
    private ulong[]? LoopStatus(DeviceNumber device)
    {
        int fd;
        fixed (byte* p = Native.Path($"{deviceRoot}/dev/{DeviceName(device)}"))
            fd = open(p, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        if (fd < 0) return null;
        var info = new ulong[29];
        bool answered;
        fixed (ulong* p = info)
            answered = ioctl(fd, Native.LOOP_GET_STATUS64, p) == 0;
        _ = close(fd);
        return answered ? info : null;
    }

    /// <inheritdoc/>
    public DeviceNumber? DeviceOf(string path)
    {
        if (OpenPath(path, out var descriptor) != Errno.None) return null;
        byte* empty = stackalloc byte[] { 0 };
        statx stat = default;
        var answered = statx(descriptor.Number, empty, AT_EMPTY_PATH, Native.STATX_BASIC_STATS, &stat) == 0;
        Close(descriptor);
        return answered && (stat.stx_mode & 0xF000) == 0x6000 ? new DeviceNumber(stat.stx_rdev_major, stat.stx_rdev_minor) : null;
    }

    /// <inheritdoc/>
    public long? SectorsWritten(DeviceNumber device)
    {
        // Opened at the first call, before anything is frozen; later calls are one pread each and allocate nothing.
        if (!counters.TryGetValue(device, out var files))
        {
            files = [.. (device.Major != 0 ? [device] : DevicesBelow(device)).Select(OpenCounter).Where(fd => fd >= 0)];
            if (!counters.TryAdd(device, files))
            {
                foreach (var fd in files) _ = close(fd);
                files = counters[device];
            }
        }
        long? sum = null;
        foreach (var fd in files)
            if (ReadCounter(fd) is { } sectors) sum = (sum ?? 0) + sectors;
        return sum;
    }

    /// <inheritdoc/>
    public long BootTime() => Native.BootTimeNanoseconds();

    private Errno Open(string path, int flags, ulong resolve, out Descriptor descriptor)
    {
        descriptor = Descriptor.None;
        var how = new open_how { flags = (ulong)(uint)(O_PATH | O_CLOEXEC | flags), resolve = resolve };
        int fd;
        // EAGAIN: a rename raced with "..", openat2(2). Whoever renames without pause must not keep us here without end.
        var attempts = MaximumAttempts;
        fixed (byte* p = Native.Path(path))
        {
            do
                fd = openat2(hostRoot, p, &how, sizeof(open_how));
            while (fd < 0 && errno is var e && (e == EINTR || (e == EAGAIN && --attempts > 0)));
        }
        if (fd < 0) return Native.LastErrno;
        descriptor = new Descriptor(fd);
        return Errno.None;
    }

    private static int OpenCounter(DeviceNumber device)
    {
        fixed (byte* p = Native.Path($"/sys/dev/block/{device}/stat"))
            return open(p, O_RDONLY | O_CLOEXEC);
    }

    // Documentation/block/stat.rst: the seventh number is sectors written.
    private static long? ReadCounter(int fd)
    {
        var buffer = stackalloc byte[512];
        var length = (long)pread(fd, buffer, 512, 0);
        var (field, value, inNumber) = (0, 0L, false);
        for (var i = 0; i < length; i++)
        {
            if (buffer[i] is >= (byte)'0' and <= (byte)'9')
            {
                if (!inNumber) (field, value, inNumber) = (field + 1, 0, true);
                value = (value * 10) + (buffer[i] - '0');
            }
            else
            {
                if (inNumber && field == 7) return value;
                inNumber = false;
            }
        }
        return null;
    }

    private static string DeviceName(DeviceNumber device)
    {
        foreach (var line in ReadText($"/sys/dev/block/{device}/uevent").Split('\n'))
            if (line.StartsWith("DEVNAME=", StringComparison.Ordinal)) return line["DEVNAME=".Length..];
        return "";
    }

    private List<DeviceNumber> BtrfsMembers(DeviceNumber superblock)
    {
        // /sys/dev/block has no node for an anonymous device number. Its members are under /sys/fs/btrfs/UUID/devices; which UUID
        // is told by the mount source, which is one of the members.
        var members = new List<DeviceNumber>();
        if (!Directory.Exists("/sys/fs/btrfs") || ReadMountTable(out var text) != Errno.None) return members;
        var source = Mounts.MountTable.Parse(text).Mounts.FirstOrDefault(m => m.Superblock == superblock)?.Source;
        if (source is null) return members;
        var device = DeviceOf(source);
        foreach (var filesystem in Folders("/sys/fs/btrfs"))
        {
            if (!Directory.Exists($"{filesystem}/devices")) continue;
            var found = new List<DeviceNumber>();
            foreach (var member in Folders($"{filesystem}/devices"))
                if (DeviceNumber.TryParse(ReadText($"{member}/dev"), out var number)) found.Add(number);
            if (device is { } d ? found.Contains(d) : found.Count == 0) return found;
        }
        if (device is { } only) members.Add(only);
        return members;
    }

    // Links to folders among them; none where the device went away while we looked.
    private static string[] Folders(string folder)
    {
        try
        {
            return Directory.GetDirectories(folder);
        }
        catch (IOException)
        {
            return [];
        }
    }

    private static string ReadText(string file)
    {
        try
        {
            return File.ReadAllText(file).Trim();
        }
        catch (IOException)
        {
            return ""; // the device went away while we looked
        }
        catch (UnauthorizedAccessException)
        {
            return "";
        }
    }
}
