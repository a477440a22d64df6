using Quiesce.RealFilesystems;

namespace Quiesce.Freezing.Tests.RealFilesystems;

/// <summary>What the other tests rely on: the probe tells the truth, the guard thaws, and nothing is left behind unnoticed.</summary>
public sealed class RealFilesystemTests
{
    public static TheoryData<FilesystemKind> Kinds => [.. Enum.GetValues<FilesystemKind>()];

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task The_probe_tells_frozen_from_not_frozen_and_changes_neither(FilesystemKind kind)
    {
        RealKernel.Require();
        await using var filesystem = await RealFilesystem.CreateAsync(kind, TestContext.Current.CancellationToken);
        using var guard = filesystem.Guard();
        Assert.False(FreezeProbe.IsFrozen(filesystem.MountPoint));
        Assert.True(FreezeProbe.Freeze(filesystem.MountPoint));
        Assert.True(FreezeProbe.IsFrozen(filesystem.MountPoint));
        Assert.True(FreezeProbe.IsFrozen(filesystem.MountPoint));
        Assert.True(FreezeProbe.Thaw(filesystem.MountPoint));
        Assert.False(FreezeProbe.IsFrozen(filesystem.MountPoint));
        Assert.False(FreezeProbe.Thaw(filesystem.MountPoint));
    }

    [Fact]
    public void The_probe_leaves_alone_what_no_test_made()
    {
        RealKernel.Require();
        Assert.Contains("left alone", Assert.Throws<InvalidOperationException>(() => FreezeProbe.IsFrozen("/dev/shm")).Message, StringComparison.Ordinal);
        Assert.Throws<InvalidOperationException>(() => FreezeProbe.Freeze("/"));
        Directory.CreateDirectory(RealFilesystem.Root);
        Assert.Throws<InvalidOperationException>(() => FreezeProbe.Freeze(RealFilesystem.Root));
    }

    [Fact]
    public async Task A_filesystem_left_frozen_is_thawed_taken_away_and_reported()
    {
        RealKernel.Require();
        var filesystem = await RealFilesystem.CreateAsync(FilesystemKind.Ext4, TestContext.Current.CancellationToken);
        using (filesystem.Guard()) Assert.True(FreezeProbe.Freeze(filesystem.MountPoint));
        var fault = await Assert.ThrowsAsync<InvalidOperationException>(() => filesystem.DisposeAsync().AsTask());
        Assert.Contains("was still frozen", fault.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Path.GetDirectoryName(filesystem.Image)));
    }

    [Fact]
    public async Task A_filesystem_unmounted_while_frozen_is_thawed_taken_away_and_reported()
    {
        RealKernel.Require();
        var filesystem = await RealFilesystem.CreateAsync(FilesystemKind.Xfs, TestContext.Current.CancellationToken);
        using (filesystem.Guard())
        {
            Assert.True(FreezeProbe.Freeze(filesystem.MountPoint));
            await filesystem.UnmountAsync(filesystem.MountPoint);
        }
        var fault = await Assert.ThrowsAsync<InvalidOperationException>(() => filesystem.DisposeAsync().AsTask());
        Assert.Contains("was still frozen", fault.Message, StringComparison.Ordinal);
        // By its image: the device itself may be another test's by now.
        Assert.DoesNotContain(filesystem.Image, await Command.RunAsync("losetup", "--list", "--noheadings", "--output", "BACK-FILE"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_guard_thaws_when_its_time_has_come_and_says_so()
    {
        RealKernel.Require();
        await using var lower = await RealFilesystem.CreateAsync(FilesystemKind.Ext4, TestContext.Current.CancellationToken);
        var upper = await lower.StackedAsync(FilesystemKind.Ext4, TestContext.Current.CancellationToken);
        using var far = lower.Guard();
        var guard = lower.Guard(TimeSpan.FromMilliseconds(300));
        Assert.True(FreezeProbe.Freeze(upper.MountPoint));
        Assert.True(FreezeProbe.Freeze(lower.MountPoint));
        await Poll.UntilAsync(() => !FreezeProbe.IsFrozen(lower.MountPoint) && !FreezeProbe.IsFrozen(upper.MountPoint));
        Assert.True(guard.Fired);
        Assert.Contains("guard", Assert.Throws<InvalidOperationException>(guard.Dispose).Message, StringComparison.Ordinal);
    }
}
