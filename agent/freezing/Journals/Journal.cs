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
/// Layout, little-endian: a header of 128 bytes (8 magic, 4 count, 4 holder's process id, 16 boot id, 8 holder's start, 4 agent's process id, 4 free,
/// 8 agent's start, 8 deadline, 8 end, 8 PID namespace), then records of 320 bytes (4 state, 4 result, 4 major, 4 minor, 8 fsid, 16 UUID, 4 and 4 device to mount,
/// 4 type length, 28 type, 4 path length, path). A record's state is one aligned 32-bit store, a time one aligned 64-bit store.
/// </remarks>
public sealed unsafe class Journal : IJournal, IDisposable
{
    private const int HeaderSize = 128;
    private const int DeadlineOffset = 56;
    private const int EndOffset = 64;
    private const int NamespaceOffset = 72;
    private const int RecordSize = 320;
    private const int TypeOffset = 48;
    private const int MaximumTypeBytes = 28;
    private const int PathOffset = 80;
    private const int MaximumPathBytes = RecordSize - PathOffset - 4;
    private const int MaximumSize = HeaderSize + (RecordSize * FreezePlanner.MaximumFilesystems);
    private const string Damaged = "it is damaged";
    private const string Foreign = "it is not a file of this user's";
    private static ReadOnlySpan<byte> Magic => "QUIESCE2"u8;

    private readonly int fd;
    private readonly byte* map;
    private readonly int size;

    private Journal(string file, int fd, byte* map, int size, bool isOurs, JournalContent content)
    {
        File = file;
        this.fd = fd;
        this.map = map;
        this.size = size;
        IsOurs = isOurs;
        Content = content;
    }

    /// <summary>Where it lies.</summary>
    public string File { get; }

    /// <summary>The window's id: the file's name.</summary>
    public string WindowId => System.IO.Path.GetFileNameWithoutExtension(File);

    /// <summary>What it said when it was opened.</summary>
    public JournalContent Content { get; }

    /// <summary>We hold the lock: whoever wrote it, and every call of that process, is gone.</summary>
    public bool IsOurs { get; private set; }

