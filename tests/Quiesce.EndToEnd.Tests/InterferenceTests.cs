using System.Text.Json.Nodes;
using Quiesce.Cluster;
using Quiesce.Crds;
using Quiesce.EndToEnd.Tests.Running;
using Quiesce.RealFilesystems;

namespace Quiesce.EndToEnd.Tests;

/// <summary>Somebody deletes by hand, or replaces, what an open window rests on.</summary>
public sealed class InterferenceTests(Installation installation)
{
    [Fact]
    public async Task A_request_whose_finalizer_was_removed_by_hand_and_that_was_deleted_at_once_is_thawed_and_swept()
    {
        await installation.RequireAsync();
        await using var ext4 = await RealFilesystem.CreateAsync(FilesystemKind.Ext4);
        using var guard = ext4.Guard(TimeSpan.FromSeconds(60));
        await using var writer = await StandingWriter.StartAsync(ext4);
        await using var node = await installation.NodeAsync();
        var request = await Request.OfAsync(installation, 30, Request.HostPath(node.Name, ext4.MountPoint));
        await request.PhaseAsync(FreezePhase.Frozen);
        await writer.StandsStillAsync();
        await installation.FreezeRequests.PatchAsync(
            request.Namespace, request.Name, new JsonObject { ["metadata"] = new JsonObject { ["finalizers"] = null } }, cancellationToken: CancellationToken.None);
        await request.DeleteAsync();
        await request.GoneAsync(TimeSpan.FromSeconds(5));
        await writer.GoesOnAsync(TimeSpan.FromSeconds(5));
        await request.SweptAsync();
        await writer.FrozenOnceAsync(longestSeconds: 15);
    }

    [Fact]
    public async Task The_deletion_of_the_Node_object_changes_nothing_in_an_open_window()
    {
        await installation.RequireAsync();
        await using var ext4 = await RealFilesystem.CreateAsync(FilesystemKind.Ext4);
        using var guard = ext4.Guard(TimeSpan.FromSeconds(60));
        await using var writer = await StandingWriter.StartAsync(ext4);
        await using var node = await installation.NodeAsync();
        var request = await Request.OfAsync(installation, 30, Request.HostPath(node.Name, ext4.MountPoint));
        await request.PhaseAsync(FreezePhase.Frozen);
        await AgentNodes.RemoveAsync(installation.Server.Http, node.Name);
        await writer.StandsStillAsync();
        await request.ThawAsync();
        await request.EndsAsAsync(FreezePhase.Thawed, Reasons.ThawRequested);
        await writer.FrozenOnceAsync(longestSeconds: 20);
        await request.GoesAwayAsync();
        var next = await Request.OfAsync(installation, 30, Request.HostPath(node.Name, ext4.MountPoint));
        await next.EndsAsAsync(FreezePhase.Failed, Reasons.NodeNotFound);
        await next.GoesAwayAsync();
    }

    [Fact]
    public async Task An_evicted_agent_thaws_before_it_goes_and_its_node_takes_no_request_until_the_next_one_is_there()
    {
        await installation.RequireAsync();
        await using var ext4 = await RealFilesystem.CreateAsync(FilesystemKind.Ext4);
        using var guard = ext4.Guard(TimeSpan.FromSeconds(60));
        await using var writer = await StandingWriter.StartAsync(ext4);
        await using var node = await installation.NodeAsync();
        var request = await Request.OfAsync(installation, 30, Request.HostPath(node.Name, ext4.MountPoint));
        await request.PhaseAsync(FreezePhase.Frozen);
        await writer.StandsStillAsync();
        // As the kubelet does: the pod is marked, its processes get SIGTERM, and with their end the object goes.
        await AgentNodes.SetAgentReadyAsync(installation.Server.Http, node.Name, false);
        await node.StopAgentAsync();
        await writer.GoesOnAsync(TimeSpan.FromSeconds(2));
        await node.DeletePodAsync();
        await request.EndsAsAsync(FreezePhase.Broken, Reasons.AgentStopped);
        await request.GoesAwayAsync();
        var early = await Request.OfAsync(installation, 30, Request.HostPath(node.Name, ext4.MountPoint));
        await early.EndsAsAsync(FreezePhase.Failed, Reasons.AgentNotReady);

        await installation.Server.AddNodeAsync(node.Name);
        await node.StartAgentAsync();
        var next = await Request.OfAsync(installation, 30, Request.HostPath(node.Name, ext4.MountPoint));
        await next.PhaseAsync(FreezePhase.Frozen);
        await next.ThawAsync();
        await next.EndsAsAsync(FreezePhase.Thawed, Reasons.ThawRequested);
    }

