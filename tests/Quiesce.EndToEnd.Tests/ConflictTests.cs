using Quiesce.Crds;
using Quiesce.EndToEnd.Tests.Running;
using Quiesce.RealFilesystems;

namespace Quiesce.EndToEnd.Tests;

/// <summary>Two requests that need one filesystem.</summary>
public sealed class ConflictTests(Installation installation)
{
    private static FreezeRequestSpec Waiting(params FreezeTarget[] targets) =>
        new() { DeadlineSeconds = 40, FreezeTimeoutSeconds = 40, ConflictPolicy = ConflictPolicy.Wait, Targets = targets };

    [Fact]
    public async Task The_later_one_fails_with_the_name_of_the_holder_which_another_namespace_is_not_told()
    {
        await installation.RequireAsync();
        await using var ext4 = await RealFilesystem.CreateAsync(FilesystemKind.Ext4);
        using var guard = ext4.Guard(TimeSpan.FromSeconds(60));
        var node = await installation.AddNodeAsync();
        FreezeRequestSpec spec = new() { DeadlineSeconds = 40, Targets = [Request.HostPath(node, ext4.MountPoint)] };
        var first = await Request.CreateAsync(installation, spec);
        await first.PhaseAsync(FreezePhase.Frozen);

        var second = await (await Request.CreateInAsync(installation, first.Namespace, spec, "second")).EndsAsAsync(FreezePhase.Failed, Reasons.HeldByOtherRequest);
        Assert.Contains($"held by the FreezeRequest {first.Namespace}/nightly", second.Message, StringComparison.Ordinal);
        Assert.Contains(ext4.MountPoint, second.Message, StringComparison.Ordinal);
        var foreign = await (await Request.CreateAsync(installation, spec)).EndsAsAsync(FreezePhase.Failed, Reasons.HeldByOtherRequest);
        Assert.Contains("held by a FreezeRequest of another namespace", foreign.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(first.Namespace, System.Text.Json.JsonSerializer.Serialize(foreign, CrdsJson.Default.FreezeRequestStatus), StringComparison.Ordinal);

        Assert.True(FreezeProbe.IsFrozen(ext4.MountPoint));
        await first.ThawAsync();
        await first.EndsAsAsync(FreezePhase.Thawed, Reasons.ThawRequested);
    }

    [Fact]
    public async Task One_that_waits_is_frozen_when_the_other_has_ended()
    {
        await installation.RequireAsync();
        await using var xfs = await RealFilesystem.CreateAsync(FilesystemKind.Xfs);
        using var guard = xfs.Guard(TimeSpan.FromSeconds(90));
        var node = await installation.AddNodeAsync();
        var first = await Request.OfAsync(installation, 40, Request.HostPath(node, xfs.MountPoint));
        await first.PhaseAsync(FreezePhase.Frozen);
        var second = await Request.CreateAsync(installation, Waiting(Request.HostPath(node, xfs.MountPoint)));
        await Eventually.GetAsync(async () => (await second.GetAsync())?.Status is { Phase: FreezePhase.Pending, Reason: Reasons.HeldByOtherRequest } status ? status : null, () => "waiting");
        await first.ThawAsync();
        await first.EndsAsAsync(FreezePhase.Thawed, Reasons.ThawRequested);
        await second.PhaseAsync(FreezePhase.Frozen);
        await second.ThawAsync();
        await second.EndsAsAsync(FreezePhase.Thawed, Reasons.ThawRequested);
        await second.GoesAwayAsync();
    }

    [Fact]
    public async Task Two_that_wait_and_need_the_same_two_nodes_both_come_to_their_turn()
    {
        await installation.RequireAsync();
        await using var ext4 = await RealFilesystem.CreateAsync(FilesystemKind.Ext4);
        await using var btrfs = await RealFilesystem.CreateAsync(FilesystemKind.Btrfs);
        using var guard = Guard.Start(TimeSpan.FromSeconds(120), ext4.MountPoint, btrfs.MountPoint);
        var (one, two) = (await installation.AddNodeAsync(), await installation.AddNodeAsync());
        FreezeTarget a = Request.HostPath(one, ext4.MountPoint), b = Request.HostPath(two, btrfs.MountPoint);
        var both = await Task.WhenAll(Request.CreateAsync(installation, Waiting(a, b)), Request.CreateAsync(installation, Waiting(b, a)));
        await Task.WhenAll(both.Select(async request =>
        {
            await request.PhaseAsync(FreezePhase.Frozen, TimeSpan.FromSeconds(45));
            await request.ThawAsync();
            await request.EndsAsAsync(FreezePhase.Thawed, Reasons.ThawRequested);
            await request.GoesAwayAsync();
        }));
    }
}
