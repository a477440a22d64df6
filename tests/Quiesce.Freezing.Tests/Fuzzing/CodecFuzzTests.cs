using CsCheck;
using Quiesce.Freezing.Holders;
using Quiesce.Freezing.Kernel;
using Quiesce.Freezing.Planning;
using Quiesce.Freezing.Reports;
using Quiesce.Freezing.Windows;
using Quiesce.Fuzzing;

namespace Quiesce.Freezing.Tests.Fuzzing;

/// <summary>Messages between agent and holder: read back as they were written, and refused in one way whatever became of them.</summary>
public sealed class CodecFuzzTests
{
    private static readonly Gen<string> Text = Gen.OneOf(Gen.String[0, 30], Gen.OneOf("", "/srv/data", "\ud83e\uddca", "\0", "\ud800"), Gen.Int[2000, 2100].Select(n => new string('\u7a7a', n)));
    private static readonly Gen<string?> MaybeText = Gen.OneOf(Text.Select(t => (string?)t), Gen.Const((string?)null));
    private static readonly Gen<long?> MaybeNumber = Gen.OneOf(Gen.Long.Select(n => (long?)n), Gen.Const((long?)null));
    private static readonly Gen<string[]> Texts = Text.Array[0, 5];

    private static readonly Gen<VolumeTarget> Volume =
        from texts in Text.Array[4]
        from lists in Texts.Array[2]
        from shared in Gen.Bool
        select new VolumeTarget { Name = texts[0], Root = texts[1], Folder = texts[2], Source = texts[3], Mounts = lists[0], FolderMounts = lists[1], MayBeShared = shared };

    private static readonly Gen<HolderOrder> Order =
        from task in Gen.Int[0, (int)HolderTask.Check]
        from texts in Text.Array[2]
        from numbers in Gen.Long.Array[2]
        from lists in Texts.Array[4]
        from volumes in Volume.Array[0, 3]
        from bools in Gen.Bool.Array[6]
        from process in Gen.Int
        from expedite in Gen.Int[0, (int)ExpediteRcu.Never]
        select new HolderOrder
        {
            Task = (HolderTask)task,
            WindowId = texts[0],
            AgentProcess = process,
            Plan = new PlanOrder { HostRoot = texts[1], Paths = lists[0], Volumes = volumes, AllFilesystems = bools[0], FailUnsupported = bools[1], ProtectedPaths = lists[1], AllowedPaths = lists[2] },
            AllowUnprotected = bools[2],
            ExpediteRcu = (ExpediteRcu)expedite,
            Options = new WindowOptions { Deadline = numbers[0], FreezeTimeout = numbers[1], FreezeAtOnce = bools[3], RequireConfirmation = bools[4], FailUnsupported = bools[5] },
            Journals = lists[3],
        };

    private static readonly Gen<FilesystemReport> Filesystem =
        from state in Gen.Int[0, (int)FilesystemState.Stuck]
        from path in Text
        from texts in MaybeText.Array[5]
        from numbers in MaybeNumber.Array[7]
        select new FilesystemReport
        {
            Path = path,
            State = (FilesystemState)state,
            Reason = texts[0],
            Message = texts[1],
            Type = texts[2],
            Source = texts[3],
            Device = texts[4],
            FlushNanoseconds = numbers[0],
            FreezeNanoseconds = numbers[1],
            HeldNanoseconds = numbers[2],
            ThawNanoseconds = numbers[3],
            FlushedAt = numbers[4],
            FrozenAt = numbers[5],
            ReleasedAt = numbers[6],
        };

    private static readonly Gen<WindowReport> Report =
        from phase in Gen.Int[0, (int)WindowPhase.Failed]
        from id in Text
        from texts in MaybeText.Array[3]
        from numbers in MaybeNumber.Array[3]
        from counts in Gen.Int.Array[2]
        from isProtected in Gen.OneOf((bool?)null, false, true)
        from filesystems in Filesystem.Array[0, 5]
        from deadline in Gen.Long
        select new WindowReport
        {
            WindowId = id,
            Phase = (WindowPhase)phase,
            Reason = texts[0],
            Message = texts[1],
            HolderProtectionMessage = texts[2],
            Deadline = deadline,
            DeadlineAt = numbers[0],
            FrozenAt = numbers[1],
            ReleasedAt = numbers[2],
            HolderProtected = isProtected,
            FrozenFilesystems = counts[0],
            ThawedFilesystems = counts[1],
            Filesystems = filesystems,
        };