    [Fact]
    public async Task A_new_agent_that_starts_while_the_old_one_still_holds_says_so_and_the_window_ends()
    {
        await installation.RequireAsync();
        await using var ext4 = await RealFilesystem.CreateAsync(FilesystemKind.Ext4);
        using var guard = ext4.Guard(TimeSpan.FromSeconds(60));
        await using var writer = await StandingWriter.StartAsync(ext4);
        await using var space = await NodeSpace.CreateAsync([ext4.MountPoint]);
        await using var node = await installation.NodeAsync(new ProgramStart { Wrapper = space.Enter });
        var request = await Request.OfAsync(installation, 30, Request.HostPath(node.Name, ext4.MountPoint));
        await request.PhaseAsync(FreezePhase.Frozen);
        await writer.StandsStillAsync();
        await using var old = node.Detach();
        await node.StartAgentAsync();
        // The old one lives, and it is its window: it thaws on the operator's word, not because somebody took the filesystem from it.
        await request.EndsAsAsync(FreezePhase.Broken, Reasons.AgentRestarted);
        await writer.GoesOnAsync(TimeSpan.FromSeconds(2));
        await old.StopAsync();
        await request.GoesAwayAsync();
        var next = await Request.OfAsync(installation, 30, Request.HostPath(node.Name, ext4.MountPoint));
        await next.PhaseAsync(FreezePhase.Frozen);
        await next.ThawAsync();
        await next.EndsAsAsync(FreezePhase.Thawed, Reasons.ThawRequested);
    }

    [Fact]
    public async Task An_agent_replaced_while_nobody_hears_it_thaws_and_its_successor_freezes_nothing_again()
    {
        await installation.RequireAsync();
        await using var ext4 = await RealFilesystem.CreateAsync(FilesystemKind.Ext4);
        using var guard = ext4.Guard(TimeSpan.FromSeconds(60));
        await using var writer = await StandingWriter.StartAsync(ext4);
        await using var space = await NodeSpace.CreateAsync([ext4.MountPoint]);
        await using var node = await installation.NodeAsync(new ProgramStart { Wrapper = space.Enter }, ownWay: true);
        // So slow that the report of the freeze is still on its way when that way is cut.
        node.Way.Delay(TimeSpan.FromSeconds(1.5));
        var request = await Request.CreateAsync(
            installation, new FreezeRequestSpec { DeadlineSeconds = 30, FreezeTimeoutSeconds = 40, Targets = [Request.HostPath(node.Name, ext4.MountPoint)] });
        await writer.StandsStillAsync();
        node.Way.BlackHole();
        Assert.Null((await request.NodeFreezeAsync(node.Name))!.Status);
        await node.KillAgentAsync();
        await writer.GoesOnAsync(TimeSpan.FromSeconds(2));
        Assert.Null((await request.NodeFreezeAsync(node.Name))!.Status);
        node.Way.Pass();
        await node.StartAgentAsync();
        // Broken if the holder left a journal that says that it was frozen; if it had tidied up, nobody knows that it ever was.
        var end = await request.EndAsync();
        Assert.True(end.Phase is FreezePhase.Failed or FreezePhase.Broken, $"ended as {end.Phase}");
        Assert.Equal(Reasons.AgentRestarted, end.Reason);
        await writer.FrozenOnceAsync(longestSeconds: 20);
        await request.GoesAwayAsync();
    }

    [Fact]
    public async Task A_window_set_to_Thawed_by_hand_thaws_every_node_and_the_request_says_that_it_was_not_asked_for()
    {
        await installation.RequireAsync();
        await using var ext4 = await RealFilesystem.CreateAsync(FilesystemKind.Ext4);
        using var guard = ext4.Guard(TimeSpan.FromSeconds(60));
        await using var writer = await StandingWriter.StartAsync(ext4);
        await using var node = await installation.NodeAsync();
        var request = await Request.OfAsync(installation, 30, Request.HostPath(node.Name, ext4.MountPoint));
        await request.PhaseAsync(FreezePhase.Frozen);
        await writer.StandsStillAsync();
        await installation.FreezeWindows.PatchAsync(
            InternalNames.DefaultNamespace, InternalNames.Window(request.Uid), new JsonObject { ["spec"] = new JsonObject { ["desiredState"] = "Thawed" } }, cancellationToken: CancellationToken.None);
        await request.EndsAsAsync(FreezePhase.Broken, Reasons.CommandGone);
        await writer.FrozenOnceAsync(longestSeconds: 15);
        await request.GoesAwayAsync();
    }
}
