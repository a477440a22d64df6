using Quiesce.Agent.Tests.Running;
using Quiesce.RealFilesystems;
using Tmds.Linux;

namespace Quiesce.Agent.Tests;

/// <summary>Which filesystem a path selects, and that each is frozen once, however many ways lead to it.</summary>
public sealed class MountTests
{
    [Fact]
    public async Task Bind_mounts_of_one_filesystem_are_frozen_once()
    {
        Programs.Require();
        await using var filesystem = await RealFilesystem.CreateAsync(FilesystemKind.Xfs, TestContext.Current.CancellationToken);
        var whole = await filesystem.BindAsync();
        var part = await filesystem.BindAsync("part");
        using var guard = filesystem.Guard();
        await using var run = AgentRun.Start("freeze", "--for", "8s", part, filesystem.MountPoint, whole);
        Assert.Equal("FROZEN   1 filesystem, for at most 8s", await run.FrozenAsync());
        Assert.All(filesystem.Mounts, path => Assert.True(FreezeProbe.IsFrozen(path)));
        await ThawedAsync(run, filesystem);
    }

    [Fact]
    public async Task Subvolumes_of_one_btrfs_are_frozen_once()
    {
        Programs.Require();
        await using var filesystem = await RealFilesystem.CreateAsync(FilesystemKind.Btrfs, TestContext.Current.CancellationToken);
        var one = await filesystem.SubvolumeAsync("one");
        var two = await filesystem.SubvolumeAsync("two");
        using var guard = filesystem.Guard();
        await using var run = AgentRun.Start("freeze", "--for", "8s", one, two, $"{filesystem.MountPoint}/one");
        Assert.Equal("FROZEN   1 filesystem, for at most 8s", await run.FrozenAsync());
        Assert.All(filesystem.Mounts, path => Assert.True(FreezeProbe.IsFrozen(path)));
        await ThawedAsync(run, filesystem);
    }

    [Theory]
    [InlineData("a/b/c")]
    [InlineData("a//b/./c/")]
    [InlineData("link")]
    [InlineData("absolute-link/b")]
    public async Task A_path_inside_a_mount_selects_that_mount(string path)
    {
        Programs.Require();
        await using var filesystem = await RealFilesystem.CreateAsync(FilesystemKind.Ext4, TestContext.Current.CancellationToken);
        Directory.CreateDirectory($"{filesystem.MountPoint}/a/b/c");
        File.CreateSymbolicLink($"{filesystem.MountPoint}/link", "a/b/../b/c");
        File.CreateSymbolicLink($"{filesystem.MountPoint}/absolute-link", $"{filesystem.MountPoint}/a");
        using var guard = filesystem.Guard();
        await using var run = AgentRun.Start("freeze", "--for", "8s", $"{filesystem.MountPoint}/{path}");
        await run.FrozenAsync();
        await run.LineAsync($"  {filesystem.MountPoint}  ext4"); // shown as the mount it is
        Assert.True(FreezeProbe.IsFrozen(filesystem.MountPoint));
        await ThawedAsync(run, filesystem);
    }

    [Theory]
    [InlineData(FilesystemKind.Ext4)]
    [InlineData(FilesystemKind.Xfs)]
    [InlineData(FilesystemKind.Btrfs)]
    public async Task A_read_only_mount_freezes_and_is_thawed(FilesystemKind kind)
    {
        Programs.Require();
        await using var filesystem = await RealFilesystem.CreateAsync(kind, TestContext.Current.CancellationToken);
        await filesystem.RemountAsync(readOnly: true);
        using var guard = filesystem.Guard();
        await using var run = AgentRun.Start("freeze", "--for", "8s", filesystem.MountPoint);
        Assert.Equal("FROZEN   1 filesystem, for at most 8s", await run.FrozenAsync());
        Assert.True(FreezeProbe.IsFrozen(filesystem.MountPoint));
        await ThawedAsync(run, filesystem);
    }

    [Fact]
    public async Task Tmpfs_and_overlay_are_left_out_and_the_others_are_frozen()
    {
        Programs.Require();
        await using var filesystem = await RealFilesystem.CreateAsync(FilesystemKind.Ext4, TestContext.Current.CancellationToken);
        await using var tmpfs = await ExtraMount.TmpfsAsync("tmpfs");
        await using var overlay = await OverlayAsync(filesystem);
        using var guard = filesystem.Guard();
        await using var run = AgentRun.Start("freeze", "--for", "8s", tmpfs.MountPoint, filesystem.MountPoint, overlay.MountPoint);
        Assert.Equal("FROZEN   1 filesystem, for at most 8s", await run.FrozenAsync());
        foreach (var (mount, type) in ((ExtraMount, string)[])[(tmpfs, "tmpfs"), (overlay, "overlay")])
        {
            Assert.EndsWith("skipped  FreezeNotSupported", await run.LineAsync($"  {mount.MountPoint} "), StringComparison.Ordinal);
            await run.LineAsync($"    {mount.MountPoint}: {type} cannot freeze; it was left out");
        }
        Assert.True(FreezeProbe.IsFrozen(filesystem.MountPoint));
        await ThawedAsync(run, filesystem);
    }

