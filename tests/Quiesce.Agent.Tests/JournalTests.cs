using Quiesce.Agent.Tests.Running;
using Quiesce.Freezing.Journals;
using Quiesce.Freezing.Kernel;
using Quiesce.Freezing.Planning;
using Quiesce.RealFilesystems;

namespace Quiesce.Agent.Tests;

/// <summary>Without a journal on a tmpfs of our own nothing is frozen; one that says nothing any more is dropped.</summary>
public sealed class JournalTests
{
    [Theory]
    [InlineData("0777")]
    [InlineData("0750")]
    public async Task A_journal_folder_that_others_can_use_is_closed_to_them(string mode)
    {
        Programs.Require();
        await using var filesystem = await RealFilesystem.CreateAsync(FilesystemKind.Ext4, TestContext.Current.CancellationToken);
        await using var host = await FakeHost.CreateAsync();
        using var guard = filesystem.Guard();
        _ = await Command.RunAsync("mkdir", "-m", mode, host.JournalFolder);
        var end = await AgentRun.ToEndAsync("freeze", "--for", "1s", "--host-root", FakeHost.Root, FakeHost.HostPath(filesystem.MountPoint));
        Assert.True(end.Code == 3, end.All);
        Assert.Equal("700", (await Command.RunAsync("stat", "--format=%a", host.JournalFolder)).Trim());
    }

    [Fact]
    public async Task A_journal_folder_of_someone_else_is_refused()
    {
        Programs.Require();
        await using var filesystem = await RealFilesystem.CreateAsync(FilesystemKind.Ext4, TestContext.Current.CancellationToken);
        await using var host = await FakeHost.CreateAsync();
        _ = await Command.RunAsync("mkdir", "-m", "0700", host.JournalFolder);
        _ = await Command.RunAsync("chown", "65534", host.JournalFolder);
        await RefusedAsync(filesystem, $"{host.JournalFolder} belongs to another user (65534)");
    }

    [Fact]
    public async Task A_link_in_the_place_of_the_journal_folder_is_refused()
    {
        Programs.Require();
        await using var filesystem = await RealFilesystem.CreateAsync(FilesystemKind.Ext4, TestContext.Current.CancellationToken);
        await using var host = await FakeHost.CreateAsync();
        File.CreateSymbolicLink(host.JournalFolder, "/dev/shm");
        await RefusedAsync(filesystem, $"{host.JournalFolder} cannot be made or opened");
    }

    [Fact]
    public async Task A_full_tmpfs_is_refused_before_anything_is_frozen()
    {
        Programs.Require();
        await using var filesystem = await RealFilesystem.CreateAsync(FilesystemKind.Ext4, TestContext.Current.CancellationToken);
        await using var host = await FakeHost.CreateAsync("size=64k,mode=755");
        _ = await Command.TryAsync("dd", "if=/dev/zero", $"of={FakeHost.Root}/run/filler", "bs=4k");
        await RefusedAsync(filesystem, "the journal of this window cannot be made in");
        Assert.Empty(host.JournalFiles);
    }

    [Fact]
    public async Task A_host_without_a_tmpfs_is_refused()
    {
        Programs.Require();
        await using var filesystem = await RealFilesystem.CreateAsync(FilesystemKind.Ext4, TestContext.Current.CancellationToken);
        var run = $"{FakeHost.Root}/run"; // a plain folder
        Directory.CreateDirectory(run);
        await RefusedAsync(filesystem, "neither /run nor /dev/shm of the host is a writable tmpfs");
        Assert.Empty(Directory.EnumerateFileSystemEntries(run));
        Directory.Delete(run);
    }

    [Fact]
    public async Task A_journal_of_another_boot_is_dropped_and_what_it_names_is_left_alone()
    {
        Programs.Require();
        await using var filesystem = await RealFilesystem.CreateAsync(FilesystemKind.Ext4, TestContext.Current.CancellationToken);
        await using var host = await FakeHost.CreateAsync();
        using var guard = filesystem.Guard();
        WriteJournal(host, filesystem, otherBoot: true);
        Assert.True(FreezeProbe.Freeze(filesystem.MountPoint)); // somebody's, of this boot
        var end = await AgentRun.ToEndAsync("thaw", "--host-root", FakeHost.Root, "/run");
        Assert.True(end.Code == 0, end.All);
        Assert.DoesNotContain("RECOVERED", end.Text, StringComparison.Ordinal);
        Assert.Empty(host.JournalFiles);
        Assert.True(FreezeProbe.Thaw(filesystem.MountPoint));
    }

    [Fact]
    public async Task A_journal_of_this_boot_thaws_what_it_says_is_held_and_nothing_else()
    {
        Programs.Require();
        await using var held = await RealFilesystem.CreateAsync(FilesystemKind.Ext4, TestContext.Current.CancellationToken);
        await using var theirs = await RealFilesystem.CreateAsync(FilesystemKind.Btrfs, TestContext.Current.CancellationToken);
        await using var host = await FakeHost.CreateAsync();
        using var guard = Guard.Start(TimeSpan.FromSeconds(20), held.MountPoint, theirs.MountPoint);
        WriteJournal(host, held, otherBoot: false);
        Assert.True(FreezeProbe.Freeze(held.MountPoint));
        Assert.True(FreezeProbe.Freeze(theirs.MountPoint));
        var end = await AgentRun.ToEndAsync("thaw", "--host-root", FakeHost.Root, "/run");
        Assert.True(end.Code == 0, end.All);
        Assert.StartsWith("RECOVERED left, left behind by processes that died: 1 filesystem thawed", end.Lines[0], StringComparison.Ordinal);
        Assert.False(FreezeProbe.IsFrozen(held.MountPoint));
        Assert.True(FreezeProbe.Thaw(theirs.MountPoint));
        Assert.Empty(host.JournalFiles);
    }

