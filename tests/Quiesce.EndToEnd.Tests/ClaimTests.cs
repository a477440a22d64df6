using Quiesce.Crds;
using Quiesce.EndToEnd.Tests.Running;
using Quiesce.RealFilesystems;
using Tmds.Linux;

namespace Quiesce.EndToEnd.Tests;

/// <summary>Claims and pods as users name them, with their filesystems mounted as kubelet mounts them.</summary>
public sealed class ClaimTests(Installation installation)
{
    private static FreezeTarget Claim(string name, bool shared = false) => new() { PersistentVolumeClaim = new() { Name = name, AllowSharedFilesystem = shared } };

    private static FreezeTarget Pods(string app) => new() { PodSelector = new() { MatchLabels = new Dictionary<string, string> { ["app"] = app } } };

    [Fact]
    public async Task A_claim_the_claims_of_pods_and_a_folder_go_together_over_three_nodes()
    {
        await installation.RequireAsync();
        await using var ext4 = await RealFilesystem.CreateAsync(FilesystemKind.Ext4);
        await using var xfs = await RealFilesystem.CreateAsync(FilesystemKind.Xfs);
        await using var btrfs = await RealFilesystem.CreateAsync(FilesystemKind.Btrfs);
        using var guard = Guard.Start(TimeSpan.FromSeconds(90), ext4.MountPoint, xfs.MountPoint, btrfs.MountPoint);
        await using var one = await StandingWriter.StartAsync(ext4);
        await using var two = await StandingWriter.StartAsync(xfs);
        await using var three = await StandingWriter.StartAsync(btrfs);
        var workload = await Workload.CreateAsync(installation);
        await using var firstSpace = await NodeSpace.CreateAsync([ext4.MountPoint]);
        await using var secondSpace = await NodeSpace.CreateAsync([xfs.MountPoint]);
        await using var first = await workload.NodeAsync(firstSpace);
        await using var second = await workload.NodeAsync(secondSpace);
        await using var third = await installation.NodeAsync();
        await workload.ClaimAsync("orders");
        await workload.ClaimAsync("pages");
        await workload.MountAsync(firstSpace, ext4, await workload.PodAsync("db-0", first.Name, "db", "orders"), "orders");
        await workload.MountAsync(secondSpace, xfs, await workload.PodAsync("web-0", second.Name, "web", "pages"), "pages");

        var spec = new FreezeRequestSpec { DeadlineSeconds = 30, FreezeTimeoutSeconds = 30, Targets = [Claim("orders"), Pods("web"), Request.HostPath(third.Name, btrfs.MountPoint)] };
        var request = await Request.CreateInAsync(installation, workload.Namespace, spec);
        var frozen = await request.PhaseAsync(FreezePhase.Frozen);
        foreach (var writer in new[] { one, two, three }) await writer.StandsStillAsync();
        Assert.Equal((3, 3), (frozen.NodesFrozen, frozen.FrozenFilesystems));
        Assert.Equal("orders", Assert.Single(frozen.Nodes.Single(n => n.Name == first.Name).Filesystems).Claim);
        Assert.Contains("web-0/cache (emptyDir)", Request.Condition(frozen, ConditionTypes.Accepted).Message, StringComparison.Ordinal);
        var kubectl = await installation.KubectlAsync("wait", "-n", request.Namespace, "freeze/nightly", "--for=condition=Frozen", "--timeout=15s");
        Assert.Contains("condition met", kubectl, StringComparison.Ordinal);

        await request.ThawAsync();
        var thawed = await request.EndsAsAsync(FreezePhase.Thawed, Reasons.ThawRequested);
        Assert.Equal(3, thawed.ThawedFilesystems);
        foreach (var writer in new[] { one, two, three }) await writer.FrozenOnceAsync(longestSeconds: 30);
        await request.GoesAwayAsync();
    }