    /// <summary>Makes the journal of a window that is about to freeze.</summary>
    /// <param name="directory">From <see cref="JournalDirectory.Open"/>.</param>
    /// <param name="windowId">A name that no other window has.</param>
    /// <param name="filesystems">One record each, in this order.</param>
    /// <param name="agent">The process the window is held for.</param>
    /// <param name="journal">The journal, or null.</param>
    /// <returns>The error; ENOSPC when the tmpfs is full.</returns>
    public static Errno Create(string directory, string windowId, IReadOnlyList<PlannedFilesystem> filesystems, ProcessIdentity agent, out Journal? journal)
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
        var holder = ProcessIdentity.Current();
        BinaryPrimitives.WriteInt32LittleEndian(span[8..], filesystems.Count);
        BinaryPrimitives.WriteInt32LittleEndian(span[12..], holder.Id);
        _ = CurrentBoot().TryWriteBytes(span[16..], bigEndian: true, out _);
        BinaryPrimitives.WriteInt64LittleEndian(span[32..], holder.Start);
        BinaryPrimitives.WriteInt32LittleEndian(span[40..], agent.Id);
        BinaryPrimitives.WriteInt64LittleEndian(span[48..], agent.Start);
        BinaryPrimitives.WriteInt64LittleEndian(span[NamespaceOffset..], ProcessIdentity.Namespace);
        for (var i = 0; i < filesystems.Count; i++)
        {
            var record = span[(HeaderSize + (i * RecordSize))..];
            var filesystem = filesystems[i];
            WriteDevice(record[8..], filesystem.Superblock);
            BinaryPrimitives.WriteUInt64LittleEndian(record[16..], filesystem.Identity.FsId);
            _ = filesystem.Identity.Uuid.TryWriteBytes(record[24..], bigEndian: true, out _);
            WriteDevice(record[40..], filesystem.MountDevice);
            WriteText(record[TypeOffset..], filesystem.Type, MaximumTypeBytes);
            WriteText(record[PathOffset..], filesystem.Path, MaximumPathBytes);
        }
        Volatile.Write(ref *(long*)map, BinaryPrimitives.ReadInt64LittleEndian(Magic)); // last: a file without it says nothing yet
        journal = new Journal(file, fd, map, size, isOurs: true, Read(span));
        return Errno.None;
    }

    /// <summary>
    /// Opens a journal that was left behind; <see cref="IsOurs"/> tells whether its holder, or a call of it, still lives. One that was never whole is
    /// empty: nothing was frozen before. What cannot be understood has <see cref="JournalContent.Fault"/>.
    /// </summary>
    /// <returns>The error; <see cref="Errno.NoEntry"/> alone says that there is none.</returns>
    public static Errno Open(string file, out Journal? journal)
    {
        journal = null;
        int fd;
        fixed (byte* p = Native.Path(file))
            fd = open(p, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0) return Native.LastErrno;
        var isOurs = Native.flock(fd, Native.LOCK_EX_NB) == 0;
        stat stat;
        if (fstat(fd, &stat) != 0 || stat.st_nlink == 0) // removed by another recovery, or by its holder, between open and lock
        {
            _ = close(fd);
            return Errno.NoEntry;
        }
        // One byte more than the longest journal, so that a longer file does not pass for one.
        var size = IsOfUser(stat) ? (int)Math.Min((long)stat.st_size, MaximumSize + 1) : 0;
        var map = size == 0 ? null : (byte*)mmap(null, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (map == MAP_FAILED)
        {
            var error = Native.LastErrno;
            _ = close(fd);
            return error;
        }
        journal = new Journal(file, fd, map, size, isOurs, IsOfUser(stat) ? Read(new ReadOnlySpan<byte>(map, size)) : Nothing(Foreign));
        return Errno.None;
    }

    /// <summary>What a journal says, without its lock and without changing it; nothing for one that was never whole, or is gone.</summary>
    public static JournalContent Peek(string file)
    {
        int fd;
        fixed (byte* p = Native.Path(file))
            fd = open(p, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0) return Nothing(Native.LastErrno is var error and not Errno.NoEntry ? Unopened(error) : null);
        stat stat;
        var ours = fstat(fd, &stat) == 0 && IsOfUser(stat);
        var bytes = new byte[MaximumSize + 1];
        long length = 0;
        fixed (byte* p = bytes)
            if (ours) length = (long)pread(fd, p, bytes.Length, 0);
        var failed = Native.LastErrno;
        _ = close(fd);
        return !ours ? Nothing(Foreign) : length < 0 ? Nothing($"it cannot be read: {failed.Describe()}") : Read(bytes.AsSpan(0, (int)length));
    }

    /// <summary>What is said of a journal that cannot be opened, as <see cref="JournalContent.Fault"/> of one that cannot be understood.</summary>
    public static string Unopened(Errno error) => $"it cannot be opened: {error.Describe()}";

    /// <summary>The kernel's boot id.</summary>
    public static Guid CurrentBoot() => Guid.Parse(System.IO.File.ReadAllText("/proc/sys/kernel/random/boot_id").AsSpan().Trim());

    /// <summary>Tries once more for the lock.</summary>
    /// <returns>Whether it is ours now.</returns>
    public bool TryAcquire() => IsOurs = IsOurs || Native.flock(fd, Native.LOCK_EX_NB) == 0;

    /// <summary>Waits, without bound, until every other process that has it is gone.</summary>
    public void Acquire()
    {
        while (!IsOurs && Native.flock(fd, Native.LOCK_EX) != 0 && Native.LastErrno == Errno.Interrupted)
        {
        }
        IsOurs = true;
    }

    /// <summary>A record as it is now.</summary>
    public JournalRecord Record(int index) => ReadRecord(new ReadOnlySpan<byte>(map + HeaderSize + (index * RecordSize), RecordSize));

    /// <inheritdoc/>
    public void Set(int index, JournalState state, Errno result)
    {
        var record = map + HeaderSize + (index * RecordSize);
        Volatile.Write(ref *(int*)(record + 4), (int)result);
        Volatile.Write(ref *(int*)record, (int)state);
    }

    /// <summary>Notes when the deadline ends the window, and when it was ended; a later agent judges by them whether the holder is overdue.</summary>
    public void SetTimes(long? deadlineAt, long? endedAt)
    {
        Volatile.Write(ref *(long*)(map + DeadlineOffset), deadlineAt ?? 0);
        Volatile.Write(ref *(long*)(map + EndOffset), endedAt ?? 0);
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

    private static bool IsOfUser(in stat stat) => stat.st_uid == geteuid() && ((int)stat.st_mode & 0xF000) == 0x8000;

    private static JournalContent Nothing(string? fault) => new(CurrentBoot(), 0, default, default, null, null, []) { Fault = fault };

    private static JournalContent Read(ReadOnlySpan<byte> span)
    {
        // The magic is written last, in whatever format: without it the file was never whole, because its writer died or is still at it.
        if (!span[..Math.Min(span.Length, Magic.Length)].ContainsAnyExcept((byte)0)) return Nothing(null);
        if (!span.StartsWith(Magic)) return Nothing("it is of another format, or damaged");
        var count = span.Length < HeaderSize ? -1 : BinaryPrimitives.ReadInt32LittleEndian(span[8..]);
        if (count is < 0 or > FreezePlanner.MaximumFilesystems || span.Length != HeaderSize + (RecordSize * count)) return Nothing(Damaged);
        var records = new List<JournalRecord>(count);
        for (var i = 0; i < count; i++) records.Add(ReadRecord(span.Slice(HeaderSize + (i * RecordSize), RecordSize)));
        if (records.Exists(r => r.State is < JournalState.Free or > JournalState.Done)) return Nothing(Damaged);
        return new JournalContent(
            new Guid(span.Slice(16, 16), bigEndian: true),
            BinaryPrimitives.ReadInt64LittleEndian(span[NamespaceOffset..]),
            new ProcessIdentity(BinaryPrimitives.ReadInt32LittleEndian(span[12..]), BinaryPrimitives.ReadInt64LittleEndian(span[32..])),
            new ProcessIdentity(BinaryPrimitives.ReadInt32LittleEndian(span[40..]), BinaryPrimitives.ReadInt64LittleEndian(span[48..])),
            Time(span[DeadlineOffset..]),
            Time(span[EndOffset..]),
            records);

        static long? Time(ReadOnlySpan<byte> at) => BinaryPrimitives.ReadInt64LittleEndian(at) is > 0 and var time ? time : null;
    }

    private static JournalRecord ReadRecord(ReadOnlySpan<byte> record) => new(
        (JournalState)BinaryPrimitives.ReadInt32LittleEndian(record),
        (Errno)BinaryPrimitives.ReadInt32LittleEndian(record[4..]),
        ReadDevice(record[8..]),
        new FilesystemIdentity(BinaryPrimitives.ReadUInt64LittleEndian(record[16..]), new Guid(record.Slice(24, 16), bigEndian: true)),
        ReadText(record[PathOffset..], MaximumPathBytes))
    {
        MountDevice = ReadDevice(record[40..]),
        Type = ReadText(record[TypeOffset..], MaximumTypeBytes),
    };

    private static void WriteDevice(Span<byte> at, DeviceNumber device)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(at, device.Major);
        BinaryPrimitives.WriteUInt32LittleEndian(at[4..], device.Minor);
    }

    private static DeviceNumber ReadDevice(ReadOnlySpan<byte> at) =>
        new(BinaryPrimitives.ReadUInt32LittleEndian(at), BinaryPrimitives.ReadUInt32LittleEndian(at[4..]));

    // The length in bytes, then the text as UTF-8, cut where it does not fit.
    private static void WriteText(Span<byte> at, string text, int most)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        var length = Math.Min(bytes.Length, most);
        BinaryPrimitives.WriteInt32LittleEndian(at, length);
        bytes.AsSpan(0, length).CopyTo(at[4..]);
    }

    private static string ReadText(ReadOnlySpan<byte> at, int most) =>
        Encoding.UTF8.GetString(at.Slice(4, Math.Clamp(BinaryPrimitives.ReadInt32LittleEndian(at), 0, most)));
}
