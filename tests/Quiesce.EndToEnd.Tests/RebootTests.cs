using Quiesce.Crds;
using Quiesce.EndToEnd.Tests.Running;
using Quiesce.RealFilesystems;

namespace Quiesce.EndToEnd.Tests;

/// <summary>
/// The node is rebooted while the API says that it is to be frozen. The reboot is played: agent and holder are killed, which thaws as a reboot does, and the next agent has another
/// boot id, a clock of the kernel that has just begun, and nothing on its tmpfs.
/// </summary>
public sealed class RebootTests(Installation installation)
{
    [Fact]
    public async Task A_node_rebooted_while_frozen_reports_that_and_is_not_frozen_again()
    {
        await installation.RequireAsync();
        await using var ext4 = await RealFilesystem.CreateAsync(FilesystemKind.Ext4);
        using var guard = ext4.Guard(TimeSpan.FromSeconds(90));
        await using var writer = await StandingWriter.StartAsync(ext4);
        await using var space = await NodeSpace.CreateAsync([ext4.MountPoint]);
        await using var rebooted = await NodeSpace.CreateAsync([ext4.MountPoint], Guid.NewGuid());
        await using var node = await installation.NodeAsync(new ProgramStart { Wrapper = space.Enter });
        var request = await Request.OfAsync(installation, 60, Request.HostPath(node.Name, ext4.MountPoint));
        await request.PhaseAsync(FreezePhase.Frozen);
        await writer.StandsStillAsync();
        await RebootAsync(node, rebooted);
        await request.EndsAsAsync(FreezePhase.Broken, Reasons.NodeRebooted);
        await writer.FrozenOnceAsync(longestSeconds: 10);
        await request.GoesAwayAsync();
    }

    [Fact]
    public async Task A_node_rebooted_while_prepared_reports_that_and_the_others_freeze_nothing()
    {
        await installation.RequireAsync();
        await using var ext4 = await RealFilesystem.CreateAsync(FilesystemKind.Ext4);
        await using var xfs = await RealFilesystem.CreateAsync(FilesystemKind.Xfs);
        using var guard = Guard.Start(TimeSpan.FromSeconds(90), ext4.MountPoint, xfs.MountPoint);
        await using var writer = await StandingWriter.StartAsync(ext4);
        await using var otherWriter = await StandingWriter.StartAsync(xfs);
        await using var space = await NodeSpace.CreateAsync([ext4.MountPoint]);
        await using var rebooted = await NodeSpace.CreateAsync([ext4.MountPoint], Guid.NewGuid());
        await using var node = await installation.NodeAsync(new ProgramStart { Wrapper = space.Enter });
        await using var other = await installation.NodeAsync(ownWay: true);
        other.Way.BlackHole();
        var request = await Request.CreateAsync(installation, new FreezeRequestSpec
        {
            DeadlineSeconds = 60,
            FreezeTimeoutSeconds = 40,
            Targets = [Request.HostPath(node.Name, ext4.MountPoint), Request.HostPath(other.Name, xfs.MountPoint)],
        });
        await request.NodeReachesAsync(node.Name, NodeFreezePhase.Prepared);
        await RebootAsync(node, rebooted);
        // Where the other node was called, and has no plan yet, there is nobody to wait for, and the plan goes with the end of the request.
        await Eventually.GetAsync(
            async () => (await request.NodeFreezeAsync(node.Name))?.Report is { Phase: NodeFreezePhase.Failed } || (await request.GetAsync())?.Status is { Phase: FreezePhase.Failed } ? "failed" : null,
            () => "the node's failure");
        other.Way.Pass();
        await request.EndsAsAsync(FreezePhase.Failed, Reasons.NodeRebooted);
        await writer.NeverFrozenAsync();
        await otherWriter.NeverFrozenAsync();
        await request.GoesAwayAsync();
    }

    // After a boot the clock can be anything, until a time server was heard.
    [Theory]
    [InlineData(0)]
    [InlineData(-5)]
    [InlineData(5)]
    public async Task A_single_node_rebooted_before_it_said_anything_of_its_plan_does_not_begin_it_whatever_its_clock_says(int hours)
    {
        await installation.RequireAsync();
        using var clock = new WallClock();
        await using var ext4 = await RealFilesystem.CreateAsync(FilesystemKind.Ext4);
        using var guard = ext4.Guard(TimeSpan.FromSeconds(90));
        await using var writer = await StandingWriter.StartAsync(ext4);
        await using var space = await NodeSpace.CreateAsync([ext4.MountPoint]);
        await using var rebooted = await NodeSpace.CreateAsync([ext4.MountPoint], Guid.NewGuid());
        await using var node = await installation.NodeAsync(new ProgramStart { Wrapper = space.Enter });
        await node.Agent.PauseAsync();
        var request = await Request.CreateAsync(installation, new FreezeRequestSpec { DeadlineSeconds = 60, FreezeTimeoutSeconds = 40, Targets = [Request.HostPath(node.Name, ext4.MountPoint)] });
        var plan = await Eventually.GetAsync(async () => await request.NodeFreezeAsync(node.Name), () => "a plan for the node");
        Assert.Null(plan.Status);
        // The API keeps times in whole seconds, and says them in whole seconds.
        await Eventually.TrueAsync(() => TimeProvider.System.GetUtcNow() - plan.Metadata.CreationTimestamp!.Value.ToUniversalTime() > TimeSpan.FromSeconds(4), "a boot's time passes");
        clock.Set(TimeSpan.FromHours(hours));
        node.Start = node.Start with { Environment = clock.Environment };
        await RebootAsync(node, rebooted);
        await request.EndsAsAsync(FreezePhase.Failed, Reasons.NodeRebooted);
        await writer.NeverFrozenAsync();
        await request.GoesAwayAsync();
    }

    private static async Task RebootAsync(Node node, NodeSpace rebooted)
    {
        await node.KillAgentAsync();
        // The rounding is in favour of a boot that has been over for a second.
        var since = FormattableString.Invariant($"-{(long)BootTime.Now.TotalSeconds - 1}");
        node.Start = node.Start with { Wrapper = [.. rebooted.Enter, "unshare", "--time", "--boottime", since] };
        await node.StartAgentAsync();
    }
}