    [Fact]
    public async Task A_journal_that_cannot_be_understood_is_kept_and_named_and_nothing_is_frozen_until_it_is_gone()
    {
        Programs.Require();
        await using var filesystem = await RealFilesystem.CreateAsync(FilesystemKind.Ext4, TestContext.Current.CancellationToken);
        await using var host = await FakeHost.CreateAsync();
        using var guard = filesystem.Guard();
        WriteJournal(host, filesystem, otherBoot: false);
        var file = Assert.Single(host.JournalFiles);
        var bytes = await File.ReadAllBytesAsync(file, TestContext.Current.CancellationToken);
        bytes[7] = (byte)'9'; // of a version to come
        await File.WriteAllBytesAsync(file, bytes, TestContext.Current.CancellationToken);
        Assert.True(FreezeProbe.Freeze(filesystem.MountPoint));
        var said = $"{file}: it is of another format, or damaged, so what its window may have left frozen is not known";
        var end = await AgentRun.ToEndAsync("freeze", "--for", "1s", "--host-root", FakeHost.Root, FakeHost.HostPath(filesystem.MountPoint));
        Assert.True(end.Code == 4, end.All);
        Assert.StartsWith($"FAILED   ThawFailed: {said}", end.Lines[0], StringComparison.Ordinal);
        Assert.StartsWith($"FAILED   JournalUnavailable: {said}", end.Lines[1], StringComparison.Ordinal);

        // What the message says to do.
        end = await AgentRun.ToEndAsync("thaw", "--json", "--all", "--host-root", FakeHost.Root);
        Assert.True(end.Code == 4, end.All);
        Assert.Equal("RecoveryFailed", AgentRun.Json(end.Lines[0]).GetProperty("phase").GetString());
        Assert.False(FreezeProbe.IsFrozen(filesystem.MountPoint));
        Assert.Equal(file, Assert.Single(host.JournalFiles));
        File.Delete(file);
        end = await AgentRun.ToEndAsync("freeze", "--for", "1s", "--host-root", FakeHost.Root, FakeHost.HostPath(filesystem.MountPoint));
        Assert.True(end.Code == 3, end.All);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(448)]
    public async Task A_journal_whose_holder_died_while_it_made_it_is_removed_and_does_no_harm(int length)
    {
        Programs.Require();
        await using var filesystem = await RealFilesystem.CreateAsync(FilesystemKind.Ext4, TestContext.Current.CancellationToken);
        await using var host = await FakeHost.CreateAsync();
        using var guard = filesystem.Guard();
        _ = await Command.RunAsync("mkdir", "-m", "0700", host.JournalFolder);
        await File.WriteAllBytesAsync($"{host.JournalFolder}/broken.journal", new byte[length], TestContext.Current.CancellationToken);
        var end = await AgentRun.ToEndAsync("freeze", "--for", "1s", "--host-root", FakeHost.Root, FakeHost.HostPath(filesystem.MountPoint));
        Assert.True(end.Code == 3, end.All);
        Assert.Empty(host.JournalFiles);
    }

    private static async Task RefusedAsync(RealFilesystem filesystem, string said)
    {
        using var guard = filesystem.Guard();
        var end = await AgentRun.ToEndAsync("freeze", "--for", "8s", "--host-root", FakeHost.Root, FakeHost.HostPath(filesystem.MountPoint));
        Assert.True(end.Code == 4, end.All);
        Assert.StartsWith("FAILED   JournalUnavailable: ", end.Lines[0], StringComparison.Ordinal);
        Assert.Contains(said, end.Lines[0], StringComparison.Ordinal);
        Assert.False(FreezeProbe.IsFrozen(filesystem.MountPoint));
    }

    // As a holder that died in its window leaves it.
    private static void WriteJournal(FakeHost host, RealFilesystem filesystem, bool otherBoot)
    {
        Assert.Equal(Errno.None, LinuxKernel.Open("/", out var kernel));
        var plan = FreezePlanner.Plan(kernel!, new PlanOrder { Paths = [filesystem.MountPoint] });
        Assert.Null(plan.Refusal);
        Assert.NotNull(JournalDirectory.Open(FakeHost.Root, out var why));
        Assert.True(Journal.Create(host.JournalFolder, "left", plan.Filesystems, ProcessIdentity.Current(), out var journal) == Errno.None, why);
        journal!.Set(0, JournalState.Held, Errno.None);
        journal.Dispose();
        foreach (var planned in plan.Filesystems) kernel!.Close(planned.Folder);
        if (!otherBoot) return;
        using var file = new FileStream(host.JournalFiles[0], FileMode.Open, FileAccess.Write);
        file.Position = 16; // the boot id, see Journal
        file.Write(Guid.NewGuid().ToByteArray());
    }
}
