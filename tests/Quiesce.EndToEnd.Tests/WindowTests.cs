using System.Text.Json.Nodes;
using Quiesce.Crds;
using Quiesce.EndToEnd.Tests.Running;
using Quiesce.RealFilesystems;

namespace Quiesce.EndToEnd.Tests;

/// <summary>The main job: requests freeze real filesystems and thaw them.</summary>
public sealed class WindowTests(Installation installation)
{
    [Fact]
    public async Task A_request_freezes_ext4_XFS_and_btrfs_on_two_nodes_and_its_thaw_is_intact()
    {
        await installation.RequireAsync();
        await using var ext4 = await RealFilesystem.CreateAsync(FilesystemKind.Ext4);
        await using var xfs = await RealFilesystem.CreateAsync(FilesystemKind.Xfs);
        await using var btrfs = await RealFilesystem.CreateAsync(FilesystemKind.Btrfs);
        using var guard = Guard.Start(TimeSpan.FromSeconds(40), ext4.MountPoint, xfs.MountPoint, btrfs.MountPoint);
        var (one, two) = (await installation.AddNodeAsync(), await installation.AddNodeAsync());

        var request = await Request.OfAsync(installation, 30, Request.HostPath(one, ext4.MountPoint), Request.HostPath(one, xfs.MountPoint), Request.HostPath(two, btrfs.MountPoint));
        var frozen = await request.PhaseAsync(FreezePhase.Frozen);

        Assert.True(FreezeProbe.IsFrozen(ext4.MountPoint) && FreezeProbe.IsFrozen(xfs.MountPoint) && FreezeProbe.IsFrozen(btrfs.MountPoint));
        Assert.Equal(3, frozen.FrozenFilesystems);
        Assert.Equal((2, 2, 2), (frozen.NodeCount, frozen.NodesPrepared, frozen.NodesFrozen));
        Assert.Equal(ConditionStatus.True, Request.Condition(frozen, ConditionTypes.Frozen).Status);
        Assert.Equal(ConditionStatus.Unknown, Request.Condition(frozen, ConditionTypes.WindowIntact).Status);
        Assert.InRange(frozen.SkewMilliseconds!.Value, 0, 5_000);
        Assert.InRange((frozen.DeadlineAt - frozen.FrozenAt)!.Value.TotalSeconds, 20, 30);
        Assert.Contains("nightly", await installation.KubectlAsync("get", "freeze", "-n", request.Namespace), StringComparison.Ordinal);

        await request.ThawAsync();
        var thawed = await request.PhaseAsync(FreezePhase.Thawed);

        Assert.False(FreezeProbe.IsFrozen(ext4.MountPoint) || FreezeProbe.IsFrozen(xfs.MountPoint) || FreezeProbe.IsFrozen(btrfs.MountPoint));
        Assert.Equal((3, 3), (thawed.FrozenFilesystems, thawed.ThawedFilesystems));
        Assert.Equal((ConditionStatus.True, Reasons.HeldWithoutBreak), (Request.Condition(thawed, ConditionTypes.WindowIntact).Status, Request.Condition(thawed, ConditionTypes.WindowIntact).Reason));
        Assert.Equal(ConditionStatus.True, Request.Condition(thawed, ConditionTypes.Finished).Status);
        var filesystem = thawed.Nodes.Single(n => n.Name == two).Filesystems.Single();
        Assert.Equal((btrfs.MountPoint, "btrfs", FilesystemState.Thawed), (filesystem.Path, filesystem.Type, filesystem.State));
        Assert.True(filesystem.FreezeMilliseconds > 0 && filesystem.HeldMilliseconds > 0);
        await request.SweptAsync();
        Assert.DoesNotContain(QuiesceApi.Finalizer, (await request.GetAsync())!.Metadata.Finalizers ?? []);
    }

