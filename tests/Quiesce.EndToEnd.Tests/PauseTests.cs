using Quiesce.Crds;
using Quiesce.EndToEnd.Tests.Running;
using Quiesce.RealFilesystems;

namespace Quiesce.EndToEnd.Tests;

/// <summary>Nobody keeps a disk frozen by one request after the other.</summary>
public sealed class PauseTests(Installation installation)
{
    [Fact]
    public async Task A_filesystem_that_was_held_is_left_alone_for_the_pause_also_by_another_agent_process_and_another_one_is_not()
    {
        await installation.RequireAsync();
        await using var ext4 = await RealFilesystem.CreateAsync(FilesystemKind.Ext4);
        await using var xfs = await RealFilesystem.CreateAsync(FilesystemKind.Xfs);
        using var guard = Guard.Start(TimeSpan.FromSeconds(90), ext4.MountPoint, xfs.MountPoint);
        await using var node = await installation.NodeAsync(new ProgramStart { Arguments = ["--min-pause", "6s"] });
        var first = await Request.OfAsync(installation, 30, Request.HostPath(node.Name, ext4.MountPoint));
        await first.PhaseAsync(FreezePhase.Frozen);
        await first.ThawAsync();
        await first.EndsAsAsync(FreezePhase.Thawed, Reasons.ThawRequested);

        var second = await (await Request.OfAsync(installation, 30, Request.HostPath(node.Name, ext4.MountPoint), Request.HostPath(node.Name, xfs.MountPoint))).EndsAsAsync(FreezePhase.Failed, Reasons.TooSoon);
        Assert.Contains($"{ext4.MountPoint}: a hold of it ended a moment ago", second.Message, StringComparison.Ordinal);
        Assert.Contains("nothing was frozen, ask again in ", second.Message, StringComparison.Ordinal);
        var other = await Request.OfAsync(installation, 30, Request.HostPath(node.Name, xfs.MountPoint));
        await other.PhaseAsync(FreezePhase.Frozen);
        await other.ThawAsync();
        await other.EndsAsAsync(FreezePhase.Thawed, Reasons.ThawRequested);

        // One that waits has its turn when the pause is over.
        var waiting = await Request.CreateAsync(
            installation, new FreezeRequestSpec { DeadlineSeconds = 30, FreezeTimeoutSeconds = 30, ConflictPolicy = ConflictPolicy.Wait, Targets = [Request.HostPath(node.Name, ext4.MountPoint)] });
        await waiting.PhaseAsync(FreezePhase.Frozen);
        // The next agent finds that it was held.
        await node.KillAgentAsync();
        await node.StartAgentAsync();
        await waiting.EndAsync();
        await (await Request.OfAsync(installation, 30, Request.HostPath(node.Name, ext4.MountPoint))).EndsAsAsync(FreezePhase.Failed, Reasons.TooSoon);
    }
}
