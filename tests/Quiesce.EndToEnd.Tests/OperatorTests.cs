using Quiesce.Crds;
using Quiesce.EndToEnd.Tests.Running;
using Quiesce.RealFilesystems;
using Tmds.Linux;

namespace Quiesce.EndToEnd.Tests;

/// <summary>The operator dies, hears nothing, says nothing, or goes by a clock that is wrong: the nodes do not need it to thaw.</summary>
public sealed class OperatorTests(SpareInstallations spares) : OwnInstallation(spares)
{
    [Fact]
    public async Task The_operator_dies_in_the_window_and_its_successor_ends_it_intact()
    {
        await Installation.RequireAsync();
        await using var ext4 = await RealFilesystem.CreateAsync(FilesystemKind.Ext4);
        await using var xfs = await RealFilesystem.CreateAsync(FilesystemKind.Xfs);
        using var guard = Guard.Start(TimeSpan.FromSeconds(50), ext4.MountPoint, xfs.MountPoint);
        var (one, two) = (await Installation.AddNodeAsync(), await Installation.AddNodeAsync());
        var request = await Request.OfAsync(Installation, 40, Request.HostPath(one, ext4.MountPoint), Request.HostPath(two, xfs.MountPoint));
        await request.PhaseAsync(FreezePhase.Frozen);
        await Installation.KillOperatorAsync();
        await request.ThawAsync();
        Assert.True(FreezeProbe.IsFrozen(ext4.MountPoint));
        await Installation.StartOperatorAsync();
        var thawed = await request.PhaseAsync(FreezePhase.Thawed);
        Assert.Equal(ConditionStatus.True, Request.Condition(thawed, ConditionTypes.WindowIntact).Status);
        Assert.False(FreezeProbe.IsFrozen(ext4.MountPoint) || FreezeProbe.IsFrozen(xfs.MountPoint));
    }

    [Fact]
    public async Task The_operator_is_gone_for_good_and_the_nodes_thaw_at_the_deadline()
    {
        await Installation.RequireAsync();
        await using var ext4 = await RealFilesystem.CreateAsync(FilesystemKind.Ext4);
        using var guard = ext4.Guard(TimeSpan.FromSeconds(40));
        await using var writer = await StandingWriter.StartAsync(ext4);
        var node = await Installation.AddNodeAsync();
        var request = await Request.OfAsync(Installation, 3, Request.HostPath(node, ext4.MountPoint));
        await request.PhaseAsync(FreezePhase.Frozen);
        await Installation.KillOperatorAsync();
        await writer.GoesOnAsync();
        await writer.FrozenOnceAsync(longestSeconds: 3 + 1);
        await Installation.StartOperatorAsync();
        Assert.Equal(Reasons.DeadlineExceeded, (await request.PhaseAsync(FreezePhase.Expired)).Reason);
    }