    [Fact]
    public async Task Kubectl_waits_for_Frozen_Thawed_and_Finished_also_after_a_raise_and_tells_the_story()
    {
        await installation.RequireAsync();
        await using var ext4 = await RealFilesystem.CreateAsync(FilesystemKind.Ext4);
        using var guard = ext4.Guard(TimeSpan.FromSeconds(40));
        var node = await installation.AddNodeAsync();
        var request = await Request.OfAsync(installation, 10, Request.HostPath(node, ext4.MountPoint));

        await installation.KubectlAsync("wait", "-n", request.Namespace, "freeze/nightly", "--for=condition=Frozen", "--timeout=15s");
        await installation.KubectlAsync("patch", "freeze", "nightly", "-n", request.Namespace, "--type=merge", "-p", """{"spec":{"deadlineSeconds":25}}""");
        await installation.KubectlAsync("wait", "-n", request.Namespace, "freeze/nightly", "--for=condition=Frozen", "--timeout=15s");
        await installation.KubectlAsync("patch", "freeze", "nightly", "-n", request.Namespace, "--type=merge", "-p", """{"spec":{"desiredState":"Thawed"}}""");
        await installation.KubectlAsync("wait", "-n", request.Namespace, "freeze/nightly", "--for=condition=Thawed", "--timeout=15s");
        await installation.KubectlAsync("wait", "-n", request.Namespace, "freeze/nightly", "--for=condition=Finished", "--timeout=15s");

        var story = "";
        await Eventually.GetAsync(
            async () => (story = await installation.KubectlAsync("describe", "freeze", "nightly", "-n", request.Namespace)).Contains("held without a break", StringComparison.Ordinal) && story.Contains("Events:", StringComparison.Ordinal) && story.Contains("Thawed", StringComparison.Ordinal) ? story : null,
            () => $"the whole story in kubectl describe:\n{story}");
        Assert.False(FreezeProbe.IsFrozen(ext4.MountPoint));
    }

    [Fact]
    public async Task A_raised_deadline_holds_longer_and_DeadlineAt_moves_with_it()
    {
        await installation.RequireAsync();
        await using var ext4 = await RealFilesystem.CreateAsync(FilesystemKind.Ext4);
        using var guard = ext4.Guard(TimeSpan.FromSeconds(40));
        var node = await installation.AddNodeAsync();
        var request = await Request.OfAsync(installation, 4, Request.HostPath(node, ext4.MountPoint));
        var before = await request.PhaseAsync(FreezePhase.Frozen);
        await request.PatchSpecAsync(new JsonObject { ["deadlineSeconds"] = 20 });
        var raised = await Eventually.GetAsync(async () => (await request.GetAsync())!.Status is { } s && s.DeadlineAt > before.DeadlineAt ? s : null, () => "a later deadlineAt");
        Assert.InRange((raised.DeadlineAt - before.DeadlineAt)!.Value.TotalSeconds, 15.5, 16.5);

        // Past the first deadline it is still held.
        await Eventually.TrueAsync(() => DateTimeOffset.Compare(TimeProvider.System.GetUtcNow(), before.DeadlineAt!.Value.AddSeconds(1)) > 0, "the first deadline passes");
        Assert.True(FreezeProbe.IsFrozen(ext4.MountPoint));
        await request.ThawAsync();
        await request.PhaseAsync(FreezePhase.Thawed);
    }

    [Fact]
    public async Task The_deadline_ends_a_window_that_nobody_thaws()
    {
        await installation.RequireAsync();
        await using var ext4 = await RealFilesystem.CreateAsync(FilesystemKind.Ext4);
        await using var xfs = await RealFilesystem.CreateAsync(FilesystemKind.Xfs);
        using var guard = Guard.Start(TimeSpan.FromSeconds(40), ext4.MountPoint, xfs.MountPoint);
        var (one, two) = (await installation.AddNodeAsync(), await installation.AddNodeAsync());
        var request = await Request.OfAsync(installation, 2, Request.HostPath(one, ext4.MountPoint), Request.HostPath(two, xfs.MountPoint));
        await request.PhaseAsync(FreezePhase.Frozen);
        var ended = await request.PhaseAsync(FreezePhase.Expired);
        Assert.False(FreezeProbe.IsFrozen(ext4.MountPoint) || FreezeProbe.IsFrozen(xfs.MountPoint));
        Assert.Equal((ConditionStatus.False, Reasons.DeadlineExceeded), (Request.Condition(ended, ConditionTypes.WindowIntact).Status, Request.Condition(ended, ConditionTypes.WindowIntact).Reason));
        Assert.Equal(ConditionStatus.True, Request.Condition(ended, ConditionTypes.Thawed).Status);
    }

