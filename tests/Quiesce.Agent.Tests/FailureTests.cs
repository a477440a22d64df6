using Quiesce.Agent.Tests.Running;
using Quiesce.RealFilesystems;
using Tmds.Linux;

namespace Quiesce.Agent.Tests;

/// <summary>What keeps a window from opening: exit status 4, a line that names the object, the reason and what to do, and nothing of ours frozen.</summary>
public sealed class FailureTests
{
    [Theory]
    [InlineData("missing", "PathNotFound", "does not exist on this node; check the path and the node")]
    [InlineData("file", "NotADirectory", "not a folder; give a folder of the filesystem to freeze")]
    [InlineData("file/below", "NotADirectory", "a part of the path is not a folder")]
    [InlineData("fifo", "NotADirectory", "not a folder")]
    [InlineData("dangling", "PathNotFound", "does not exist")]
    [InlineData("loop", "InvalidPath", "too many links")]
    public async Task A_path_that_is_no_folder_fails_the_whole_window(string name, string reason, string message)
    {
        Programs.Require();
        await using var filesystem = await RealFilesystem.CreateAsync(FilesystemKind.Ext4, TestContext.Current.CancellationToken);
        var path = $"{filesystem.MountPoint}/{name}";
        await File.WriteAllTextAsync($"{filesystem.MountPoint}/file", "", TestContext.Current.CancellationToken);
        _ = await Command.RunAsync("mkfifo", $"{filesystem.MountPoint}/fifo");
        File.CreateSymbolicLink($"{filesystem.MountPoint}/dangling", "nowhere");
        File.CreateSymbolicLink($"{filesystem.MountPoint}/loop", "loop");
        using var guard = filesystem.Guard();
        var end = await AgentRun.ToEndAsync("freeze", "--for", "8s", filesystem.MountPoint, path);
        Assert.True(end.Code == 4, end.All);
        Assert.StartsWith($"FAILED   {reason}: {path}: ", end.Lines[0], StringComparison.Ordinal);
        Assert.Contains(message, end.Lines[0], StringComparison.Ordinal);
        Assert.Contains(end.Lines, l => l.StartsWith($"  {path} ", StringComparison.Ordinal) && l.EndsWith($"failed   {reason}", StringComparison.Ordinal));
        Assert.False(FreezeProbe.IsFrozen(filesystem.MountPoint));

        var json = await AgentRun.ToEndAsync("freeze", "--json", "--for", "8s", filesystem.MountPoint, path);
        Assert.True(json.Code == 4, json.All);
        var report = AgentRun.Json(Assert.Single(json.Lines));
        Assert.Equal("Failed", report.GetProperty("phase").GetString());
        Assert.Equal(reason, report.GetProperty("reason").GetString());
        Assert.False(report.TryGetProperty("windowIntact", out _)); // there never was a window
    }

