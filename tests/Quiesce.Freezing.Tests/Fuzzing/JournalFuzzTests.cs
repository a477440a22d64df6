using CsCheck;
using Quiesce.Freezing.Holders;
using Quiesce.Freezing.Journals;
using Quiesce.Freezing.Kernel;
using Quiesce.Freezing.Planning;
using Quiesce.Freezing.Recovery;
using Quiesce.Freezing.Tests.Planning;
using Quiesce.Freezing.Tests.Simulation;
using Quiesce.Fuzzing;
using Quiesce.RealFilesystems;

namespace Quiesce.Freezing.Tests.Fuzzing;

/// <summary>A journal that a dead holder left, whatever became of its bytes: it is read, what it says is ended, and nothing that it does not name is touched.</summary>
public sealed class JournalFuzzTests : IDisposable
{
    private const int Header = 128;
    private const int Record = 320;

    private readonly string folder = $"/dev/shm/quiesce-fuzz-{Guid.NewGuid():n}";
    private readonly byte[] whole;
    private int made;

    public JournalFuzzTests()
    {
        RealKernel.Require();
        Directory.CreateDirectory(folder);
        whole = Bytes([Planned("/srv/data", "8:17"), Planned("/srv/other", "8:18"), Planned("/srv/third", "0:45", "btrfs")]);
    }

    /// <summary>Lengths and numbers that were found, or are worth to be tried each time: how much is left of a whole journal, and what its count says.</summary>
    public static TheoryData<int, int> Kept => new()
    {
        { 0, 3 }, { 7, 3 }, { 8, 3 }, { 127, 3 }, { 128, 3 }, { 128, 0 }, { 129, 1 }, { 447, 1 }, { 448, 1 }, { 448, 2 }, { 1088, 3 }, { 1088, 4 }, { 1088, -1 },
        { 1088, int.MaxValue }, { 1088, int.MinValue }, { 1088, 6_710_886 }, { 1088, 6_710_887 }, { 1088, 13_421_773 },
    };

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void What_was_written_is_read_back()
    {
        var journals = 0;
        var filesystem =
            from path in Gen.OneOf(Gen.String[0, 60], Gen.Int[230, 240].Select(n => "/" + new string('p', n)), Gen.Int[70, 90].Select(n => new string('\u7a7a', n)))
            from type in Gen.OneOf("ext4", "xfs", "btrfs", "", new string('t', 40))
            from device in Gen.Select(Gen.UInt, Gen.UInt)
            from id in Gen.Select(Gen.ULong, Gen.Guid)
            select new PlannedFilesystem(path, type, "/dev/x", new DeviceNumber(device.Item1, device.Item2), new FilesystemIdentity(id.Item1, id.Item2), Descriptor.None, 0);
        Gen.Select(filesystem.Array[0, 5], Gen.Int[0, 4].Array[5]).Sample((filesystems, states) =>
        {
            var content = Read(Bytes(filesystems, states));
            Assert.Equal(Journal.CurrentBoot(), content.BootId);
            Assert.Equal(ProcessIdentity.Current(), content.Holder);
            Assert.Equal(filesystems.Length, content.Records.Count);
            foreach (var (f, r, state) in filesystems.Zip(content.Records, states))
            {
                Assert.Equal((f.Superblock, f.Identity, f.MountDevice, (JournalState)state), (r.Superblock, r.Identity, r.MountDevice, r.State));
                Assert.StartsWith(r.Path.TrimEnd('\ufffd'), System.Text.Encoding.UTF8.GetString(System.Text.Encoding.UTF8.GetBytes(f.Path)), StringComparison.Ordinal); // cut where it is too long
                Assert.StartsWith(r.Type, f.Type, StringComparison.Ordinal);
            }
            journals++;
        }, time: FuzzTime.Seconds, threads: 1);
        Console.WriteLine($"[figure] journals written and read back: {journals:N0}");
    }

    [Fact]
    public void No_damage_makes_a_recovery_fail_or_touch_what_the_journal_does_not_name()
    {
        var (journals, ended) = (0, 0);
        Damage.Any.Sample(damages =>
        {
            ended += Recover(Damage.Do(whole, damages));
            journals++;
        }, time: FuzzTime.Seconds, threads: 1, print: damages => string.Join(", ", damages));
        Assert.True(ended > 0);
        Console.WriteLine($"[figure] damaged journals recovered: {journals:N0}, {ended:N0} of their filesystems ended");
    }

    [Theory]
    [MemberData(nameof(Kept))]
    public void Kept_ones_are_recovered(int length, int count)
    {
        var bytes = whole.ToArray();
        _ = BitConverter.TryWriteBytes(bytes.AsSpan(8), count);
        _ = Recover(bytes[..length]);
    }

