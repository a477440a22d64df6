using Quiesce.ApiServers;
using Quiesce.Crds;
using Quiesce.EndToEnd.Tests.Running;
using Quiesce.RealFilesystems;

namespace Quiesce.EndToEnd.Tests;

/// <summary>The control plane's own data lie on the filesystem that is frozen.</summary>
public sealed class ControlPlaneTests(Installation installation)
{
    [Fact]
    public async Task Etcd_on_the_frozen_filesystem_hangs_the_API_server_and_the_node_still_thaws_at_its_deadline_and_everything_recovers()
    {
        await installation.RequireAsync();
        Assert.SkipWhen(
            Environment.GetEnvironmentVariable(ApiServerUnderTest.AssetsVariable) is null or "",
            $"{ApiServerUnderTest.AssetsVariable} names no kube-apiserver and etcd: the local cluster keeps its data in memory, so there is nothing to freeze under it");
        const int Deadline = 8;
        // One that holds the 128 MB that etcd sets aside for its log.
        await using var data = await RealFilesystem.CreateAsync(FilesystemKind.Xfs);
        using var guard = data.Guard(TimeSpan.FromSeconds(120));
        // Last to go, after its etcd: a frozen filesystem would keep that alive.
        await using var frozen = new Installation(new ApiServerOptions { EtcdFolder = data.MountPoint });
        await frozen.InitializeAsync();
        await frozen.RequireAsync();
        await using var writer = await StandingWriter.StartAsync(data);
        await using var space = await NodeSpace.CreateAsync([data.MountPoint], etcd: data.MountPoint);
        await using var node = await frozen.NodeAsync(new ProgramStart { Wrapper = space.Enter });

        // Without the administrator's permission it is not even tried.
        var refused = await Request.OfAsync(frozen, Deadline, Request.HostPath(node.Name, "/var/lib/etcd"));
        await refused.EndsAsAsync(FreezePhase.Failed, Reasons.ProtectedFilesystem);
        await writer.NeverFrozenAsync();

        await node.StopAgentAsync();
        node.Start = node.Start with { Arguments = ["--allow-protected", "/var/lib/etcd"] };
        await node.StartAgentAsync();
        var request = await Request.OfAsync(frozen, Deadline, Request.HostPath(node.Name, "/var/lib/etcd"));
        await writer.StandsStillAsync();
        // No write gets through any more: not the agent's report, and nobody's thaw.
        using (var patience = new CancellationTokenSource(TimeSpan.FromSeconds(2)))
            await Assert.ThrowsAnyAsync<Exception>(() => frozen.FreezeRequests.PatchAsync(
                request.Namespace, request.Name, new System.Text.Json.Nodes.JsonObject { ["spec"] = new System.Text.Json.Nodes.JsonObject { ["desiredState"] = "Thawed" } }, cancellationToken: patience.Token));
        await writer.GoesOnAsync();
        await writer.FrozenOnceAsync(longestSeconds: Deadline + 1, shortestSeconds: Deadline - 1);
        var end = await request.EndAsync(TimeSpan.FromSeconds(60));
        // The thaw that somebody tried to ask for may have waited in the API server, and is carried out then: the deadline was first.
        Assert.Equal((FreezePhase.Expired, Reasons.DeadlineExceeded), (end.Phase, end.Reason));
        await request.GoesAwayAsync();

        // Everything recovered: the same again, for something else.
        await using var ext4 = await RealFilesystem.CreateAsync(FilesystemKind.Ext4);
        using var another = ext4.Guard(TimeSpan.FromSeconds(60));
        await using var second = await frozen.NodeAsync();
        var next = await Request.OfAsync(frozen, 30, Request.HostPath(second.Name, ext4.MountPoint));
        await next.PhaseAsync(FreezePhase.Frozen);
        await next.ThawAsync();
        await next.EndsAsAsync(FreezePhase.Thawed, Reasons.ThawRequested);
        await writer.FrozenOnceAsync(longestSeconds: Deadline + 1);
    }
}
