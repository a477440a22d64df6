using Quiesce.Agent.Tests.Running;
using Quiesce.RealFilesystems;
using Tmds.Linux;

namespace Quiesce.Agent.Tests;

/// <summary>A window that somebody else broke: exit status 5, whatever ended it, and a line that says not to trust the copy.</summary>
public sealed class BrokenWindowTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_foreign_thaw_breaks_the_window_whether_it_is_ended_or_expires(bool byDeadline)
    {
        Programs.Require();
        await using var filesystems = await ThreeKinds.CreateAsync();
        using var guard = filesystems.Guard();
        var lost = filesystems.All[1];
        await using var run = AgentRun.Start(["freeze", "--json", "--for", byDeadline ? "1500ms" : "8s", .. filesystems.MountPoints]);
        await run.LineAsync("{\"phase\":\"Frozen\"");
        Assert.True(FreezeProbe.Thaw(lost.MountPoint));
        if (!byDeadline) run.Signal(LibC.SIGTERM);
        var end = await run.EndAsync();
        Assert.True(end.Code == 5, end.All);
        var report = AgentRun.Json(end.Lines[^1]);
        Assert.Equal("Broken", report.GetProperty("phase").GetString());
        Assert.Equal("ThawedByOther", report.GetProperty("reason").GetString());
        Assert.False(report.GetProperty("windowIntact").GetBoolean());
        Assert.Equal(3, report.GetProperty("frozenFilesystems").GetInt32());
        Assert.Equal(2, report.GetProperty("thawedFilesystems").GetInt32());
        Assert.StartsWith($"{lost.MountPoint}: was not frozen any more", report.GetProperty("message").GetString(), StringComparison.Ordinal);
        Assert.All(filesystems.MountPoints, path => Assert.False(FreezeProbe.IsFrozen(path)));
    }

    [Theory]
    [InlineData(FilesystemKind.Ext4)]
    [InlineData(FilesystemKind.Xfs)]
    [InlineData(FilesystemKind.Btrfs)]
    public async Task A_write_past_the_filesystem_to_its_device_breaks_the_window(FilesystemKind kind)
    {
        Programs.Require();
        await using var filesystem = await RealFilesystem.CreateAsync(kind, TestContext.Current.CancellationToken);
        using var guard = filesystem.Guard();
        await using var run = AgentRun.Start("freeze", "--for", "8s", filesystem.MountPoint);
        await run.FrozenAsync();
        // The same bytes to the same place; the first 4 KiB of the device.
        _ = await Command.RunAsync("dd", $"if={filesystem.LoopDevice}", $"of={filesystem.LoopDevice}", "bs=4096", "count=1", "conv=notrunc", "oflag=direct");
        run.Signal(LibC.SIGTERM);
        var end = await run.EndAsync();
        Assert.True(end.Code == 5, end.All);
        Assert.Contains(end.Lines, l => l.StartsWith($"BROKEN   DeviceWritten: {filesystem.MountPoint}: its device ", StringComparison.Ordinal)
            && l.EndsWith("was written to while it was frozen; do not trust what was copied in this window", StringComparison.Ordinal));
        Assert.False(FreezeProbe.IsFrozen(filesystem.MountPoint));
    }

    [Fact]
    public async Task A_foreign_thaw_that_was_frozen_over_again_is_given_away_by_what_was_written_meanwhile()
    {
        Programs.Require();
        await using var filesystem = await RealFilesystem.CreateAsync(FilesystemKind.Xfs, TestContext.Current.CancellationToken);
        using var guard = filesystem.Guard();
        await using var run = AgentRun.Start("freeze", "--for", "8s", filesystem.MountPoint);
        await run.FrozenAsync();
        Assert.True(FreezeProbe.Thaw(filesystem.MountPoint));
        _ = await Command.RunAsync("dd", "if=/dev/zero", $"of={filesystem.MountPoint}/meanwhile", "bs=4k", "count=1", "conv=fsync");
        Assert.True(FreezeProbe.Freeze(filesystem.MountPoint));
        run.Signal(LibC.SIGTERM);
        var end = await run.EndAsync();
        Assert.True(end.Code == 5, end.All); // every release succeeded, and yet
        Assert.Contains(end.Lines, l => l.StartsWith("BROKEN   DeviceWritten: ", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Reads_of_a_frozen_filesystem_and_writes_beside_it_break_nothing()
    {
        Programs.Require();
        await using var lower = await RealFilesystem.CreateAsync(FilesystemKind.Ext4, TestContext.Current.CancellationToken);
        var upper = await lower.StackedAsync(FilesystemKind.Ext4, TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync($"{upper.MountPoint}/file", "content", TestContext.Current.CancellationToken);
        using var guard = lower.Guard();
        await using var run = AgentRun.Start("freeze", "--for", "8s", upper.MountPoint);
        await run.FrozenAsync();
        Assert.Equal("content", await Command.RunAsync("cat", $"{upper.MountPoint}/file"));
        _ = await Command.RunAsync("dd", $"if={upper.LoopDevice}", "of=/dev/null", "bs=1M", "count=8", "iflag=direct");
        _ = await Command.RunAsync("dd", "if=/dev/zero", $"of={lower.MountPoint}/beside", "bs=1M", "count=2", "conv=fsync");
        run.Signal(LibC.SIGTERM);
        var end = await run.EndAsync();
        Assert.True(end.Code == 0, end.All);
    }
}
