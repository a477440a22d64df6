using Quiesce.Freezing.Journals;
using Quiesce.Freezing.Kernel;
using Tmds.Linux;

namespace Quiesce.Agent.Tests.Running;

/// <summary>The journals that lie around.</summary>
internal static class Journals
{
    private const int Header = 128;
    private const int Record = 320;

    /// <summary>Those nobody holds the lock of: their holder is gone. Others belong to a test run beside this one.</summary>
    internal static IReadOnlyList<string> Unlocked(IEnumerable<string> folders)
    {
        var left = new List<string>();
        foreach (var file in folders.SelectMany(JournalDirectory.List))
        {
            if (Journal.Open(file, out var journal) != Errno.None) continue;
            if (journal!.IsOurs) left.Add(file);
            journal.Dispose();
        }
        return left;
    }

    /// <summary>Whether a holder has one.</summary>
    internal static bool Of(IEnumerable<string> folders, int holder) => Find(folders, holder).Length > 0;

    /// <summary>Whether a holder's says that it holds all its filesystems.</summary>
    internal static bool AllHeld(IEnumerable<string> folders, int holder) => Held(folders, holder) is ( > 0 and var held, var all) && held == all;

    /// <summary>How many of its filesystems a holder's says it holds, and how many it has. A probe would be in the way of the freeze it waits for.</summary>
    internal static (int Held, int All) Held(IEnumerable<string> folders, int holder)
    {
        var bytes = Find(folders, holder);
        if (bytes.IsEmpty) return default;
        var (held, count) = (0, BitConverter.ToInt32(bytes[8..]));
        for (var i = 0; i < count; i++)
            if (BitConverter.ToInt32(bytes[(Header + (i * Record))..]) == (int)JournalState.Held) held++;
        return (held, count);
    }

    // Read as the bytes it is, see Journal: the holder has the lock.
    private static ReadOnlySpan<byte> Find(IEnumerable<string> folders, int holder)
    {
        foreach (var file in folders.SelectMany(JournalDirectory.List))
        {
            var bytes = Read(file, Header + (Record * 16));
            if (bytes.Length >= Header && BitConverter.ToInt32(bytes[12..]) == holder) return bytes;
        }
        return [];
    }

    // Not through a FileStream: it wants a lock of its own, which the holder's is in the way of.
    private static unsafe ReadOnlySpan<byte> Read(string file, int most)
    {
        var bytes = new byte[most];
        int fd;
        fixed (byte* p = System.Text.Encoding.UTF8.GetBytes(file + '\0'))
            fd = LibC.open(p, LibC.O_RDONLY | LibC.O_CLOEXEC);
        if (fd < 0) return []; // gone meanwhile
        long length;
        fixed (byte* p = bytes) length = (long)LibC.read(fd, p, most);
        _ = LibC.close(fd);
        return bytes.AsSpan(0, (int)Math.Max(0, length));
    }
}
