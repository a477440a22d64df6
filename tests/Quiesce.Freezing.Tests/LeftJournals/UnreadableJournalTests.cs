using System.Runtime.Versioning;
using Quiesce.Freezing.Journals;
using Quiesce.Freezing.Kernel;
using Quiesce.Freezing.Recovery;
using Quiesce.Freezing.Reports;
using Quiesce.Freezing.Tests.Planning;
using Quiesce.Freezing.Windows;
using Quiesce.RealFilesystems;

namespace Quiesce.Freezing.Tests.LeftJournals;

/// <summary>A journal that cannot be read or understood is never taken for one that says that nothing is frozen.</summary>
[SupportedOSPlatform("linux")]
public sealed class UnreadableJournalTests : IDisposable
{
    private readonly HostWithTmpfs host = new();

    public UnreadableJournalTests() => HostWithTmpfs.Make(host.Run);

    public void Dispose() => host.Dispose();

    /// <summary>What became of the bytes of a whole journal.</summary>
    public static TheoryData<string> Unreadable => ["another format", "no format", "seven bytes", "cut", "longer", "too many", "a negative count", "an unknown state", "another user's", "a pipe", "a link"];

    [Theory]
    [MemberData(nameof(Unreadable))]
    public async Task It_is_kept_and_said_and_nothing_is_frozen_beside_it(string how)
    {
        var file = await MakeAsync(how);
        Assert.Empty(FoundJournals.Open([file], out var unreadable));
        var report = Assert.Single(unreadable);
        Assert.Equal(("left", false, FreezeReason.ThawFailed), (report.WindowId, report.IsFinal, report.Reason));
        Assert.True(UnreadableJournal.Is(report));
        Assert.StartsWith($"{file}: it ", report.Message, StringComparison.Ordinal);
        Assert.Contains("then remove that file", report.Message, StringComparison.Ordinal);

        JournalDirectory.Discard(host.Root, "left");
        var node = new Node();
        _ = node.Add("ext4", "8:17", "/dev/sdb1", "/srv/data");
        var refusal = JournalDirectory.Claim(host.Root, host.Run, "next", node.Plan("/srv/data"), ProcessIdentity.Current(), out var journal);
        Assert.Equal((FreezeReason.JournalUnavailable, report.Message), (refusal?.Reason, refusal?.Message));
        Assert.Null(journal);
        Assert.Equal([file], Directory.GetFileSystemEntries(host.Run));
    }

    [Theory]
    [InlineData("another format")]
    [InlineData("cut")]
    [InlineData("another user's")]
    public async Task One_that_a_recovery_is_given_all_the_same_is_kept_and_its_window_has_failed(string how)
    {
        var file = await MakeAsync(how);
        Assert.Equal(Errno.None, Journal.Open(file, out var journal));
        var reports = new List<WindowReport>();
        new RecoveryRun((_, body) => body(), reports.Add).Run([new LeftWindow(new Node().Kernel, "/", journal!, [])], firstRound: () => { });
        Assert.Equal((WindowPhase.Failed, FreezeReason.ThawFailed), (Assert.Single(reports).Phase, reports[0].Reason));
        Assert.True(File.Exists(file));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(5)]
    [InlineData(448)]
    public void One_that_was_never_whole_is_removed_because_nothing_was_frozen_before(int length)
    {
        var file = $"{host.Run}/left.journal";
        var bytes = new byte[length];
        if (length > 8) bytes[8] = 1; // as far as its holder came before the magic
        File.WriteAllBytes(file, bytes);
        var (_, journal) = Assert.Single(FoundJournals.Open([file], out var unreadable));
        Assert.Empty(unreadable);
        new RecoveryRun((_, body) => body(), _ => { }).Run([new LeftWindow(new Node().Kernel, "/", journal, [])], firstRound: () => { });
        Assert.False(File.Exists(file));
    }

    [Fact]
    public void One_beside_it_that_can_be_read_is_ended()
    {
        File.WriteAllText($"{host.Run}/a.journal", "QUIESCE3");
        _ = HostWithTmpfs.Write(host.Run, "b", "8:17");
        var (index, journal) = Assert.Single(FoundJournals.Open(JournalDirectory.All(host.Root, out var why), out var unreadable));
        Assert.Equal((1, "b", "a", null), (index, journal.WindowId, Assert.Single(unreadable).WindowId, why));
        journal.Dispose();
    }

    private async Task<string> MakeAsync(string how)
    {
        var file = HostWithTmpfs.Write(host.Run, "left", "8:17");
        var bytes = await File.ReadAllBytesAsync(file, TestContext.Current.CancellationToken);
        switch (how)
        {
            case "another format": bytes[7] = (byte)'3'; break;
            case "no format": bytes = [.. Enumerable.Repeat((byte)0xA5, 5000)]; break;
            case "seven bytes": bytes = bytes[..7]; break;
            case "cut": bytes = bytes[..^1]; break;
            case "longer": bytes = [.. bytes, 0]; break;
            case "too many": (bytes[8], bytes[9]) = (0xFF, 0x7F); break;
            case "a negative count": bytes[11] = 0x80; break;
            case "an unknown state": bytes[128] = (byte)(JournalState.Done + 1); break;
            case "another user's": await HostWithTmpfs.OwnAsync(file, 65534); return file;
            case "a pipe": File.Delete(file); _ = await Command.RunAsync("mkfifo", file); return file;
            default: File.Delete(file); File.CreateSymbolicLink(file, "/dev/null"); return file;
        }
        await File.WriteAllBytesAsync(file, bytes, TestContext.Current.CancellationToken);
        return file;
    }
}