    [Fact]
    public async Task A_run_whose_window_nobody_ends_can_be_told_to_end_itself()
    {
        await Installation.RequireAsync();
        await using var ext4 = await RealFilesystem.CreateAsync(FilesystemKind.Ext4);
        using var guard = ext4.Guard(TimeSpan.FromSeconds(60));
        var node = await Installation.AddNodeAsync();
        var end = Installation.NewFile("end");
        await using var run = new ProgramRun(
            new ProgramStart(),
            [Installation.CliProgram, "run", "--kubeconfig", Installation.Kubeconfig, "-n", "default", "--host-path", ext4.MountPoint, "--node", node, "--deadline", "8s", "--", "/bin/sh", "-c", "until [ -e \"$0\" ]; do sleep 0.05; done", end]);
        await run.SaysAsync("frozen, until");
        await Installation.KillOperatorAsync();
        await File.WriteAllTextAsync(end, "");
        await Eventually.TrueAsync(() => !FreezeProbe.IsFrozen(ext4.MountPoint), "thawed at the deadline");
        await Task.Delay(TimeSpan.FromSeconds(1));
        Assert.False(run.HasExited, run.Said);
        run.Signal(LibC.SIGTERM);
        Assert.Equal(130, await run.EndAsync());
        Assert.Contains("was told to end and has not yet, so nothing can be said about the window", run.Said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_operator_dies_when_one_node_has_frozen_and_the_other_has_not_and_the_one_thaws_by_itself()
    {
        await Installation.RequireAsync();
        await using var ext4 = await RealFilesystem.CreateAsync(FilesystemKind.Ext4);
        await using var xfs = await RealFilesystem.CreateAsync(FilesystemKind.Xfs);
        using var guard = Guard.Start(TimeSpan.FromSeconds(90), ext4.MountPoint, xfs.MountPoint);
        await using var frozen = await StandingWriter.StartAsync(ext4);
        await using var stopped = await StandingWriter.StartAsync(xfs);
        await using var one = await Installation.NodeAsync(ownWay: true);
        await using var two = await Installation.NodeAsync();
        one.Way.BlackHole();
        var request = await Request.CreateAsync(Installation, new FreezeRequestSpec
        {
            DeadlineSeconds = 60,
            FreezeTimeoutSeconds = 10,
            Targets = [Request.HostPath(one.Name, ext4.MountPoint), Request.HostPath(two.Name, xfs.MountPoint)],
        });
        await request.NodeReachesAsync(two.Name, NodeFreezePhase.Prepared);
        await two.Agent.PauseAsync();
        one.Way.Pass();
        await frozen.StandsStillAsync();
        await Installation.KillOperatorAsync();
        await frozen.GoesOnAsync(TimeSpan.FromSeconds(12));
        two.Agent.Signal(LibC.SIGCONT);
        await Eventually.GetAsync(async () => (await request.NodeFreezeAsync(one.Name))?.Report is { Phase: NodeFreezePhase.Broken or NodeFreezePhase.Failed, Reason: Reasons.NotConfirmed } end ? end : null, () => "NotConfirmed");
        await Installation.StartOperatorAsync();
        await request.EndsAsAsync(FreezePhase.Failed, Reasons.NotConfirmed);
        await frozen.FrozenOnceAsync(longestSeconds: 10 + 1);
        await stopped.NeverFrozenAsync();
        await request.GoesAwayAsync();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task An_operator_whose_watches_have_silently_died_ends_the_request_with_what_the_nodes_report(bool deleted)
    {
        await Installation.RequireAsync();
        await using var way = Installation.OpenWay();
        await Installation.ReplaceOperatorAsync(new ProgramStart { Kubeconfig = way.Kubeconfig });
        await using var ext4 = await RealFilesystem.CreateAsync(FilesystemKind.Ext4);
        using var guard = ext4.Guard(TimeSpan.FromSeconds(90));
        await using var writer = await StandingWriter.StartAsync(ext4);
        await using var node = await Installation.NodeAsync();
        var request = await Request.OfAsync(Installation, 5, Request.HostPath(node.Name, ext4.MountPoint));
        await request.PhaseAsync(FreezePhase.Frozen);
        way.Proxy.Strand();
        if (deleted) await request.DeleteAsync();
        else await request.ThawAsync();
        await writer.StandsStillAsync();
        await writer.GoesOnAsync();
        await writer.FrozenOnceAsync(longestSeconds: 5 + 1, shortestSeconds: 4);
        // Its own clock wakes it at the deadline, and new connections work.
        if (deleted) await request.GoneAsync(TimeSpan.FromSeconds(30));
        else await request.EndsAsAsync(FreezePhase.Expired, Reasons.DeadlineExceeded, TimeSpan.FromSeconds(30));
        await Installation.KillOperatorAsync();
        await Installation.StartOperatorAsync();
        if (!deleted) await request.GoesAwayAsync();
        else await request.SweptAsync();
        await writer.FrozenOnceAsync(longestSeconds: 5 + 1);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_API_server_is_away_for_everybody_and_the_nodes_thaw_at_their_deadline_and_the_status_says_so_afterwards(bool silently)
    {
        await Installation.RequireAsync();
        await using var way = Installation.OpenWay();
        await Installation.ReplaceOperatorAsync(new ProgramStart { Kubeconfig = way.Kubeconfig });
        await using var ext4 = await RealFilesystem.CreateAsync(FilesystemKind.Ext4);
        await using var btrfs = await RealFilesystem.CreateAsync(FilesystemKind.Btrfs);
        using var guard = Guard.Start(TimeSpan.FromSeconds(90), ext4.MountPoint, btrfs.MountPoint);
        await using var first = await StandingWriter.StartAsync(ext4);
        await using var second = await StandingWriter.StartAsync(btrfs);
        await using var one = await Installation.NodeAsync(ownWay: true);
        await using var two = await Installation.NodeAsync(ownWay: true);
        var request = await Request.OfAsync(Installation, 5, Request.HostPath(one.Name, ext4.MountPoint), Request.HostPath(two.Name, btrfs.MountPoint));
        await request.PhaseAsync(FreezePhase.Frozen);
        foreach (var proxy in new[] { way.Proxy, one.Way, two.Way })
        {
            if (silently) proxy.BlackHole();
            else proxy.Refuse();
        }
        await first.StandsStillAsync();
        await second.StandsStillAsync();
        await first.GoesOnAsync();
        await second.GoesOnAsync();
        foreach (var proxy in new[] { one.Way, two.Way, way.Proxy }) proxy.Pass();
        await request.EndsAsAsync(FreezePhase.Expired, Reasons.DeadlineExceeded);
        await first.FrozenOnceAsync(longestSeconds: 5 + 1, shortestSeconds: 4);
        await second.FrozenOnceAsync(longestSeconds: 5 + 1, shortestSeconds: 4);
        await request.GoesAwayAsync();
    }

    [Theory]
    [InlineData(5)]
    [InlineData(-5)]
    public async Task An_operator_whose_clock_is_stepped_by_hours_in_the_window_ends_it_at_its_deadline_and_not_before(int hours)
    {
        await Installation.RequireAsync();
        using var clock = new WallClock();
        await Installation.ReplaceOperatorAsync(new ProgramStart { Environment = clock.Environment });
        await using var ext4 = await RealFilesystem.CreateAsync(FilesystemKind.Ext4);
        using var guard = ext4.Guard(TimeSpan.FromSeconds(90));
        await using var writer = await StandingWriter.StartAsync(ext4);
        await using var node = await Installation.NodeAsync();
        var request = await Request.OfAsync(Installation, 5, Request.HostPath(node.Name, ext4.MountPoint));
        await request.PhaseAsync(FreezePhase.Frozen);
        clock.Set(TimeSpan.FromHours(hours));
        await request.EndsAsAsync(FreezePhase.Expired, Reasons.DeadlineExceeded);
        await writer.FrozenOnceAsync(longestSeconds: 5 + 1, shortestSeconds: 4.5);
        await request.GoesAwayAsync();
    }

    [Theory]
    [InlineData(5)]
    [InlineData(-5)]
    public async Task An_operator_whose_clock_is_stepped_by_hours_thaws_when_it_is_asked_to(int hours)
    {
        await Installation.RequireAsync();
        using var clock = new WallClock();
        await Installation.ReplaceOperatorAsync(new ProgramStart { Environment = clock.Environment });
        await using var ext4 = await RealFilesystem.CreateAsync(FilesystemKind.Ext4);
        using var guard = ext4.Guard(TimeSpan.FromSeconds(90));
        await using var writer = await StandingWriter.StartAsync(ext4);
        await using var node = await Installation.NodeAsync();
        var request = await Request.OfAsync(Installation, 60, Request.HostPath(node.Name, ext4.MountPoint));
        await request.PhaseAsync(FreezePhase.Frozen);
        clock.Set(TimeSpan.FromHours(hours));
        await writer.StandsStillAsync();
        await request.ThawAsync();
        await request.EndsAsAsync(FreezePhase.Thawed, Reasons.ThawRequested);
        await writer.FrozenOnceAsync(longestSeconds: 20);
        await request.GoesAwayAsync();
    }

    [Theory]
    [InlineData("closed")]
    [InlineData("full")]
    [InlineData("slow")]
    public async Task An_operator_whose_output_takes_nothing_works_as_any_other(string output)
    {
        await Installation.RequireAsync();
        using var pipe = new Pipe();
        if (output == "slow") pipe.Read(16, TimeSpan.FromMilliseconds(250));
        await Installation.ReplaceOperatorAsync(new ProgramStart { Arguments = ["--verbose"], Redirection = output == "closed" ? ">&- 2>&-" : $">{pipe.Path} 2>&1" });
        await using var ext4 = await RealFilesystem.CreateAsync(FilesystemKind.Ext4);
        using var guard = ext4.Guard(TimeSpan.FromSeconds(90));
        await using var node = await Installation.NodeAsync();
        for (var round = 0; round < 3; round++)
        {
            var request = await Request.OfAsync(Installation, 60, Request.HostPath(node.Name, ext4.MountPoint));
            await request.PhaseAsync(FreezePhase.Frozen);
            await request.ThawAsync();
            await request.EndsAsAsync(FreezePhase.Thawed, Reasons.ThawRequested);
            await request.GoesAwayAsync();
        }
    }
}