    [Fact]
    public async Task What_cannot_freeze_fails_the_window_where_that_is_asked_for()
    {
        Programs.Require();
        await using var filesystem = await RealFilesystem.CreateAsync(FilesystemKind.Ext4, TestContext.Current.CancellationToken);
        await using var overlay = await OverlayAsync(filesystem);
        using var guard = filesystem.Guard();
        var end = await AgentRun.ToEndAsync("freeze", "--fail-unsupported", "--for", "8s", filesystem.MountPoint, overlay.MountPoint);
        Assert.True(end.Code == 4, end.All);
        Assert.StartsWith($"FAILED   FreezeNotSupported: {overlay.MountPoint}: overlay cannot freeze", end.Lines[0], StringComparison.Ordinal);
        Assert.False(FreezeProbe.IsFrozen(filesystem.MountPoint));
    }

    [Fact]
    public async Task With_nothing_that_can_freeze_there_is_no_window()
    {
        Programs.Require();
        await using var tmpfs = await ExtraMount.TmpfsAsync("tmpfs");
        var end = await AgentRun.ToEndAsync("freeze", "--for", "8s", tmpfs.MountPoint);
        Assert.True(end.Code == 4, end.All);
        Assert.StartsWith($"FAILED   NothingToFreeze: nothing can be frozen: {tmpfs.MountPoint}: tmpfs cannot freeze", end.Lines[0], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(FilesystemKind.Ext4, FilesystemKind.Ext4, true)]
    [InlineData(FilesystemKind.Ext4, FilesystemKind.Ext4, false)]
    [InlineData(FilesystemKind.Xfs, FilesystemKind.Ext4, true)]
    [InlineData(FilesystemKind.Xfs, FilesystemKind.Btrfs, false)]
    public async Task A_filesystem_and_the_one_below_it_freeze_in_either_order_and_thaw_at_once(FilesystemKind below, FilesystemKind above, bool lowerFirst)
    {
        Programs.Require();
        await using var lower = await RealFilesystem.CreateAsync(below, TestContext.Current.CancellationToken);
        var upper = await lower.StackedAsync(above, TestContext.Current.CancellationToken);
        using var guard = lower.Guard();
        await using var writer = await Writer.StartAsync(upper.MountPoint);
        await using var run = AgentRun.Start(["freeze", "--for", "8s", .. lowerFirst ? (string[])[lower.MountPoint, upper.MountPoint] : [upper.MountPoint, lower.MountPoint]]);
        Assert.Equal("FROZEN   2 filesystems, for at most 8s", await run.FrozenAsync());
        Assert.True(FreezeProbe.IsFrozen(lower.MountPoint));
        Assert.True(FreezeProbe.IsFrozen(upper.MountPoint));
        run.Signal(LibC.SIGTERM);
        var end = await run.EndAsync(TimeSpan.FromSeconds(3));
        Assert.True(end.Code == 0, end.All);
        await writer.GoesOnAsync();
        Assert.False(FreezeProbe.IsFrozen(upper.MountPoint));
        Assert.False(FreezeProbe.IsFrozen(lower.MountPoint));
    }

    [Fact]
    public async Task A_filesystem_freezes_without_the_busy_one_that_lies_on_it()
    {
        Programs.Require();
        await using var lower = await RealFilesystem.CreateAsync(FilesystemKind.Ext4, TestContext.Current.CancellationToken);
        var upper = await lower.StackedAsync(FilesystemKind.Ext4, TestContext.Current.CancellationToken);
        using var guard = lower.Guard();
        await using var writer = await Writer.StartAsync(upper.MountPoint);
        await using var run = AgentRun.Start("freeze", "--for", "8s", lower.MountPoint);
        Assert.Equal("FROZEN   1 filesystem, for at most 8s", await run.FrozenAsync());
        run.Signal(LibC.SIGTERM);
        var end = await run.EndAsync(TimeSpan.FromSeconds(3));
        Assert.True(end.Code == 0, end.All);
        await writer.GoesOnAsync();
        Assert.False(FreezeProbe.IsFrozen(lower.MountPoint));
        Assert.False(FreezeProbe.IsFrozen(upper.MountPoint));
    }

    private static Task<ExtraMount> OverlayAsync(RealFilesystem filesystem)
    {
        foreach (var folder in (string[])["lower", "upper", "work"]) Directory.CreateDirectory($"{filesystem.MountPoint}/{folder}");
        var options = $"lowerdir={filesystem.MountPoint}/lower,upperdir={filesystem.MountPoint}/upper,workdir={filesystem.MountPoint}/work";
        return ExtraMount.CreateAsync("overlay", "-t", "overlay", "-o", options, "overlay");
    }

    private static async Task ThawedAsync(AgentRun run, RealFilesystem filesystem)
    {
        run.Signal(LibC.SIGTERM);
        var end = await run.EndAsync(TimeSpan.FromSeconds(4));
        Assert.True(end.Code == 0, end.All);
        Assert.Contains(end.Lines, l => l.StartsWith("THAWED   1 filesystem;", StringComparison.Ordinal));
        Assert.False(FreezeProbe.IsFrozen(filesystem.MountPoint));
    }
}
