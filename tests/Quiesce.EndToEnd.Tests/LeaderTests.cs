using System.Globalization;
using Quiesce.Crds;
using Quiesce.EndToEnd.Tests.Running;
using Quiesce.RealFilesystems;
using Tmds.Linux;

namespace Quiesce.EndToEnd.Tests;

/// <summary>Two replicas of the operator, as processes, with a window open when the leader goes.</summary>
public sealed class LeaderTests(SpareInstallations spares, ITestOutputHelper output) : OwnInstallation(spares)
{
    private static readonly ProgramStart Electing = new() { Arguments = ["--leader-elect"] };

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_leader_that_is_killed_or_stops_is_replaced_and_the_window_goes_on(bool stops)
    {
        await Installation.RequireAsync();
        await using var ext4 = await RealFilesystem.CreateAsync(FilesystemKind.Ext4);
        await using var xfs = await RealFilesystem.CreateAsync(FilesystemKind.Xfs);
        using var guard = Guard.Start(TimeSpan.FromSeconds(90), ext4.MountPoint, xfs.MountPoint);
        await using var writer = await StandingWriter.StartAsync(ext4);
        var (one, two) = (await Installation.AddNodeAsync(), await Installation.AddNodeAsync());
        await Installation.KillOperatorAsync();
        await Installation.StartOperatorAsync(Electing);
        var request = await Request.OfAsync(Installation, 80, Request.HostPath(one, ext4.MountPoint), Request.HostPath(two, xfs.MountPoint));
        await request.PhaseAsync(FreezePhase.Frozen);

        await using var first = Installation.DetachOperator();
        Installation.RunOperator(Electing);
        var left = TimeProvider.System.GetTimestamp();
        await (stops ? first.PauseAsync() : first.KillAsync());
        await request.ThawAsync();
        var thawed = await request.EndsAsAsync(FreezePhase.Thawed, Reasons.ThawRequested, TimeSpan.FromSeconds(40));
        var took = TimeProvider.System.GetElapsedTime(left);
        Assert.Equal(2, thawed.ThawedFilesystems);
        // One that is continued finds its lease taken, writes nothing, and ends or waits for its turn.
        var version = await Eventually.GetAsync(
            async () => (await request.GetAsync())!.Metadata is { Finalizers: null or [] } released ? released.ResourceVersion : null, () => "no finalizer");
        if (stops)
        {
            first.Signal(LibC.SIGCONT);
            await Task.Delay(TimeSpan.FromSeconds(2));
            Assert.Equal(version, (await request.GetAsync())!.Metadata.ResourceVersion);
        }

        await writer.FrozenOnceAsync(longestSeconds: 80);
        await request.GoesAwayAsync();
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"[figure] from the {(stops ? "stop" : "death")} of the leader to the thaw its successor was asked for: {took.TotalSeconds:0.0} s"));
    }
}
