using System.Text.Json.Nodes;
using Quiesce.Cluster.Faults;
using Quiesce.Crds;
using Quiesce.EndToEnd.Tests.Running;
using Quiesce.RealFilesystems;

namespace Quiesce.EndToEnd.Tests;

/// <summary>Nodes freeze together: the command is given when each of them would hear it. Any agent's watch is held up, so nothing runs beside it.</summary>
[TestClass(DisableParallelization = true)]
public sealed class BarrierTests(Installation installation)
{
    private static readonly ProgramStart NobodyIsCalled = new() { Arguments = ["--call-from-nodes", "0"] };

    // Not those of calls, which are open at any time.
    private static readonly RequestMatch WatchesOfWindows = new()
    {
        Verbs = ["watch"],
        Resource = "freezewindows",
        UserAgent = "quiesce-agent",
        Where = r => !r.Query.Contains($"%3D{InternalNames.CalledWindow}", StringComparison.OrdinalIgnoreCase),
    };

    [Theory]
    [InlineData(40, true)]
    [InlineData(8, false)]
    public async Task Nobody_is_told_to_freeze_before_every_node_would_hear_it_but_not_for_longer_than_a_quarter_of_the_freeze_timeout(int freezeTimeoutSeconds, bool waits)
    {
        await installation.RequireAsync();
        Assert.SkipUnless(installation.Server.SupportsFaults, "faults are injected into the local cluster only");
        await installation.ReplaceOperatorAsync(NobodyIsCalled); // who is called watches already
        await using var ext4 = await RealFilesystem.CreateAsync(FilesystemKind.Ext4);
        await using var xfs = await RealFilesystem.CreateAsync(FilesystemKind.Xfs);
        using var guard = Guard.Start(TimeSpan.FromSeconds(40), ext4.MountPoint, xfs.MountPoint);
        var (one, two) = (await installation.AddNodeAsync(), await installation.AddNodeAsync());
        var open = new TaskCompletionSource();
        var agents = WatchesOfWindows;
        using var late = installation.Server.Local!.Faults.Inject(agents, FaultEffect.HoldUntil(open.Task), skip: 1); // the watch of whichever comes second

        var request = await Request.CreateAsync(installation, new FreezeRequestSpec
        {
            DeadlineSeconds = 30,
            FreezeTimeoutSeconds = freezeTimeoutSeconds,
            Targets = [Request.HostPath(one, ext4.MountPoint), Request.HostPath(two, xfs.MountPoint)],
        });
        await Eventually.TrueAsync(() => late.Hits == 1, "the second agent opening its watch");
        if (waits)
        {
            await Eventually.GetAsync(
                async () => (await request.NodeFreezeAsync(one))?.Report?.Phase == NodeFreezePhase.Prepared || (await request.NodeFreezeAsync(two))?.Report?.Phase == NodeFreezePhase.Prepared ? "prepared" : null,
                () => "one of the nodes prepared");
            await Task.Delay(TimeSpan.FromSeconds(1)); // the other one has prepared everything, too
            Assert.Equal(WindowState.Prepared, (await WindowAsync()).Spec.DesiredState);
        }
        else
        {
            await Eventually.GetAsync(async () => (await WindowAsync()).Spec.DesiredState == WindowState.Frozen ? "frozen" : null, () => "the command to freeze");
        }

        open.SetResult();
        var frozen = await request.PhaseAsync(FreezePhase.Frozen);
        if (waits) Assert.InRange(frozen.SkewMilliseconds!.Value, 0, 900);
        await request.ThawAsync();
        await request.PhaseAsync(FreezePhase.Thawed);

        async Task<FreezeWindow> WindowAsync() => (await installation.FreezeWindows.GetAsync(InternalNames.DefaultNamespace, InternalNames.Window(request.Uid), CancellationToken.None))!;
    }

    [Fact]
    public async Task Answers_to_a_command_wait_until_the_others_have_heard_it_and_what_is_commanded_does_not()
    {
        await installation.RequireAsync();
        Assert.SkipUnless(installation.Server.SupportsFaults, "faults are injected into the local cluster only");
        await installation.ReplaceOperatorAsync(NobodyIsCalled); // who is called watches already
        await using var ext4 = await RealFilesystem.CreateAsync(FilesystemKind.Ext4);
        await using var xfs = await RealFilesystem.CreateAsync(FilesystemKind.Xfs);
        using var guard = Guard.Start(TimeSpan.FromSeconds(40), ext4.MountPoint, xfs.MountPoint);
        var (one, two) = (await installation.AddNodeAsync(), await installation.AddNodeAsync());
        await using var writer = await StandingWriter.StartAsync(xfs);
        var open = new TaskCompletionSource();
        var agents = WatchesOfWindows;
        using var late = installation.Server.Local!.Faults.Inject(agents, FaultEffect.HoldUntil(open.Task), skip: 1);
        var request = await Request.CreateAsync(installation, new FreezeRequestSpec
        {
            DeadlineSeconds = 30,
            FreezeTimeoutSeconds = 40,
            Targets = [Request.HostPath(one, ext4.MountPoint), Request.HostPath(two, xfs.MountPoint)],
        });
        await Eventually.TrueAsync(() => late.Hits == 1, "the second agent opening its watch");

        // As if there were very many more.
        await installation.FreezeWindows.PatchAsync(
            InternalNames.DefaultNamespace, InternalNames.Window(request.Uid), new() { ["spec"] = new JsonObject { ["nodes"] = 2_500 } }, cancellationToken: CancellationToken.None);
        open.SetResult();
        await request.PhaseAsync(FreezePhase.Frozen);
        var frozen = BootTime.Now;
        await writer.StandsStillAsync(); // which shows a while later
        Assert.InRange((frozen - Assert.Single(writer.Stalls).Begin).TotalSeconds, 0.45, 20);
        await request.ThawAsync();
        await request.PhaseAsync(FreezePhase.Thawed);
        var thawed = BootTime.Now;
        Assert.InRange((thawed - Assert.Single(writer.Stalls).End!.Value).TotalSeconds, 0.45, 20);
    }
}
