using System.Runtime.Versioning;
using Quiesce.Freezing.Journals;
using Quiesce.Freezing.Kernel;
using Quiesce.Freezing.Tests.Planning;

namespace Quiesce.Freezing.Tests.LeftJournals;

/// <summary>The folder of the journals: a changed mode is put right, what is not ours is refused, and what lies in either place is found.</summary>
[SupportedOSPlatform("linux")]
public sealed class JournalDirectoryTests : IDisposable
{
    private const UnixFileMode Closed = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    private readonly HostWithTmpfs host = new();

    public void Dispose() => host.Dispose();

    [Theory]
    [InlineData(UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute)]
    [InlineData(UnixFileMode.GroupRead | UnixFileMode.GroupExecute)]
    public void A_mode_that_was_changed_is_put_right_and_no_other_folder_is_used(UnixFileMode added)
    {
        HostWithTmpfs.Make(host.Run);
        var file = HostWithTmpfs.Write(host.Run, "left", "8:17");
        File.SetUnixFileMode(host.Run, Closed | added);
        Assert.Equal([file], JournalDirectory.All(host.Root, out var why));
        Assert.Null(why);
        Assert.Equal(Closed, File.GetUnixFileMode(host.Run));
        File.SetUnixFileMode(host.Run, Closed | added);
        Assert.Equal(host.Run, JournalDirectory.Open(host.Root, out _));
        Assert.Equal(Closed, File.GetUnixFileMode(host.Run));
        Assert.False(Directory.Exists(host.Shm));
    }

    [Fact]
    public async Task A_folder_of_another_user_is_refused_and_no_other_one_is_made_instead()
    {
        HostWithTmpfs.Make(host.Run);
        _ = HostWithTmpfs.Write(host.Run, "left", "8:17");
        await HostWithTmpfs.OwnAsync(host.Run, 65534);
        Assert.Null(JournalDirectory.Open(host.Root, out var why));
        Assert.Equal($"{host.Run} belongs to another user (65534), so nothing in it can be trusted; run 'chown 0 {host.Run}' if it was made by Quiesce, else remove it", why);
        Assert.False(Directory.Exists(host.Shm));
        Assert.Empty(JournalDirectory.All(host.Root, out var unlisted)); // and it keeps nobody from what is in the other one
        Assert.Null(unlisted);

        // Whoever holds a window whose journal's folder was given away goes on with it, but for nothing that this user did not write.
        var file = $"{host.Run}/left.journal";
        Assert.Equal(file, JournalDirectory.Find(host.Root, "left"));
        await HostWithTmpfs.OwnAsync(file, 65534);
        Assert.False(JournalDirectory.Has(host.Root, "left"));
        await HostWithTmpfs.OwnAsync(host.Run, 0);
        Assert.True(JournalDirectory.Has(host.Root, "left"));
    }

    [Fact]
    public void A_link_in_its_place_is_refused()
    {
        HostWithTmpfs.Make($"{host.Root}/elsewhere");
        File.CreateSymbolicLink(host.Run, $"{host.Root}/elsewhere");
        Assert.Null(JournalDirectory.Open(host.Root, out var why));
        Assert.StartsWith($"{host.Run} cannot be made or opened: ", why, StringComparison.Ordinal);
        Assert.False(Directory.Exists(host.Shm));
    }

    [Fact]
    public void Without_a_tmpfs_on_run_it_is_made_in_the_other_place()
    {
        Directory.Delete($"{host.Root}/run");
        Assert.Equal(host.Shm, JournalDirectory.Open(host.Root, out _));
    }

    [Fact]
    public void A_claim_in_the_other_folder_counts_too()
    {
        HostWithTmpfs.Make(host.Run);
        HostWithTmpfs.Make(host.Shm);
        var file = HostWithTmpfs.Write(host.Shm, "other", "8:17");
        Assert.Equal([file], JournalDirectory.All(host.Root, out _));
        Assert.Equal((file, null), (JournalDirectory.Find(host.Root, "other"), JournalDirectory.Find(host.Root, "none")));
        var node = new Node();
        _ = node.Add("ext4", "8:17", "/dev/sdb1", "/srv/data");
        _ = node.Add("ext4", "8:18", "/dev/sdb2", "/srv/free");
        Assert.Equal(FreezeReason.HeldByOtherRequest, Claim("/srv/data"));
        Assert.Null(Claim("/srv/free"));

        string? Claim(string path)
        {
            var refusal = JournalDirectory.Claim(host.Root, host.Run, "next", node.Plan(path), ProcessIdentity.Current(), out var journal);
            journal?.Remove();
            journal?.Dispose();
            return refusal?.Reason;
        }
    }

    [Fact]
    public void A_journal_is_discarded_wherever_it_lies_unless_it_owes_a_thaw()
    {
        HostWithTmpfs.Make(host.Run);
        HostWithTmpfs.Make(host.Shm);
        var owing = HostWithTmpfs.Write(host.Shm, "owing", "8:17");
        var done = HostWithTmpfs.Write(host.Shm, "done", "8:18");
        Assert.Equal(Errno.None, Journal.Open(done, out var journal));
        journal!.Set(0, JournalState.Done, Errno.None);
        journal.Dispose();
        JournalDirectory.Discard(host.Root, "owing");
        JournalDirectory.Discard(host.Root, "done");
        Assert.Equal([owing], JournalDirectory.All(host.Root, out _));
    }
}