    [Fact]
    public async Task A_claim_whose_filesystem_is_mounted_elsewhere_too_is_refused_unless_that_is_allowed()
    {
        await installation.RequireAsync();
        await using var ext4 = await RealFilesystem.CreateAsync(FilesystemKind.Ext4);
        using var guard = ext4.Guard(TimeSpan.FromSeconds(60));
        await using var writer = await StandingWriter.StartAsync(ext4);
        var workload = await Workload.CreateAsync(installation);
        await using var space = await NodeSpace.CreateAsync([ext4.MountPoint]);
        await using var node = await workload.NodeAsync(space);
        await workload.ClaimAsync("orders");
        await workload.MountAsync(space, ext4, await workload.PodAsync("db-0", node.Name, "db", "orders"), "orders", elsewhereToo: true);

        var refused = await (await Request.CreateInAsync(installation, workload.Namespace, new() { Targets = [Claim("orders")] })).EndsAsAsync(FreezePhase.Failed, Reasons.SharedFilesystem);
        Assert.Contains($"claim {workload.Namespace}/orders: ", refused.Message, StringComparison.Ordinal);
        Assert.Contains(ext4.MountPoint, refused.Message, StringComparison.Ordinal);
        Assert.Contains("allowSharedFilesystem", refused.Message, StringComparison.Ordinal);
        await writer.NeverFrozenAsync();

        var allowed = await Request.CreateInAsync(installation, workload.Namespace, new() { Targets = [Claim("orders", shared: true)] }, "allowed");
        await allowed.PhaseAsync(FreezePhase.Frozen);
        await allowed.ThawAsync();
        await allowed.EndsAsAsync(FreezePhase.Thawed, Reasons.ThawRequested);
        await allowed.GoesAwayAsync();
    }

    [Fact]
    public async Task A_claim_that_is_not_mounted_is_not_frozen_and_neither_is_what_lies_below_it()
    {
        await installation.RequireAsync();
        var workload = await Workload.CreateAsync(installation);
        await using var space = await NodeSpace.CreateAsync([]);
        await using var node = await workload.NodeAsync(space);
        await workload.ClaimAsync("orders");
        var pod = await workload.PodAsync("db-0", node.Name, "db", "orders");
        // On the node's own disk, where kubelet would have mounted it: freezing by that path would stop the machine.
        Directory.CreateDirectory(workload.Folder(pod, "orders"));
        var request = await Request.CreateInAsync(installation, workload.Namespace, new() { Targets = [Claim("orders", shared: true)] });
        var failed = await request.EndsAsAsync(FreezePhase.Failed, Reasons.VolumeNotMounted);
        Assert.Contains($"claim {workload.Namespace}/orders: not mounted at {workload.Folder(pod, "orders")}", failed.Message, StringComparison.Ordinal);
        await request.GoesAwayAsync();
    }

    [Fact]
    public async Task A_pod_that_starts_while_the_others_prepare_is_part_of_the_window()
    {
        await installation.RequireAsync();
        await using var ext4 = await RealFilesystem.CreateAsync(FilesystemKind.Ext4);
        await using var xfs = await RealFilesystem.CreateAsync(FilesystemKind.Xfs);
        await using var btrfs = await RealFilesystem.CreateAsync(FilesystemKind.Btrfs);
        using var guard = Guard.Start(TimeSpan.FromSeconds(90), ext4.MountPoint, xfs.MountPoint, btrfs.MountPoint);
        await using var late = await StandingWriter.StartAsync(btrfs);
        var workload = await Workload.CreateAsync(installation);
        await using var firstSpace = await NodeSpace.CreateAsync([ext4.MountPoint, btrfs.MountPoint]);
        await using var secondSpace = await NodeSpace.CreateAsync([xfs.MountPoint]);
        await using var first = await workload.NodeAsync(firstSpace);
        await using var second = await workload.NodeAsync(secondSpace);
        foreach (var claim in new[] { "data-0", "data-1", "data-2" }) await workload.ClaimAsync(claim);
        await workload.MountAsync(firstSpace, ext4, await workload.PodAsync("db-0", first.Name, "db", "data-0"), "data-0");
        await workload.MountAsync(secondSpace, xfs, await workload.PodAsync("db-1", second.Name, "db", "data-1"), "data-1");

        await second.Agent.PauseAsync();
        var request = await Request.CreateInAsync(installation, workload.Namespace, new() { FreezeTimeoutSeconds = 60, DeadlineSeconds = 30, Targets = [Pods("db")] });
        await request.NodeReachesAsync(first.Name, NodeFreezePhase.Prepared);
        await workload.MountAsync(firstSpace, btrfs, await workload.PodAsync("db-2", first.Name, "db", "data-2"), "data-2");
        second.Agent.Signal(LibC.SIGCONT);

        var frozen = await request.PhaseAsync(FreezePhase.Frozen, TimeSpan.FromSeconds(60));
        Assert.Equal(3, frozen.FrozenFilesystems);
        await late.StandsStillAsync();
        await request.ThawAsync();
        await request.EndsAsAsync(FreezePhase.Thawed, Reasons.ThawRequested);
        await late.FrozenOnceAsync(longestSeconds: 30);
        await request.GoesAwayAsync();
    }
}
