using System.Diagnostics;
using System.Text;
using CsCheck;
using Quiesce.Freezing.Kernel;
using Quiesce.Freezing.Mounts;
using Quiesce.Freezing.Tests.Simulation;
using Quiesce.Fuzzing;

namespace Quiesce.Freezing.Tests.Fuzzing;

/// <summary>The mount table is the kernel's, but names in it are anybody's: what was mounted is read back, and nothing else makes the reader fail.</summary>
public sealed class MountTableFuzzTests
{
    private const string Whole = """
        22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw,errors=remount-ro
        36 22 98:0 /mnt1 /mnt2 rw,noatime master:1 propagate_from:2 - ext3 /dev/root rw,errors=continue
        40 22 0:45 /sub\040volume /srv/a\134b\011c\012d\043e rw unbindable - btrfs /dev/sdb rw,subvol=/sub\040volume
        41 22 0:50 / /mnt/none rw - fuse.sshfs user@host:/ rw,user_id=0
        42 22 0:51 / /mnt/Größe rw shared:9 master:8 propagate_from:7 - tmpfs  rw
        """;

    /// <summary>Inputs that were found, or that are worth to be tried each time.</summary>
    public static TheoryData<string> Kept => [
        "", "\n\n\n", "-", " ", "- - - - - - - - - - -", "1 2 3:4 / / rw -", "1 2 3:4 / / rw - ext4", "1 2 3:4 / / - rw - ext4 x",
        "99999999999999999999 2 3:4 / / rw - a b c", "1 2 4294967296:4 / / rw - a b c", "1 2 -3:4 / / rw - a b c", "1 2 3:4 \\ \\0 rw - a \\04 \\0400",
        "1 2 3:4 \\777 \\400 rw - a \\377\\376 c", "1 2 3:4 / / rw - a \ud800 \udc00\\040", "1 2 3:4 / /\r rw - a b c\r",
    ];

    private static readonly Gen<string> Name = Gen.OneOf(
        Gen.OneOf(' ', '\t', '\n', '\\', '#', '-', ':', ',', '/', '\r', '0', '4', '\u00e9', '\u2028', '\u7a7a').Array[0, 12].Select(c => new string(c)),
        Gen.Char['\u0001', '\ud7ff'].Array[0, 40].Select(c => new string(c)),
        Gen.OneOf("\ud83e\uddca", "\\040", "\\134", "a b", "", " - ").Array[0, 4].Select(string.Concat));

    private static readonly Gen<string[]> Propagation = Gen.OneOf("shared:1", "master:2", "propagate_from:3", "unbindable", "new_kind:4").Array[0, 4];

    private static readonly Gen<Mount> AnyMount =
        from ids in Gen.Select(Gen.ULong, Gen.ULong)
        from device in Gen.Select(Gen.UInt, Gen.UInt)
        from names in Name.Array[4]
        from options in Gen.OneOf("rw", "ro,noatime", "rw,relatime")
        from type in Gen.OneOf("ext4", "xfs", "fuse.sshfs", "-")
        select new Mount(ids.Item1, ids.Item2, new DeviceNumber(device.Item1, device.Item2), $"/{names[0]}", $"/{names[1]}", options, type, names[2], $"rw{names[3]}");

    [Fact]
    public void What_the_kernel_writes_is_read_back()
    {
        var lines = 0L;
        Gen.Select(AnyMount, Propagation).Array[1, 8].Sample(mounts =>
        {
            var text = string.Concat(mounts.Select(m => $"{Line(m.Item1, m.Item2)}\n"));
            var table = MountTable.Parse(text);
            Assert.Equal(0, table.MalformedLines);
            Assert.Equal(mounts.Select(m => m.Item1), table.Mounts);
            _ = Interlocked.Add(ref lines, mounts.Length);
        }, time: FuzzTime.Seconds, print: mounts => string.Concat(mounts.Select(m => $"{Line(m.Item1, m.Item2)}\n")));
        Console.WriteLine($"[figure] lines of mountinfo written and read back: {lines:N0}");
    }

    [Fact]
    public void No_bytes_make_the_reader_fail_and_each_line_is_read_or_counted()
    {
        var tables = 0L;
        var whole = Encoding.UTF8.GetBytes(Whole);
        Gen.OneOf(Damage.Any.Select(d => Damage.Do(whole, d)), Gen.Byte.Array[0, 300]).Sample(bytes =>
        {
            ReadOrCounted(Encoding.UTF8.GetString(bytes));
            _ = Interlocked.Increment(ref tables);
        }, time: FuzzTime.Seconds, print: Convert.ToHexString);
        Console.WriteLine($"[figure] damaged mount tables read: {tables:N0}");
    }

    [Theory]
    [MemberData(nameof(Kept))]
    public void Kept_ones_are_read_or_counted(string text) => ReadOrCounted(text);

    [Fact]
    public void Huge_lines_and_tables_are_read_in_time()
    {
        var age = Stopwatch.StartNew();
        foreach (var text in (string[])[new('x', 8 << 20), new(' ', 8 << 20), new('\\', 8 << 20), new('\n', 8 << 20), Repeat("\\040", 2 << 20), $"1 2 3:4 / /{Repeat("\\134", 1 << 20)} rw - a b c", Repeat("1 2 3:4 / / rw - a b c\n", 1 << 17), $"1 2 3:4 / / rw {Repeat("shared:1 ", 1 << 19)}- a b c"])
            ReadOrCounted(text);
        Assert.InRange(age.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(10));

        static string Repeat(string text, int times) => new StringBuilder().Insert(0, text, times).ToString();
    }

    private static void ReadOrCounted(string text)
    {
        var table = MountTable.Parse(text);
        Assert.Equal(text.Split('\n').Count(l => l.Length > 0), table.Mounts.Count + table.MalformedLines);
        Assert.All(table.Mounts, m => Assert.NotNull(table.Find(m.Id)));
    }

    private static string Line(Mount m, string[] propagation) =>
        string.Join(' ', [
            $"{m.Id}", $"{m.ParentId}", $"{m.Superblock}", MountTree.Escape(m.Root), MountTree.Escape(m.MountPoint), m.Options, .. propagation,
            "-", m.Type, MountTree.Escape(m.Source), MountTree.Escape(m.SuperOptions)]);
}