    [Fact]
    public async Task Deleting_a_request_in_its_window_thaws_first_and_then_lets_it_go()
    {
        await installation.RequireAsync();
        await using var ext4 = await RealFilesystem.CreateAsync(FilesystemKind.Ext4);
        using var guard = ext4.Guard(TimeSpan.FromSeconds(40));
        var node = await installation.AddNodeAsync();
        var request = await Request.OfAsync(installation, 30, Request.HostPath(node, ext4.MountPoint));
        await request.PhaseAsync(FreezePhase.Frozen);
        await request.DeleteAsync();
        await request.GoneAsync();
        Assert.False(FreezeProbe.IsFrozen(ext4.MountPoint));
        await request.SweptAsync();
    }

    [Fact]
    public async Task A_node_selector_freezes_the_path_on_every_node_it_matches_and_a_finished_request_deletes_itself()
    {
        await installation.RequireAsync();
        // Two nodes on one machine see one filesystem: the second one to freeze it is refused by the first one's claim.
        await using var ext4 = await RealFilesystem.CreateAsync(FilesystemKind.Ext4);
        using var guard = ext4.Guard(TimeSpan.FromSeconds(40));
        var node = await installation.AddNodeAsync(new Dictionary<string, string> { ["disk"] = "fast" });
        await installation.AddNodeAsync(new Dictionary<string, string> { ["disk"] = "slow" });
        var request = await Request.CreateAsync(installation, new FreezeRequestSpec
        {
            DeadlineSeconds = 30,
            TtlSecondsAfterFinished = 0,
            Targets = [new() { HostPath = new HostPathTarget { Path = ext4.MountPoint, NodeSelector = new LabelSelector { MatchLabels = new Dictionary<string, string> { ["disk"] = "fast" } } } }],
        });
        var frozen = await request.PhaseAsync(FreezePhase.Frozen);
        Assert.Equal(node, Assert.Single(frozen.Nodes).Name);
        await request.ThawAsync();
        await request.GoneAsync();
        Assert.False(FreezeProbe.IsFrozen(ext4.MountPoint));
    }

    [Fact]
    public async Task A_dry_run_over_all_filesystems_reports_what_would_be_frozen_and_freezes_nothing()
    {
        await installation.RequireAsync();
        await using var ext4 = await RealFilesystem.CreateAsync(FilesystemKind.Ext4);
        using var guard = ext4.Guard(TimeSpan.FromSeconds(40));
        var node = await installation.AddNodeAsync();
        var request = await Request.CreateAsync(installation, new FreezeRequestSpec { DryRun = true, Targets = [new() { AllFilesystems = new AllFilesystemsTarget { NodeName = node } }] });
        var done = await request.PhaseAsync(FreezePhase.Thawed);
        Assert.Equal(Reasons.DryRunCompleted, done.Reason);
        var filesystems = Assert.Single(done.Nodes).Filesystems;
        Assert.Contains(filesystems, f => f.Path == ext4.MountPoint && f.State == FilesystemState.Resolved);
        Assert.Contains(filesystems, f => f is { Path: "/", State: FilesystemState.Refused, Reason: Reasons.ProtectedFilesystem });
        Assert.Equal(0, done.FrozenFilesystems);
        Assert.False(FreezeProbe.IsFrozen(ext4.MountPoint));
    }
}
