using Quiesce.Agent.Tests.Running;
using Quiesce.RealFilesystems;
using Tmds.Linux;

namespace Quiesce.Agent.Tests;

/// <summary>Mounts that go away before and during a window.</summary>
public sealed class UnmountTests
{
    [Fact]
    public async Task The_folder_a_mount_left_behind_is_the_protected_root_and_no_freeze_is_called()
    {
        Programs.Require();
        Programs.RequireTool("strace", "strace");
        await using var filesystem = await RealFilesystem.CreateAsync(FilesystemKind.Ext4, TestContext.Current.CancellationToken);
        await filesystem.UnmountAsync(filesystem.MountPoint);
        var calls = Path.GetTempFileName();
        try
        {
            // An inspection only: should the refusal ever break, no test must freeze the root.
            await using var run = AgentRun.StartInShell($"exec strace -f -e trace=ioctl,openat2 -o {calls} \"$@\"", "inspect", filesystem.MountPoint);
            var end = await run.EndAsync();
            Assert.True(end.Code == 4, end.All);
            Assert.StartsWith($"REFUSED  ProtectedFilesystem: {filesystem.MountPoint}: lies on /, ", end.Lines[^1], StringComparison.Ordinal);
            var log = await File.ReadAllTextAsync(calls, TestContext.Current.CancellationToken);
            Assert.Contains(filesystem.MountPoint, log, StringComparison.Ordinal); // the log is the holder's too
            Assert.DoesNotContain("FIFREEZE", log, StringComparison.Ordinal);
            Assert.DoesNotContain("0xc0045877", log, StringComparison.OrdinalIgnoreCase);
        }
        finally
        {
            File.Delete(calls);
            await filesystem.MountAgainAsync();
        }
    }

    [Fact]
    public async Task The_folder_a_mount_left_behind_on_another_filesystem_selects_that_one()
    {
        Programs.Require();
        await using var parent = await RealFilesystem.CreateAsync(FilesystemKind.Xfs, TestContext.Current.CancellationToken);
        await using var child = await RealFilesystem.CreateAsync(FilesystemKind.Ext4, TestContext.Current.CancellationToken);
        var folder = $"{parent.MountPoint}/child";
        Directory.CreateDirectory(folder);
        _ = await Command.RunAsync("mount", "--bind", child.MountPoint, folder);
        using var guard = Guard.Start(TimeSpan.FromSeconds(20), parent.MountPoint, child.MountPoint);
        try
        {
            await using var run = AgentRun.Start("freeze", "--for", "8s", folder);
            await run.FrozenAsync();
            Assert.True(FreezeProbe.IsFrozen(child.MountPoint));
            Assert.False(FreezeProbe.IsFrozen(parent.MountPoint));
            run.Signal(LibC.SIGTERM);
            Assert.Equal(0, (await run.EndAsync()).Code);
        }
        finally
        {
            _ = await Command.RunAsync("umount", folder);
        }
        await using var again = AgentRun.Start("freeze", "--for", "8s", folder);
        await again.FrozenAsync();
        await again.LineAsync($"  {parent.MountPoint}  xfs"); // and it is called by its own name
        Assert.False(FreezeProbe.IsFrozen(child.MountPoint));
        again.Signal(LibC.SIGTERM);
        Assert.Equal(0, (await again.EndAsync()).Code);
    }

    [Fact]
    public async Task A_held_filesystem_cannot_be_unmounted()
    {
        Programs.Require();
        await using var filesystem = await RealFilesystem.CreateAsync(FilesystemKind.Ext4, TestContext.Current.CancellationToken);
        using var guard = filesystem.Guard();
        await using var run = AgentRun.Start("freeze", "--for", "8s", filesystem.MountPoint);
        await run.FrozenAsync();
        var (code, output) = await Command.TryAsync("umount", filesystem.MountPoint);
        Assert.NotEqual(0, code);
        Assert.Contains("busy", output, StringComparison.Ordinal);
        run.Signal(LibC.SIGTERM);
        var end = await run.EndAsync();
        Assert.True(end.Code == 0, end.All);
        await filesystem.UnmountAsync(filesystem.MountPoint); // and right afterwards it can
        await filesystem.MountAgainAsync();
    }

    [Theory]
    [InlineData(FilesystemKind.Ext4)]
    [InlineData(FilesystemKind.Xfs)]
    [InlineData(FilesystemKind.Btrfs)]
    public async Task A_held_filesystem_that_is_unmounted_lazily_is_thawed_all_the_same(FilesystemKind kind)
    {
        Programs.Require();
        await using var filesystem = await RealFilesystem.CreateAsync(kind, TestContext.Current.CancellationToken);
        using var guard = filesystem.Guard();
        await using var run = AgentRun.Start("freeze", "--for", "8s", filesystem.MountPoint);
        await run.FrozenAsync();
        _ = await Command.RunAsync("umount", "--lazy", filesystem.MountPoint);
        run.Signal(LibC.SIGTERM);
        var end = await run.EndAsync();
        Assert.True(end.Code == 0, end.All);
        _ = await Command.RunAsync("mount", filesystem.LoopDevice, filesystem.MountPoint);
        Assert.False(FreezeProbe.IsFrozen(filesystem.MountPoint));
    }
}
