using Quiesce.Crds;
using Quiesce.EndToEnd.Tests.Running;
using Quiesce.RealFilesystems;
using Tmds.Linux;

namespace Quiesce.EndToEnd.Tests;

/// <summary>Parts of Quiesce die, or somebody interferes, while a window is open: it is thawed, not frozen again, and the status says what happened.</summary>
public sealed class FailureTests(Installation installation)
{
    [Fact]
    public async Task A_killed_agent_thaws_and_its_successor_reports_Broken_and_does_not_freeze_again()
    {
        await installation.RequireAsync();
        await using var ext4 = await RealFilesystem.CreateAsync(FilesystemKind.Ext4);
        await using var xfs = await RealFilesystem.CreateAsync(FilesystemKind.Xfs);
        using var guard = Guard.Start(TimeSpan.FromSeconds(50), ext4.MountPoint, xfs.MountPoint);
        var (one, two) = (await installation.AddNodeAsync(), await installation.AddNodeAsync());
        var request = await Request.OfAsync(installation, 30, Request.HostPath(one, ext4.MountPoint), Request.HostPath(two, xfs.MountPoint));
        await request.PhaseAsync(FreezePhase.Frozen);
        await installation.KillAgentAsync(one);
        await Eventually.TrueAsync(() => !FreezeProbe.IsFrozen(ext4.MountPoint), "thawed when the agent died", TimeSpan.FromSeconds(1));
        await installation.StartAgentAsync(one);
        var broken = await request.PhaseAsync(FreezePhase.Broken);
        Assert.Equal(Reasons.AgentRestarted, broken.Reason);
        Assert.Equal(ConditionStatus.False, Request.Condition(broken, ConditionTypes.WindowIntact).Status);
        Assert.False(FreezeProbe.IsFrozen(ext4.MountPoint) || FreezeProbe.IsFrozen(xfs.MountPoint));
    }

    [Fact]
    public async Task A_killed_holder_is_made_good_by_its_agent_and_breaks_the_window_on_all_nodes()
    {
        await installation.RequireAsync();
        await using var ext4 = await RealFilesystem.CreateAsync(FilesystemKind.Ext4);
        await using var xfs = await RealFilesystem.CreateAsync(FilesystemKind.Xfs);
        using var guard = Guard.Start(TimeSpan.FromSeconds(50), ext4.MountPoint, xfs.MountPoint);
        var (one, two) = (await installation.AddNodeAsync(), await installation.AddNodeAsync());
        var request = await Request.OfAsync(installation, 30, Request.HostPath(one, ext4.MountPoint), Request.HostPath(two, xfs.MountPoint));
        await request.PhaseAsync(FreezePhase.Frozen);
        foreach (var holder in File.ReadAllText($"/proc/{installation.Agent(one).Id}/task/{installation.Agent(one).Id}/children").Split(' ', StringSplitOptions.RemoveEmptyEntries)
            .Concat(Directory.EnumerateDirectories($"/proc/{installation.Agent(one).Id}/task").SelectMany(t => File.ReadAllText($"{t}/children").Split(' ', StringSplitOptions.RemoveEmptyEntries))).Distinct())
            _ = LibC.kill(int.Parse(holder, System.Globalization.CultureInfo.InvariantCulture), LibC.SIGKILL);
        await Eventually.TrueAsync(() => !FreezeProbe.IsFrozen(ext4.MountPoint), "thawed when the holder died", TimeSpan.FromSeconds(1));
        Assert.Equal(Reasons.HolderDied, (await request.PhaseAsync(FreezePhase.Broken)).Reason);
        Assert.False(FreezeProbe.IsFrozen(xfs.MountPoint));
    }

    [Fact]
    public async Task A_stopped_agent_thaws_at_once_and_says_so()
    {
        await installation.RequireAsync();
        await using var ext4 = await RealFilesystem.CreateAsync(FilesystemKind.Ext4);
        using var guard = ext4.Guard(TimeSpan.FromSeconds(40));
        var node = await installation.AddNodeAsync();
        var request = await Request.OfAsync(installation, 30, Request.HostPath(node, ext4.MountPoint));
        await request.PhaseAsync(FreezePhase.Frozen);
        await installation.StopAgentAsync(node);
        Assert.False(FreezeProbe.IsFrozen(ext4.MountPoint));
        Assert.Equal(Reasons.AgentStopped, (await request.PhaseAsync(FreezePhase.Broken)).Reason);
    }