    private static readonly Gen<HolderCommand> Command = Gen.Select(Gen.Int[0, (int)HolderCommandKind.ThawedByRequest], Gen.Long).Select(t => new HolderCommand((HolderCommandKind)t.Item1, t.Item2));

    /// <summary>Inputs that were found, or that are worth to be tried each time, in hexadecimal.</summary>
    public static TheoryData<string> Kept => [
        "", "03", "02", "FF", "0300", "03FFFFFFFF", "0300FFFFFFFFFF", "0300FFFFFFFF07", "0300FFFFFFFF0F", "03000000000000", "0304", "03050000000000000000", "0305000000000000000000",
        "030000000000000000000010000000000000", "03000000000000FFFFFF7F", "030000010203040100FF0F0000",
    ];

    [Fact]
    public void What_was_written_is_read_back()
    {
        var messages = 0L;
        Gen.Select(Order, Report, Command).Sample((order, report, command) =>
        {
            var bytes = HolderCodec.Encode(order);
            Assert.Equal(bytes, HolderCodec.Encode(HolderCodec.DecodeOrder(bytes)));
            bytes = HolderCodec.Encode(report);
            Assert.Equal(bytes, HolderCodec.Encode(HolderCodec.DecodeReport(bytes)));
            Assert.Equal(command, HolderCodec.DecodeCommand(HolderCodec.Encode(command)));
            _ = Interlocked.Add(ref messages, 3);
        }, time: FuzzTime.Seconds);
        Console.WriteLine($"[figure] messages of the holder's channel written and read back: {messages:N0}");
    }

    [Fact]
    public void Whatever_became_of_a_message_it_is_read_or_refused()
    {
        var (read, refused) = (0L, 0L);
        var messages = Gen.OneOf(
            Gen.Select(Order, Damage.Any).Select((o, d) => Damage.Do(HolderCodec.Encode(o), d)),
            Gen.Select(Report, Damage.Any).Select((r, d) => Damage.Do(HolderCodec.Encode(r), d)),
            Gen.Select(Command, Damage.Any).Select((c, d) => Damage.Do(HolderCodec.Encode(c), d)),
            Gen.Byte.Array[0, 200]);
        messages.Sample(bytes =>
        {
            var count = ReadOrRefused(bytes);
            _ = Interlocked.Add(ref read, count);
            _ = Interlocked.Add(ref refused, 3 - count);
        }, time: FuzzTime.Seconds, print: Convert.ToHexString);
        Console.WriteLine($"[figure] damaged messages of the holder's channel: {read:N0} read, {refused:N0} refused");
    }

    [Theory]
    [MemberData(nameof(Kept))]
    public void Kept_ones_are_read_or_refused(string bytes) => ReadOrRefused(Convert.FromHexString(bytes));

    [Fact]
    public void The_report_of_the_largest_window_fits_into_a_message()
    {
        var report = new WindowReport
        {
            Filesystems = [.. Enumerable.Range(0, FreezePlanner.MaximumFilesystems).Select(i => new FilesystemReport
            {
                Path = $"/{i}{new string('p', HostPaths.MaximumLength)}",
                Message = new string('m', 2048),
                Reason = FreezeReason.ProtectedFilesystem,
                Type = "fuse.something",
                Source = new string('s', HostPaths.MaximumLength),
                Device = "259:1048575",
            })],
        };
        var bytes = HolderCodec.Encode(report);
        Assert.InRange(bytes.Length, 1, HolderCodec.MaximumMessage);
        var read = HolderCodec.DecodeReport(bytes);
        Assert.Equal(report.Filesystems.Select(f => f.Reason), read.Filesystems.Select(f => f.Reason));
        Assert.Distinct(read.Filesystems.Select(f => f.Path));
    }

    // Each reader is given it, as a holder's or an agent's end would be.
    private static int ReadOrRefused(byte[] bytes) =>
        Read(() => HolderCodec.DecodeOrder(bytes)) + Read(() => HolderCodec.DecodeReport(bytes)) + Read(() => HolderCodec.DecodeCommand(bytes));

    private static int Read(Func<object> decode)
    {
        try
        {
            _ = decode();
            return 1;
        }
        catch (InvalidDataException)
        {
            return 0;
        }
    }
}
