using System.Globalization;
using System.Text;
using Quiesce.Freezing.Kernel;

namespace Quiesce.Freezing.Mounts;

/// <summary>The mount table at one moment, in the kernel's order.</summary>
public sealed class MountTable
{
    private readonly Dictionary<ulong, Mount> byId = [];

    private MountTable(IReadOnlyList<Mount> mounts, int malformedLines)
    {
        Mounts = mounts;
        MalformedLines = malformedLines;
        foreach (var mount in mounts) byId[mount.Id] = mount;
    }

    /// <summary>The mounts.</summary>
    public IReadOnlyList<Mount> Mounts { get; }

    /// <summary>Lines that are not of the documented form and were left out; a mount that is not in the table is never frozen.</summary>
    public int MalformedLines { get; }

    /// <summary>The mount with this id, or null.</summary>
    public Mount? Find(ulong id) => byId.GetValueOrDefault(id);

    /// <summary>The mounts of one superblock.</summary>
    public IEnumerable<Mount> Of(DeviceNumber superblock) => Mounts.Where(m => m.Superblock == superblock);

    /// <summary>Reads the table as it is now; empty on an error.</summary>
    public static Errno Read(IKernel kernel, out MountTable table)
    {
        var error = kernel.ReadMountTable(out var text);
        table = Parse(text);
        return error;
    }

    /// <summary>Reads the text of <c>/proc/PID/mountinfo</c>. Never throws: what cannot be read is counted.</summary>
    public static MountTable Parse(string text)
    {
        var mounts = new List<Mount>();
        var malformed = 0;
        // Only a line feed ends a line: the kernel escapes no other separator, and a carriage return may be part of a name.
        foreach (var range in text.AsSpan().Split('\n'))
        {
            var line = text.AsSpan(range);
            if (line.IsEmpty) continue;
            if (ParseLine(line) is { } mount) mounts.Add(mount);
            else malformed++;
        }
        return new MountTable(mounts, malformed);
    }

    // 36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue
    // (1)(2)(3)   (4)   (5)      (6)      (7)   (8) (9)   (10)         (11)
    private static Mount? ParseLine(ReadOnlySpan<char> line)
    {
        var fields = line.ToString().Split(' ');
        var separator = Array.IndexOf(fields, "-", Math.Min(6, fields.Length)); // (7) is zero or more optional fields
        if (separator < 0 || fields.Length < separator + 3) return null;
        if (!ulong.TryParse(fields[0], NumberStyles.None, CultureInfo.InvariantCulture, out var id)
            || !ulong.TryParse(fields[1], NumberStyles.None, CultureInfo.InvariantCulture, out var parent)
            || !DeviceNumber.TryParse(fields[2], out var superblock))
            return null;
        return new Mount(
            id,
            parent,
            superblock,
            Unescape(fields[3]),
            Unescape(fields[4]),
            fields[5],
            fields[separator + 1],
            Unescape(fields[separator + 2]),
            fields.Length > separator + 3 ? Unescape(fields[separator + 3]) : "");
    }

    /// <summary>Undoes the octal escapes of <c>mangle_path</c>: space, tab, newline, backslash and <c>#</c>, as UTF-8 bytes.</summary>
    public static string Unescape(string field)
    {
        if (!field.Contains('\\', StringComparison.Ordinal)) return field;
        var bytes = new List<byte>(field.Length);
        Span<byte> encoded = stackalloc byte[4];
        for (var i = 0; i < field.Length; i++)
        {
            if (field[i] == '\\' && i + 3 < field.Length && IsOctal(field[i + 1]) && IsOctal(field[i + 2]) && IsOctal(field[i + 3]))
            {
                bytes.Add((byte)(((field[i + 1] - '0') << 6) | ((field[i + 2] - '0') << 3) | (field[i + 3] - '0')));
                i += 3;
                continue;
            }
            var rune = Rune.TryGetRuneAt(field, i, out var r) ? r : Rune.ReplacementChar;
            bytes.AddRange(encoded[..rune.EncodeToUtf8(encoded)]);
            i += rune.Utf16SequenceLength - 1;
        }
        return Encoding.UTF8.GetString([.. bytes]);
    }

    private static bool IsOctal(char c) => c is >= '0' and <= '7';
}
