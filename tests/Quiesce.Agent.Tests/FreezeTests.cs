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
}
