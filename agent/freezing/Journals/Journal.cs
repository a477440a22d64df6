using System.Buffers.Binary;
using System.Text;
using Quiesce.Freezing.Kernel;
using Quiesce.Freezing.Planning;
using Tmds.Linux;
using static Tmds.Linux.LibC;

namespace Quiesce.Freezing.Journals;

/// <summary>
/// The journal of one window: a small file on a tmpfs, preallocated and mapped, locked by the holder for its whole life. Whoever gets
/// the lock knows that the holder and every call of it are gone; process numbers, which are reused, decide nothing.
/// </summary>
/// <remarks>
/// Layout, little-endian: a header of 64 bytes (8 magic, 4 count, 4 process id, 16 boot id), then records of 256 bytes (4 state, 4 result,
/// 4 major, 4 minor, 8 fsid, 16 UUID, 4 path length, path). A record's state is one aligned 32-bit store.
/// </remarks>
public sealed unsafe class Journal : IJournal, IDisposable
{
    private const int HeaderSize = 64;
    private const int RecordSize = 256;
    private const int PathOffset = 44;
    private const int MaximumPathBytes = 200;
    private static ReadOnlySpan<byte> Magic => "QUIESCE1"u8;

    private readonly int fd;
    private readonly byte* map;
    private readonly int size;

    private Journal(string file, int fd, byte* map, int size, Guid bootId, int processId, IReadOnlyList<JournalRecord> records)
    {
        File = file;
        this.fd = fd;
        this.map = map;
        this.size = size;
        BootId = bootId;
        ProcessId = processId;
        Records = records;
    }

    /// <summary>Where it lies.</summary>
    public string File { get; }

    /// <summary>The window's id: the file's name.</summary>
    public string WindowId => System.IO.Path.GetFileNameWithoutExtension(File);

    /// <summary>The boot it was written in; what it says is void after another.</summary>
    public Guid BootId { get; }

    /// <summary>The holder that wrote it.</summary>
    public int ProcessId { get; }

    /// <summary>The records as they were when the journal was opened.</summary>
    public IReadOnlyList<JournalRecord> Records { get; }