    [Fact]
    public async Task A_foreign_thaw_in_the_window_breaks_the_verdict()
    {
        await installation.RequireAsync();
        await using var ext4 = await RealFilesystem.CreateAsync(FilesystemKind.Ext4);
        using var guard = ext4.Guard(TimeSpan.FromSeconds(40));
        var node = await installation.AddNodeAsync();
        var request = await Request.OfAsync(installation, 30, Request.HostPath(node, ext4.MountPoint));
        await request.PhaseAsync(FreezePhase.Frozen);
        Assert.True(FreezeProbe.Thaw(ext4.MountPoint));
        await request.ThawAsync();
        var broken = await request.PhaseAsync(FreezePhase.Broken);
        Assert.Equal(Reasons.ThawedByOther, broken.Reason);
        Assert.Equal((1, 0), (broken.FrozenFilesystems, broken.ThawedFilesystems));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task An_internal_object_deleted_by_hand_means_thaw(bool window)
    {
        await installation.RequireAsync();
        await using var ext4 = await RealFilesystem.CreateAsync(FilesystemKind.Ext4);
        using var guard = ext4.Guard(TimeSpan.FromSeconds(40));
        var node = await installation.AddNodeAsync();
        var request = await Request.OfAsync(installation, 30, Request.HostPath(node, ext4.MountPoint));
        await request.PhaseAsync(FreezePhase.Frozen);
        if (window) await installation.FreezeWindows.DeleteAsync(InternalNames.DefaultNamespace, InternalNames.Window(request.Uid));
        else await installation.NodeFreezes.DeleteAsync(InternalNames.DefaultNamespace, (await request.NodeFreezeAsync(node))!.Metadata.Name);
        await Eventually.TrueAsync(() => !FreezeProbe.IsFrozen(ext4.MountPoint), "thawed when the command was gone", TimeSpan.FromSeconds(5));
        Assert.Equal(Reasons.CommandGone, (await request.PhaseAsync(FreezePhase.Broken)).Reason);
        await request.SweptAsync();
    }

    [Fact]
    public async Task A_plan_deleted_and_made_again_in_its_window_is_not_frozen_again_and_the_window_is_not_intact()
    {
        await installation.RequireAsync();
        await using var ext4 = await RealFilesystem.CreateAsync(FilesystemKind.Ext4);
        using var guard = ext4.Guard(TimeSpan.FromSeconds(60));
        await using var writer = await StandingWriter.StartAsync(ext4);
        await using var node = await installation.NodeAsync();
        var request = await Request.OfAsync(installation, 40, Request.HostPath(node.Name, ext4.MountPoint));
        await request.PhaseAsync(FreezePhase.Frozen);
        await writer.StandsStillAsync();
        // As a tool does that restores what it finds missing.
        var plan = (await request.NodeFreezeAsync(node.Name))!;
        await installation.NodeFreezes.DeleteAsync(plan.Metadata.NamespaceProperty, plan.Metadata.Name);
        await installation.NodeFreezes.CreateAsync(
            plan with { Status = null, Metadata = new() { Name = plan.Metadata.Name, NamespaceProperty = plan.Metadata.NamespaceProperty, Labels = plan.Metadata.Labels, Annotations = plan.Metadata.Annotations } }, CancellationToken.None);
        await request.EndsAsAsync(FreezePhase.Broken, Reasons.CommandGone);
        await writer.FrozenOnceAsync(longestSeconds: 15);
        await request.GoesAwayAsync();
    }

    [Fact]
    public async Task A_ThawRequest_of_a_filesystem_in_a_window_ends_that_window_on_all_nodes_at_once()
    {
        await installation.RequireAsync();
        await using var ext4 = await RealFilesystem.CreateAsync(FilesystemKind.Ext4);
        await using var xfs = await RealFilesystem.CreateAsync(FilesystemKind.Xfs);
        await using var btrfs = await RealFilesystem.CreateAsync(FilesystemKind.Btrfs);
        using var guard = Guard.Start(TimeSpan.FromSeconds(90), ext4.MountPoint, xfs.MountPoint, btrfs.MountPoint);
        await using var beside = await StandingWriter.StartAsync(xfs);
        await using var other = await StandingWriter.StartAsync(btrfs);
        var (first, second) = (await installation.AddNodeAsync(), await installation.AddNodeAsync());
        var request = await Request.OfAsync(installation, 80, Request.HostPath(first, ext4.MountPoint), Request.HostPath(first, xfs.MountPoint), Request.HostPath(second, btrfs.MountPoint));
        await request.PhaseAsync(FreezePhase.Frozen);
        await beside.StandsStillAsync();
        await other.StandsStillAsync();
        await installation.ThawRequests.CreateAsync(
            new ThawRequest { Metadata = new() { Name = $"recover-{first}" }, Spec = new ThawRequestSpec { NodeName = first, Paths = [ext4.MountPoint] } },
            CancellationToken.None);
        await beside.GoesOnAsync();
        await other.GoesOnAsync();
        var broken = await request.EndsAsAsync(FreezePhase.Broken, Reasons.ThawedByOther);
        Assert.Contains($"{ext4.MountPoint}: a ThawRequest thawed it in the window", broken.Message, StringComparison.Ordinal);
        await other.FrozenOnceAsync(longestSeconds: 40);
    }

    [Fact]
    public async Task A_ThawRequest_thaws_what_someone_else_froze_and_counts_it_once()
    {
        await installation.RequireAsync();
        await using var ext4 = await RealFilesystem.CreateAsync(FilesystemKind.Ext4);
        await using var xfs = await RealFilesystem.CreateAsync(FilesystemKind.Xfs);
        using var guard = Guard.Start(TimeSpan.FromSeconds(40), ext4.MountPoint, xfs.MountPoint);
        var node = await installation.AddNodeAsync();
        Assert.True(FreezeProbe.Freeze(ext4.MountPoint));
        var name = $"recover-{node}";
        await installation.ThawRequests.CreateAsync(
            new ThawRequest { Metadata = new() { Name = name }, Spec = new ThawRequestSpec { NodeName = node, Paths = [ext4.MountPoint, xfs.MountPoint] } },
            CancellationToken.None);
        var done = await Eventually.GetAsync(
            async () => (await installation.ThawRequests.GetAsync(null, name, CancellationToken.None))!.Status is { Phase: >= ThawPhase.Thawed } status ? status : null,
            () => $"the thaw request's end\n{installation.OperatorSaid}");
        Assert.Equal((ThawPhase.Thawed, 1), (done.Phase, done.ThawedFilesystems));
        Assert.False(FreezeProbe.IsFrozen(ext4.MountPoint));
    }
}
