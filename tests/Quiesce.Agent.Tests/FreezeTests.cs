using Quiesce.Agent.Tests.Running;
using Quiesce.RealFilesystems;
using Tmds.Linux;

namespace Quiesce.Agent.Tests;

/// <summary>A window as its user sees it: what is frozen, what is printed, how it ends.</summary>
public sealed partial class FreezeTests
{
    public static TheoryData<FilesystemKind> Kinds => [.. Enum.GetValues<FilesystemKind>()];

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task A_writer_stands_still_in_the_window_and_goes_on_after_it(FilesystemKind kind)
    {
        Programs.Require();
        await using var filesystem = await RealFilesystem.CreateAsync(kind, TestContext.Current.CancellationToken);
        using var guard = filesystem.Guard();
        await using var writer = await Writer.StartAsync(filesystem.MountPoint);
        await using var run = AgentRun.Start("freeze", "--for", "5s", filesystem.MountPoint);
        await run.FrozenAsync();
        await Poll.UntilAsync(() => writer.StandsStill, "the writer stands still");
        var written = writer.Count;
        Assert.True(FreezeProbe.IsFrozen(filesystem.MountPoint));
        Assert.True(writer.StandsStill);
        run.Signal(LibC.SIGTERM);
        var end = await run.EndAsync();
        Assert.True(end.Code == 0, end.All);
        await writer.GoesOnAsync();
        Assert.InRange(written, 1, writer.Count - 1);
    }

    [Fact]
    public async Task Input_that_has_ended_before_the_start_ends_the_window_at_once()
    {
        Programs.Require();
        await using var filesystem = await RealFilesystem.CreateAsync(FilesystemKind.Ext4, TestContext.Current.CancellationToken);
        using var guard = filesystem.Guard();
        for (var i = 0; i < 5; i++)
        {
            await using var run = AgentRun.StartRedirected("</dev/null", "freeze", "--for", "8s", "--until-stdin-closes", filesystem.MountPoint);
            // Whether that is before or after everything was frozen is a race; that the deadline is not waited for is not.
            var end = await run.EndAsync(TimeSpan.FromSeconds(4));
            Assert.True(end.Code is 0 or 4, end.All);
            if (end.Code == 4) Assert.StartsWith("FAILED   ThawedBeforeFrozen", end.Lines[0], StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_signal_at_any_moment_after_the_start_ends_the_window_or_the_agent()
    {
        Programs.Require();
        await using var filesystem = await RealFilesystem.CreateAsync(FilesystemKind.Ext4, TestContext.Current.CancellationToken);
        using var guard = filesystem.Guard();
        for (var milliseconds = 0; milliseconds <= 60; milliseconds += 5)
        {
            await using var run = AgentRun.Start("freeze", "--for", "8s", filesystem.MountPoint);
            await Task.Delay(milliseconds, TestContext.Current.CancellationToken);
            run.Signal(LibC.SIGTERM);
            var end = await run.EndAsync(TimeSpan.FromSeconds(4));
            // 143: before it had come to taking signals; nothing was frozen then.
            Assert.True(end.Code is 0 or 4 or 143, end.All);
            await Poll.UntilAsync(() => !FreezeProbe.IsFrozen(filesystem.MountPoint), "thawed", TimeSpan.FromSeconds(1));
        }
    }
}