    /// <summary>Makes the journal of a window that is about to freeze.</summary>
    /// <param name="directory">From <see cref="JournalDirectory.Open"/>.</param>
    /// <param name="windowId">A name that no other window has.</param>
    /// <param name="filesystems">One record each, in this order.</param>
    /// <param name="journal">The journal, or null.</param>
    /// <returns>The error; ENOSPC when the tmpfs is full.</returns>
    public static Errno Create(string directory, string windowId, IReadOnlyList<PlannedFilesystem> filesystems, out Journal? journal)
    {
        journal = null;
        var file = $"{directory}/{windowId}.journal";
        var size = HeaderSize + (RecordSize * filesystems.Count);
        int fd;
        fixed (byte* p = Native.Path(file))
        {
            fd = open(p, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0x180); // 0600
            if (fd < 0) return Native.LastErrno;
            // A recovery that ran between open and flock holds the lock and removes the file: then this is not ours to use.
            var error = Native.flock(fd, Native.LOCK_EX_NB) != 0 ? Native.LastErrno
                : (Errno)posix_fallocate(fd, 0, size); // pages now, so that no store can fault on a full tmpfs later
            stat stat = default;
            if (error == Errno.None && (fstat(fd, &stat) != 0 || stat.st_nlink == 0)) error = Errno.TryAgain;
            if (error == Errno.None && !Native.IsTmpfs(fd)) error = Errno.NotSupported;
            if (error != Errno.None)
            {
                _ = unlink(p);
                _ = close(fd);
                return error;
            }
        }
        var map = (byte*)mmap(null, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (map == MAP_FAILED)
        {
            var error = Native.LastErrno;
            _ = close(fd);
            return error;
        }
        var span = new Span<byte>(map, size);
        var bootId = CurrentBoot();
        BinaryPrimitives.WriteInt32LittleEndian(span[8..], filesystems.Count);
        BinaryPrimitives.WriteInt32LittleEndian(span[12..], Environment.ProcessId);
        _ = bootId.TryWriteBytes(span[16..], bigEndian: true, out _);
        for (var i = 0; i < filesystems.Count; i++)
        {
            var record = span[(HeaderSize + (i * RecordSize))..];
            var filesystem = filesystems[i];
            BinaryPrimitives.WriteUInt32LittleEndian(record[8..], filesystem.Superblock.Major);
            BinaryPrimitives.WriteUInt32LittleEndian(record[12..], filesystem.Superblock.Minor);
            BinaryPrimitives.WriteUInt64LittleEndian(record[16..], filesystem.Identity.FsId);
            _ = filesystem.Identity.Uuid.TryWriteBytes(record[24..], bigEndian: true, out _);
            var path = Encoding.UTF8.GetBytes(filesystem.Path);
            var length = Math.Min(path.Length, MaximumPathBytes);
            BinaryPrimitives.WriteInt32LittleEndian(record[40..], length);
            path.AsSpan(0, length).CopyTo(record[PathOffset..]);
        }
        Magic.CopyTo(span); // last: a file without it says nothing yet
        journal = new Journal(file, fd, map, size, bootId, Environment.ProcessId, Read(span, filesystems.Count));
        return Errno.None;
    }

    /// <summary>
    /// Opens a journal that was left behind. <see cref="Errno.TryAgain"/> when its holder, or a call of it, still lives. A file that is not a whole
    /// journal gives an empty one: nothing was frozen before it was whole.
    /// </summary>
    public static Errno Open(string file, out Journal? journal)
    {
        journal = null;
        int fd;
        fixed (byte* p = Native.Path(file))
            fd = open(p, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0) return Native.LastErrno;
        if (Native.flock(fd, Native.LOCK_EX_NB) != 0)
        {
            var error = Native.LastErrno;
            _ = close(fd);
            return error;
        }
        stat stat;
        if (fstat(fd, &stat) != 0 || stat.st_nlink == 0) // removed by another recovery between open and lock
        {
            _ = close(fd);
            return Errno.NoEntry;
        }
        var size = (int)Math.Min((long)stat.st_size, HeaderSize + (RecordSize * FreezePlanner.MaximumFilesystems));
        var map = size < HeaderSize ? null : (byte*)mmap(null, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (map == MAP_FAILED) map = null;
        var span = map is null ? default : new Span<byte>(map, size);
        var whole = map is not null && span.StartsWith(Magic);
        var count = whole ? BinaryPrimitives.ReadInt32LittleEndian(span[8..]) : 0;
        if (count < 0 || size < HeaderSize + ((long)RecordSize * count)) count = 0;
        journal = new Journal(
            file,
            fd,
            map,
            size,
            whole ? new Guid(span.Slice(16, 16), bigEndian: true) : CurrentBoot(),
            whole ? BinaryPrimitives.ReadInt32LittleEndian(span[12..]) : 0,
            Read(span, count));
        return Errno.None;
    }

    /// <summary>What a journal says, without its lock and without changing it; nothing for one that is not whole or of another boot.</summary>
    public static IReadOnlyList<JournalRecord> Peek(string file)
    {
        int fd;
        fixed (byte* p = Native.Path(file))
            fd = open(p, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0) return []; // removed meanwhile: nothing is owed any more
        var bytes = new byte[HeaderSize + (RecordSize * FreezePlanner.MaximumFilesystems)];
        int length;
        fixed (byte* p = bytes)
            length = (int)Math.Max(0, (long)pread(fd, p, bytes.Length, 0));
        _ = close(fd);
        var span = bytes.AsSpan(0, length);
        if (length < HeaderSize || !span.StartsWith(Magic) || new Guid(span.Slice(16, 16), bigEndian: true) != CurrentBoot()) return [];
        var count = BinaryPrimitives.ReadInt32LittleEndian(span[8..]);
        return count < 0 || length < HeaderSize + ((long)RecordSize * count) ? [] : Read(span, count);
    }

    /// <summary>The kernel's boot id.</summary>
    public static Guid CurrentBoot() => Guid.Parse(System.IO.File.ReadAllText("/proc/sys/kernel/random/boot_id").AsSpan().Trim());

    /// <inheritdoc/>
    public void Set(int index, JournalState state, Errno result)
    {
        var record = map + HeaderSize + (index * RecordSize);
        Volatile.Write(ref *(int*)(record + 4), (int)result);
        Volatile.Write(ref *(int*)record, (int)state);
    }

    /// <summary>Removes the file: nothing is owed any more.</summary>
    public void Remove()
    {
        fixed (byte* p = Native.Path(File))
            _ = unlink(p);
    }

    /// <summary>Gives the lock and the memory back; the file stays unless <see cref="Remove"/> was called.</summary>
    public void Dispose()
    {
        if (map is not null) _ = munmap(map, size);
        _ = close(fd);
    }

    private static List<JournalRecord> Read(ReadOnlySpan<byte> span, int count)
    {
        var records = new List<JournalRecord>(count);
        for (var i = 0; i < count; i++)
        {
            var record = span[(HeaderSize + (i * RecordSize))..];
            var length = Math.Clamp(BinaryPrimitives.ReadInt32LittleEndian(record[40..]), 0, MaximumPathBytes);
            records.Add(new JournalRecord(
                (JournalState)BinaryPrimitives.ReadInt32LittleEndian(record),
                (Errno)BinaryPrimitives.ReadInt32LittleEndian(record[4..]),
                new DeviceNumber(BinaryPrimitives.ReadUInt32LittleEndian(record[8..]), BinaryPrimitives.ReadUInt32LittleEndian(record[12..])),
                new FilesystemIdentity(BinaryPrimitives.ReadUInt64LittleEndian(record[16..]), new Guid(record.Slice(24, 16), bigEndian: true)),
                Encoding.UTF8.GetString(record.Slice(PathOffset, length))));
        }
        return records;
    }
}
