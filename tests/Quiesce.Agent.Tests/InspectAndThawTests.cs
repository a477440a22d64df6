using Quiesce.Agent.Tests.Running;
using Quiesce.RealFilesystems;

namespace Quiesce.Agent.Tests;

/// <summary>The two commands that hold nothing: what would be frozen, and the thaw that asks nobody.</summary>
public sealed class InspectAndThawTests
{
    [Fact]
    public async Task Inspection_says_of_each_path_what_would_become_of_it_and_freezes_nothing()
    {
        Programs.Require();
        await using var filesystems = await ThreeKinds.CreateAsync();
        await using var tmpfs = await ExtraMount.TmpfsAsync("tmpfs");
        using var guard = filesystems.Guard();
        var end = await AgentRun.ToEndAsync(["inspect", .. filesystems.MountPoints, tmpfs.MountPoint]);
        Assert.True(end.Code == 0, end.All);
        foreach (var filesystem in filesystems.All)
            Assert.Single(end.Lines, l => l.StartsWith($"  {filesystem.MountPoint} ", StringComparison.Ordinal) && l.EndsWith("would be frozen", StringComparison.Ordinal));
        Assert.Contains($"    {tmpfs.MountPoint}: tmpfs cannot freeze; it was left out", end.Lines);
        Assert.All(filesystems.MountPoints, path => Assert.False(FreezeProbe.IsFrozen(path)));

        var refused = await AgentRun.ToEndAsync(["inspect", "--fail-unsupported", .. filesystems.MountPoints, tmpfs.MountPoint]);
        Assert.True(refused.Code == 4, refused.All);
        Assert.StartsWith($"REFUSED  FreezeNotSupported: {tmpfs.MountPoint}: ", refused.Lines[^1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Inspection_of_everything_lists_the_protected_ones_without_refusing()
    {
        Programs.Require();
        await using var filesystem = await RealFilesystem.CreateAsync(FilesystemKind.Ext4, TestContext.Current.CancellationToken);
        var end = await AgentRun.ToEndAsync("inspect", "--all", "--json");
        Assert.True(end.Code == 0, end.All);
        var report = AgentRun.Json(Assert.Single(end.Lines));
        Assert.Equal("Inspected", report.GetProperty("phase").GetString());
        var all = report.GetProperty("filesystems").EnumerateArray().ToList();
        var root = all.Single(f => f.GetProperty("path").GetString() == "/");
        Assert.Equal("ProtectedFilesystem", root.GetProperty("reason").GetString());
        Assert.Equal("Refused", root.GetProperty("state").GetString());
        Assert.Equal("Resolved", all.Single(f => f.GetProperty("path").GetString() == filesystem.MountPoint).GetProperty("state").GetString());
        Assert.DoesNotContain(all, f => f.GetProperty("type").GetString() is "proc" or "sysfs" or "tmpfs");
    }

    [Fact]
    public async Task What_backs_a_protected_filesystem_is_protected_too_and_can_be_allowed()
    {
        Programs.Require();
        await using var filesystem = await RealFilesystem.CreateAsync(FilesystemKind.Ext4, TestContext.Current.CancellationToken);
        await using var host = await FakeHost.CreateAsync();
        await using var devices = await ExtraMount.CreateAsync("dev", "--bind", "/dev"); // where a loop device is asked for its file
        // The fake host's /var/log lies on an upper filesystem, whose image lies on this one.
        var upper = await filesystem.StackedAsync(FilesystemKind.Ext4, TestContext.Current.CancellationToken);
        await using var var = await ExtraMount.TmpfsAsync("var", "size=64k");
        await using var log = await ExtraMount.CreateAsync("var/log", "--bind", upper.MountPoint);
        var lower = FakeHost.HostPath(filesystem.MountPoint);
        var end = await AgentRun.ToEndAsync("inspect", "--host-root", FakeHost.Root, lower);
        Assert.True(end.Code == 4, end.All);
        Assert.Contains("is protected: it backs a filesystem that is protected because it carries /var/log", end.Text, StringComparison.Ordinal);
        var allowed = await AgentRun.ToEndAsync("inspect", "--host-root", FakeHost.Root, "--allow-protected", lower, lower);
        Assert.True(allowed.Code == 0, allowed.All);
        var above = await AgentRun.ToEndAsync("inspect", "--host-root", FakeHost.Root, "--allow-protected", lower, lower, "/var/log");
        Assert.True(above.Code == 4, above.All); // one was allowed, not the other
        var relative = await AgentRun.ToEndAsync("inspect", "--host-root", FakeHost.Root, "--allow-protected", ".", lower);
        Assert.True(relative.Code == 2, relative.All);
        Assert.Contains("--allow-protected: .: with --host-root paths are those of the host", relative.All, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Thaw_ends_what_anybody_froze_and_counts_each_filesystem_once()
    {
        Programs.Require();
        await using var filesystems = await ThreeKinds.CreateAsync();
        await using var host = await FakeHost.CreateAsync();
        var bind = await filesystems.All[0].BindAsync();
        using var guard = filesystems.Guard();
        Assert.True(FreezeProbe.Freeze(filesystems.All[0].MountPoint));
        Assert.True(FreezeProbe.Freeze(filesystems.All[2].MountPoint));

        var named = await AgentRun.ToEndAsync(["thaw", bind, .. filesystems.MountPoints]);
        Assert.True(named.Code == 0, named.All);
        Assert.Equal("THAWED   2 filesystems", named.Lines[0]);
        Assert.Single(named.Lines, l => l.EndsWith("was not frozen", StringComparison.Ordinal));
        Assert.All(filesystems.MountPoints, path => Assert.False(FreezeProbe.IsFrozen(path)));

        Assert.True(FreezeProbe.Freeze(filesystems.All[1].MountPoint));
        var all = await AgentRun.ToEndAsync("thaw", "--all", "--host-root", FakeHost.Root);
        Assert.True(all.Code == 0, all.All);
        Assert.Equal("THAWED   1 filesystem", all.Lines[0]);
        Assert.StartsWith($"  {FakeHost.HostPath(filesystems.All[1].MountPoint)} ", all.Lines[1], StringComparison.Ordinal);
        Assert.Equal(2, all.Lines.Count);

        var again = await AgentRun.ToEndAsync("thaw", "--json", "--all", "--host-root", FakeHost.Root);
        Assert.True(again.Code == 0, again.All);
        Assert.Equal(0, AgentRun.Json(again.Lines[0]).GetProperty("thawedFilesystems").GetInt32());
    }

    [Fact]
    public async Task Thaw_ends_an_open_window_which_says_that_it_was_broken()
    {
        Programs.Require();
        await using var filesystem = await RealFilesystem.CreateAsync(FilesystemKind.Ext4, TestContext.Current.CancellationToken);
        using var guard = filesystem.Guard();
        await using var run = AgentRun.Start("freeze", "--for", "2s", filesystem.MountPoint);
        await run.FrozenAsync();
        var thawed = await AgentRun.ToEndAsync("thaw", filesystem.MountPoint);
        Assert.True(thawed.Code == 0, thawed.All);
        Assert.Equal("THAWED   1 filesystem", thawed.Lines[0]);
        var end = await run.EndAsync();
        Assert.True(end.Code == 5, end.All);
        Assert.Contains(end.Lines, l => l.StartsWith("BROKEN   ThawedByOther: ", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Stacked_filesystems_that_others_froze_are_thawed_at_once()
    {
        Programs.Require();
        await using var lower = await RealFilesystem.CreateAsync(FilesystemKind.Ext4, TestContext.Current.CancellationToken);
        var upper = await lower.StackedAsync(FilesystemKind.Ext4, TestContext.Current.CancellationToken);
        using var guard = lower.Guard();
        Assert.True(FreezeProbe.Freeze(upper.MountPoint));
        Assert.True(FreezeProbe.Freeze(lower.MountPoint));
        await using var run = AgentRun.Start("thaw", upper.MountPoint, lower.MountPoint);
        var end = await run.EndAsync(TimeSpan.FromSeconds(5));
        Assert.True(end.Code == 0, end.All);
        Assert.Equal("THAWED   2 filesystems", end.Lines[0]);
        Assert.False(FreezeProbe.IsFrozen(upper.MountPoint));
        Assert.False(FreezeProbe.IsFrozen(lower.MountPoint));
    }

    [Fact]
    public async Task A_path_that_is_missing_does_not_keep_the_others_frozen()
    {
        Programs.Require();
        await using var filesystem = await RealFilesystem.CreateAsync(FilesystemKind.Ext4, TestContext.Current.CancellationToken);
        using var guard = filesystem.Guard();
        Assert.True(FreezeProbe.Freeze(filesystem.MountPoint));
        var end = await AgentRun.ToEndAsync("thaw", "/nowhere/at/all", filesystem.MountPoint);
        Assert.True(end.Code == 4, end.All);
        Assert.Equal("THAWED   1 filesystem", end.Lines[0]);
        Assert.Equal("FAILED   PathNotFound: /nowhere/at/all: does not exist on this node; check the path and the node", end.Lines[^1]);
        Assert.False(FreezeProbe.IsFrozen(filesystem.MountPoint));
    }

    [Theory]
    [InlineData("inspect")]
    [InlineData("freeze --for 1s")]
    [InlineData("thaw")]
    public async Task A_mount_table_of_thousands_of_lines_fits_into_the_holder(string command)
    {
        Programs.Require();
        Programs.RequireTool("unshare", "util-linux");
        await using var filesystem = await RealFilesystem.CreateAsync(FilesystemKind.Btrfs, TestContext.Current.CancellationToken);
        using var guard = filesystem.Guard();
        // In a mount namespace of its own, each step mounts all there is once more: more than 8,000 mounts in the end.
        const string Script = """
            exec unshare --mount sh -c '
              mount -t tmpfs tmpfs /mnt
              for i in $(seq 13); do mkdir /mnt/one-of-very-many-mounts-$i; done
              for i in $(seq 13); do mount --rbind /mnt /mnt/one-of-very-many-mounts-$i; done
              exec "$@"' sh "$@"
            """;
        await using var run = AgentRun.StartInShell(Script, [.. command.Split(' '), filesystem.MountPoint]);
        var end = await run.EndAsync();
        Assert.True(end.Code == (command[0] == 'f' ? 3 : 0), end.All);
        Assert.Contains(end.Lines, l => l.StartsWith($"  {filesystem.MountPoint}  btrfs", StringComparison.Ordinal));
        Assert.False(FreezeProbe.IsFrozen(filesystem.MountPoint));
    }
}
