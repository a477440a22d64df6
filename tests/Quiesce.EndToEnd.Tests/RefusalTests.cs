using Quiesce.Crds;
using Quiesce.EndToEnd.Tests.Running;
using Quiesce.RealFilesystems;

namespace Quiesce.EndToEnd.Tests;

/// <summary>Bad input: the condition names the object and the reason, and nothing stays frozen.</summary>
public sealed class RefusalTests(Installation installation)
{
    [Theory]
    [InlineData("/does/not/exist", Reasons.PathNotFound)]
    [InlineData("/etc/hostname", Reasons.NotADirectory)]
    [InlineData("/", Reasons.ProtectedFilesystem)]
    [InlineData("/usr", Reasons.ProtectedFilesystem)]
    [InlineData("/proc", Reasons.NothingToFreeze)]
    public async Task A_path_that_cannot_be_frozen_fails_the_request_and_rolls_the_other_node_back(string path, string reason)
    {
        await installation.RequireAsync();
        await using var ext4 = await RealFilesystem.CreateAsync(FilesystemKind.Ext4);
        using var guard = ext4.Guard(TimeSpan.FromSeconds(40));
        var (good, bad) = (await installation.AddNodeAsync(), await installation.AddNodeAsync());
        var request = await Request.OfAsync(installation, 30, Request.HostPath(good, ext4.MountPoint), Request.HostPath(bad, path));
        var failed = await request.PhaseAsync(FreezePhase.Failed);
        Assert.Equal(reason, failed.Reason);
        Assert.Contains(bad, failed.Message, StringComparison.Ordinal);
        Assert.Contains(path, failed.Message, StringComparison.Ordinal);
        Assert.Equal((ConditionStatus.False, reason), (Request.Condition(failed, ConditionTypes.Frozen).Status, Request.Condition(failed, ConditionTypes.Frozen).Reason));
        Assert.Equal(ConditionStatus.True, Request.Condition(failed, ConditionTypes.Finished).Status);
        Assert.False(FreezeProbe.IsFrozen(ext4.MountPoint));
        await request.SweptAsync();
    }

    [Fact]
    public async Task An_unknown_node_and_a_node_without_an_agent_are_refused_at_once()
    {
        await installation.RequireAsync();
        var unknown = await Request.OfAsync(installation, 30, Request.HostPath("no-such-node", "/srv"));
        var failed = await unknown.PhaseAsync(FreezePhase.Failed, TimeSpan.FromSeconds(5));
        Assert.Equal(Reasons.NodeNotFound, failed.Reason);
        Assert.Contains("no-such-node", failed.Message, StringComparison.Ordinal);

        await installation.Server.ApplyAsync("{apiVersion: v1, kind: Node, metadata: {name: bare-node}}");
        var bare = await Request.OfAsync(installation, 30, Request.HostPath("bare-node", "/srv"));
        failed = await bare.PhaseAsync(FreezePhase.Failed, TimeSpan.FromSeconds(5));
        Assert.Equal(Reasons.AgentNotReady, failed.Reason);
        Assert.Contains("bare-node", failed.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_filesystem_that_someone_else_froze_fails_the_request_rolls_ours_back_and_leaves_theirs()
    {
        await installation.RequireAsync();
        await using var ours = await RealFilesystem.CreateAsync(FilesystemKind.Xfs);
        await using var theirs = await RealFilesystem.CreateAsync(FilesystemKind.Ext4);
        using var guard = Guard.Start(TimeSpan.FromSeconds(40), ours.MountPoint, theirs.MountPoint);
        var (one, two) = (await installation.AddNodeAsync(), await installation.AddNodeAsync());
        Assert.True(FreezeProbe.Freeze(theirs.MountPoint));
        var request = await Request.OfAsync(installation, 30, Request.HostPath(one, ours.MountPoint), Request.HostPath(two, theirs.MountPoint));
        var failed = await request.PhaseAsync(FreezePhase.Failed);
        Assert.Equal(Reasons.AlreadyFrozen, failed.Reason);
        Assert.Contains(theirs.MountPoint, failed.Message, StringComparison.Ordinal);
        Assert.False(FreezeProbe.IsFrozen(ours.MountPoint));
        Assert.True(FreezeProbe.IsFrozen(theirs.MountPoint));
        Assert.True(FreezeProbe.Thaw(theirs.MountPoint));
    }

    [Fact]
    public async Task A_kind_that_cannot_freeze_is_skipped_beside_others_and_a_failure_when_the_request_says_so()
    {
        await installation.RequireAsync();
        await using var ext4 = await RealFilesystem.CreateAsync(FilesystemKind.Ext4);
        using var guard = ext4.Guard(TimeSpan.FromSeconds(40));
        var node = await installation.AddNodeAsync();
        FreezeTarget[] targets = [Request.HostPath(node, ext4.MountPoint), Request.HostPath(node, "/dev/shm")];
        var skip = await Request.OfAsync(installation, 30, targets);
        var frozen = await skip.PhaseAsync(FreezePhase.Frozen);
        Assert.Equal(1, frozen.FrozenFilesystems);
        Assert.Contains(Assert.Single(frozen.Nodes).Filesystems, f => f is { Path: "/dev/shm", State: FilesystemState.Skipped, Reason: Reasons.FreezeNotSupported });
        await skip.ThawAsync();
        await skip.PhaseAsync(FreezePhase.Thawed);

        var fail = await Request.CreateAsync(installation, new FreezeRequestSpec { Targets = targets, UnsupportedFilesystems = UnsupportedFilesystems.Fail });
        Assert.Equal(Reasons.FreezeNotSupported, (await fail.PhaseAsync(FreezePhase.Failed)).Reason);
        Assert.False(FreezeProbe.IsFrozen(ext4.MountPoint));
    }

    [Fact]
    public async Task A_restored_request_never_freezes()
    {
        await installation.RequireAsync();
        await using var ext4 = await RealFilesystem.CreateAsync(FilesystemKind.Ext4);
        using var guard = ext4.Guard(TimeSpan.FromSeconds(40));
        var node = await installation.AddNodeAsync();
        var request = await Request.CreateAsync(
            installation,
            new FreezeRequestSpec { Targets = [Request.HostPath(node, ext4.MountPoint)] },
            new Dictionary<string, string> { [QuiesceApi.RestoreNameLabel] = "backup-1" });
        Assert.Equal(Reasons.Restored, (await request.PhaseAsync(FreezePhase.Failed)).Reason);
    }
}
