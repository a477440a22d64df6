using Quiesce.Chaos.Tests.Observing;
using Quiesce.Chaos.Tests.Running;
using Quiesce.RealFilesystems;

namespace Quiesce.Chaos.Tests;

/// <summary>What the standing writer says is so.</summary>
public sealed class ObserverTests
{
    [Theory]
    [InlineData(FilesystemKind.Ext4)]
    [InlineData(FilesystemKind.Xfs)]
    [InlineData(FilesystemKind.Btrfs)]
    public async Task A_writer_stands_still_from_the_freeze_to_the_thaw_and_says_when(FilesystemKind kind)
    {
        Programs.Require();
        await using var filesystem = await RealFilesystem.CreateAsync(kind);
        using var guard = filesystem.Guard();
        await using var writer = await StandingWriter.StartAsync(filesystem);
        var mark = writer.Mark;
        var (before, frozen) = (BootTime.Now, FreezeProbe.Freeze(filesystem.MountPoint));
        Assert.True(frozen);
        await Eventually.TrueAsync(() => writer.StandsSince is not null, () => "the writer stands still");
        var held = BootTime.Now;
        Assert.True(writer.StallsSince(mark)[^1] is var standing && standing.Begin >= before && standing.End >= held); // also while it lasts
        await Task.Delay(700);
        var thaw = BootTime.Now;
        Assert.True(FreezeProbe.Thaw(filesystem.MountPoint));
        await Eventually.TrueAsync(() => writer.StandsSince is null, () => "the writer goes on");

        var stall = Assert.Single(writer.StallsSince(mark), s => s.IsFreeze);
        Assert.InRange(stall.Begin, before, held);
        Assert.InRange(stall.End, thaw, BootTime.Now);
        Assert.Null(writer.Fault);
    }
}