    [Fact]
    public async Task The_root_filesystem_is_protected()
    {
        Programs.Require();
        // First without any danger; only when that refuses is the freeze tried, short, and with a guard.
        foreach (var path in (string[])["/", "/etc", "/var/log"])
        {
            var inspected = await AgentRun.ToEndAsync("inspect", path);
            Assert.True(inspected.Code == 4, inspected.All);
            Assert.StartsWith($"REFUSED  ProtectedFilesystem: {path}: ", inspected.Lines[^1], StringComparison.Ordinal);
            using var guard = Guard.Start(TimeSpan.FromSeconds(5), "/");
            var end = await AgentRun.ToEndAsync("freeze", "--for", "100ms", path);
            Assert.True(end.Code == 4, end.All);
            Assert.StartsWith($"FAILED   ProtectedFilesystem: {path}: ", end.Lines[0], StringComparison.Ordinal);
            Assert.Contains("is protected: it carries /; choose another path, or have an administrator allow it", end.Lines[0], StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("freeze", "FAILED")]
    [InlineData("thaw", "FAILED")]
    [InlineData("inspect", "REFUSED")]
    public async Task An_ordinary_user_is_told_what_is_missing(string command, string word)
    {
        Programs.Require();
        await using var filesystem = await RealFilesystem.CreateAsync(FilesystemKind.Ext4, TestContext.Current.CancellationToken);
        using var guard = filesystem.Guard();
        var before = Programs.JournalFolders.Select(Directory.Exists).ToList();
        await using var run = AgentRun.StartAsNobody(command, filesystem.MountPoint);
        var end = await run.EndAsync();
        Assert.True(end.Code == 4, end.All);
        Assert.Contains(end.Lines, l => l.StartsWith(
            $"{word,-8} PermissionDenied: user 65534 may not freeze or thaw here: that needs CAP_SYS_ADMIN; run quiesce-agent as root", StringComparison.Ordinal));
        Assert.Equal(before, Programs.JournalFolders.Select(Directory.Exists)); // one of theirs would keep root from freezing
        Assert.False(FreezeProbe.IsFrozen(filesystem.MountPoint));
    }

    [Fact]
    public async Task A_foreign_freeze_fails_the_window_rolls_ours_back_and_leaves_theirs()
    {
        Programs.Require();
        await using var filesystems = await ThreeKinds.CreateAsync();
        using var guard = filesystems.Guard();
        foreach (var theirs in filesystems.All)
        {
            Assert.True(FreezeProbe.Freeze(theirs.MountPoint));
            var end = await AgentRun.ToEndAsync(["freeze", "--for", "8s", .. filesystems.MountPoints]);
            Assert.True(end.Code == 4, end.All);
            Assert.StartsWith($"FAILED   AlreadyFrozen: {theirs.MountPoint}: frozen already by someone else; ", end.Lines[0], StringComparison.Ordinal);
            Assert.Contains($"'quiesce-agent thaw {theirs.MountPoint}' ends it", end.Lines[0], StringComparison.Ordinal);
            foreach (var ours in filesystems.All.Where(f => f != theirs)) Assert.False(FreezeProbe.IsFrozen(ours.MountPoint));
            Assert.True(FreezeProbe.Thaw(theirs.MountPoint)); // once, and it was theirs
            Assert.False(FreezeProbe.Thaw(theirs.MountPoint));
        }
    }

    [Fact]
    public async Task A_second_window_on_the_same_filesystem_fails_and_leaves_the_first()
    {
        Programs.Require();
        await using var filesystem = await RealFilesystem.CreateAsync(FilesystemKind.Ext4, TestContext.Current.CancellationToken);
        await using var other = await RealFilesystem.CreateAsync(FilesystemKind.Xfs, TestContext.Current.CancellationToken);
        using var guard = Guard.Start(TimeSpan.FromSeconds(20), filesystem.MountPoint, other.MountPoint);
        await using var first = AgentRun.Start("freeze", "--for", "10s", filesystem.MountPoint);
        await first.FrozenAsync();
        var second = await AgentRun.ToEndAsync("freeze", "--for", "8s", other.MountPoint, filesystem.MountPoint);
        Assert.True(second.Code == 4, second.All);
        Assert.StartsWith($"FAILED   HeldByOtherRequest: {filesystem.MountPoint}: ", second.Lines[0], StringComparison.Ordinal);
        Assert.True(FreezeProbe.IsFrozen(filesystem.MountPoint));
        Assert.False(FreezeProbe.IsFrozen(other.MountPoint));
        first.Signal(LibC.SIGTERM);
        var end = await first.EndAsync();
        Assert.True(end.Code == 0, end.All);
    }

    [Fact]
    public async Task Two_windows_on_different_filesystems_know_nothing_of_each_other()
    {
        Programs.Require();
        await using var one = await RealFilesystem.CreateAsync(FilesystemKind.Ext4, TestContext.Current.CancellationToken);
        await using var two = await RealFilesystem.CreateAsync(FilesystemKind.Btrfs, TestContext.Current.CancellationToken);
        using var guard = Guard.Start(TimeSpan.FromSeconds(20), one.MountPoint, two.MountPoint);
        await using var first = AgentRun.Start("freeze", "--for", "10s", one.MountPoint);
        await using var second = AgentRun.Start("freeze", "--for", "10s", two.MountPoint);
        await first.FrozenAsync();
        await second.FrozenAsync();
        first.Signal(LibC.SIGTERM);
        var end = await first.EndAsync();
        Assert.True(end.Code == 0, end.All);
        Assert.False(FreezeProbe.IsFrozen(one.MountPoint));
        Assert.True(FreezeProbe.IsFrozen(two.MountPoint));
        second.Signal(LibC.SIGTERM);
        end = await second.EndAsync();
        Assert.True(end.Code == 0, end.All);
        Assert.False(FreezeProbe.IsFrozen(two.MountPoint));
    }
}