    [Fact]
    public void A_window_is_overdue_after_its_time_and_at_no_other()
    {
        var self = ProcessIdentity.Current();
        var record = Read(whole).Records[0] with { State = JournalState.Held };
        Gen.Select(Gen.Long[0, long.MaxValue], Gen.Long[1, long.MaxValue], Gen.Bool).Sample((now, at, ended) =>
        {
            var content = new JournalContent(Journal.CurrentBoot(), ProcessIdentity.Namespace, self, self, at, ended ? at : null, [record]);
            var late = (Int128)now - at > (ended ? 1_250_000_000 : 250_000_000);
            Assert.Equal(late ? Tenure.Doomed : Tenure.Kept, TenureJudgement.Of(content, isOurs: false, now, _ => ProcessLife.Alive));
        }, iter: 100_000);
        var far = new JournalContent(Journal.CurrentBoot(), ProcessIdentity.Namespace, self, self, long.MaxValue, null, [record]);
        Assert.Equal(Tenure.Kept, TenureJudgement.Of(far, isOurs: false, 1_000_000_000, _ => ProcessLife.Alive));
    }

    // On a simulated node where the filesystems of the journal, and one that no journal names, are frozen.
    private int Recover(byte[] bytes)
    {
        var node = new Node();
        var all = new[] { node.Add("ext4", "8:17", "/dev/sdb1", "/srv/data"), node.Add("xfs", "8:18", "/dev/sdb2", "/srv/other"), node.Add("btrfs", "0:45", "/dev/sdc", "/srv/third") };
        var stranger = node.Add("ext4", "8:99", "/dev/sdz", "/srv/stranger");
        foreach (var filesystem in all.Append(stranger)) Assert.Equal(Errno.None, SimulatedKernel.FreezeAsStranger(filesystem));

        var file = Write(bytes);
        var peeked = Journal.Peek(file);
        Assert.Equal(Errno.None, Journal.Open(file, out var journal));
        var content = journal!.Content;
        Assert.Equal((peeked.BootId, peeked.Holder, peeked.DeadlineAt), (content.BootId, content.Holder, content.DeadlineAt));
        Assert.Equal(peeked.Records, content.Records);
        Assert.Equal(peeked.Fault, content.Fault);
        // That it says nothing is believed of one that was never whole, or whole and empty, and of no other.
        if (content.Fault is null && content.Records.Count == 0) Assert.True(bytes.Length == Header || bytes.Take(8).All(b => b == 0), "a journal was taken for an empty one");
        Assert.InRange(content.Records.Count, 0, FreezePlanner.MaximumFilesystems);
        _ = TenureJudgement.Of(content, isOurs: false, node.Kernel.BootTime(), process => process.Life());

        var window = new LeftWindow(node.Kernel, "/", journal, []);
        window.CloseUnneeded();
        foreach (var index in window.OwedAtOnce.Concat(window.OwedLater)) window.Thaw(index);
        var report = window.Report();
        Assert.True(window.IsSettled && report.IsFinal);
        Assert.True(content.Fault is null || (window.OwesThaw && report.Reason == FreezeReason.ThawFailed));
        Assert.DoesNotContain(node.Kernel.Log!, c => c.Call.Kind == CallKind.Freeze);
        Assert.Equal(Freezer.Stranger, stranger.FrozenBy);
        foreach (var filesystem in all.Where(f => f.FrozenBy == Freezer.Nobody))
            Assert.Contains(content.Records, r => r.MayBeFrozen && r.Identity.IsSame(filesystem.Identity));
        Assert.Empty(node.Kernel.OpenDescriptors);
        // A report of it goes to the agent.
        var message = HolderCodec.Encode(report);
        Assert.Equal(message, HolderCodec.Encode(HolderCodec.DecodeReport(message)));
        journal.Remove();
        journal.Dispose();
        return all.Count(f => f.FrozenBy == Freezer.Nobody);
    }

    private static PlannedFilesystem Planned(string path, string superblock, string type = "ext4")
    {
        var number = Node.Number(superblock);
        return new PlannedFilesystem(path, type, "/dev/x", number, new SimulatedFilesystem(type, number, "/dev/x").Identity, Descriptor.None, 0);
    }

    private byte[] Bytes(PlannedFilesystem[] filesystems, int[]? states = null)
    {
        Assert.Equal(Errno.None, Journal.Create(folder, $"w{++made}", filesystems, ProcessIdentity.Current(), out var journal));
        for (var i = 0; i < filesystems.Length; i++) journal!.Set(i, states is null ? JournalState.Held : (JournalState)states[i], Errno.None);
        journal!.SetTimes(5_000_000_000, null);
        journal.Dispose();
        var bytes = File.ReadAllBytes(journal.File);
        journal.Remove();
        Assert.Equal(Header + (Record * filesystems.Length), bytes.Length);
        return bytes;
    }

    private JournalContent Read(byte[] bytes)
    {
        var file = Write(bytes);
        var content = Journal.Peek(file);
        File.Delete(file);
        return content;
    }

    private string Write(byte[] bytes)
    {
        var file = $"{folder}/r{++made}.journal";
        File.WriteAllBytes(file, bytes);
        return file;
    }
}
