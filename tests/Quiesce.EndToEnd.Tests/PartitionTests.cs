using System.Diagnostics;
using Quiesce.Crds;
using Quiesce.EndToEnd.Tests.Running;
using Quiesce.RealFilesystems;

namespace Quiesce.EndToEnd.Tests;

/// <summary>One of two nodes is cut off, at every point of a window: it thaws by itself, the other is rolled back or thawed, and the request ends all the same.</summary>
public sealed class PartitionTests(Installation installation)
{
    // Of the operator: after a node's own bound it may be silent so long before it counts as lost.
    private const int Grace = 5;

    // A thaw is seen by the writer, the end of a request by asking; either takes a moment on a loaded machine.
    private const int Slack = 4;

    [Fact]
    public async Task A_node_cut_off_before_prepare_ends_the_request_as_NodeLost_and_freezes_nothing_when_it_is_back()
    {
        await installation.RequireAsync();
        await using var scene = await Scene.CreateAsync(installation, 60);
        scene.Cut.Way.BlackHole();
        var request = await scene.RequestAsync(deadlineSeconds: 30, freezeTimeoutSeconds: 3);
        await request.EndsAsAsync(FreezePhase.Failed, Reasons.NodeLost);
        await request.GoesAwayAsync();
        scene.Cut.Way.Pass();
        await scene.ServesAgainAsync();
        await scene.CutWriter.NeverFrozenAsync();
        await scene.OtherWriter.NeverFrozenAsync();
    }

    [Fact]
    public async Task A_node_cut_off_between_prepare_and_freeze_has_the_other_rolled_back_within_the_freeze_timeout()
    {
        await installation.RequireAsync();
        await using var scene = await Scene.CreateAsync(installation, 60);
        scene.Other.Way.BlackHole();
        var request = await scene.RequestAsync(deadlineSeconds: 30, freezeTimeoutSeconds: 8);
        await request.NodeReachesAsync(scene.Cut.Name, NodeFreezePhase.Prepared);
        scene.Cut.Way.BlackHole();
        scene.Other.Way.Pass();
        await request.EndsAsAsync(FreezePhase.Failed, Reasons.NodeLost);
        await scene.OtherWriter.FrozenOnceAsync(longestSeconds: 8 + 1);
        await request.GoesAwayAsync();
        scene.Cut.Way.Pass();
        await scene.ServesAgainAsync();
        await scene.CutWriter.NeverFrozenAsync();
        await scene.OtherWriter.FrozenOnceAsync(longestSeconds: 8 + 1);
    }

    [Fact]
    public async Task A_node_cut_off_between_freeze_and_confirmation_thaws_within_the_freeze_timeout_and_breaks_the_window_when_it_is_back()
    {
        await installation.RequireAsync();
        await using var scene = await Scene.CreateAsync(installation, 90);
        // The other one is prepared and then held up, so that the one to be cut off freezes first, and alone.
        scene.Cut.Way.BlackHole();
        var request = await scene.RequestAsync(deadlineSeconds: 60, freezeTimeoutSeconds: 12);
        await request.NodeReachesAsync(scene.Other.Name, NodeFreezePhase.Prepared);
        scene.Other.Way.BlackHole();
        scene.Cut.Way.Pass();
        await scene.CutWriter.StandsStillAsync();
        await request.NodeReachesAsync(scene.Cut.Name, NodeFreezePhase.Frozen);
        scene.Cut.Way.BlackHole();
        scene.Other.Way.Pass();
        await request.PhaseAsync(FreezePhase.Frozen);
        await scene.CutWriter.GoesOnAsync();
        await scene.CutWriter.FrozenOnceAsync(longestSeconds: 12 + 1);
        Assert.True(scene.OtherWriter.StandsStill);
        scene.Cut.Way.Pass();
        await request.EndsAsAsync(FreezePhase.Broken, Reasons.NotConfirmed);
        await request.GoesAwayAsync();
        await scene.CutWriter.FrozenOnceAsync(longestSeconds: 12 + 1);
        await scene.OtherWriter.FrozenOnceAsync(longestSeconds: 60);
    }

    [Fact]
    public async Task A_node_cut_off_while_frozen_thaws_at_its_deadline_and_the_request_ends_as_NodeLost()
    {
        await installation.RequireAsync();
        await using var scene = await Scene.CreateAsync(installation, 60);
        var request = await scene.RequestAsync(deadlineSeconds: 5, freezeTimeoutSeconds: 10);
        await request.PhaseAsync(FreezePhase.Frozen);
        scene.Cut.Way.BlackHole();
        var end = await request.EndsAsAsync(FreezePhase.Failed, Reasons.NodeLost, TimeSpan.FromSeconds(5 + Grace + Slack));
        Assert.Contains(scene.Cut.Name, end.Message, StringComparison.Ordinal);
        await request.GoesAwayAsync();
        scene.Cut.Way.Pass();
        await scene.ServesAgainAsync();
        await scene.CutWriter.FrozenOnceAsync(longestSeconds: 5 + 1, shortestSeconds: 4);
        await scene.OtherWriter.FrozenOnceAsync(longestSeconds: 5 + 1);
    }

    [Fact]
    public async Task A_report_that_was_held_up_does_not_reach_the_next_plan_of_the_same_name()
    {
        await installation.RequireAsync();
        await using var scene = await Scene.CreateAsync(installation, 60);
        var request = await scene.RequestAsync(deadlineSeconds: 5, freezeTimeoutSeconds: 10);
        await request.PhaseAsync(FreezePhase.Frozen);
        var name = (await request.NodeFreezeAsync(scene.Cut.Name))!.Metadata.Name;
        scene.Cut.Way.BlackHole();
        await request.EndsAsAsync(FreezePhase.Failed, Reasons.NodeLost);
        await request.GoesAwayAsync();
        // Its agent still has to say that the first one expired.
        var next = await scene.LookAsync();
        var plan = await Eventually.GetAsync(() => next.NodeFreezeAsync(scene.Cut.Name), () => "the plan of the next request");
        Assert.Equal(name, plan.Metadata.Name);
        scene.Cut.Way.Pass();
        await next.PhaseAsync(FreezePhase.Thawed, TimeSpan.FromSeconds(60));
    }

    [Fact]
    public async Task A_thaw_asked_for_while_a_node_is_cut_off_thaws_the_others_at_once()
    {
        await installation.RequireAsync();
        await using var scene = await Scene.CreateAsync(installation, 60);
        var request = await scene.RequestAsync(deadlineSeconds: 8, freezeTimeoutSeconds: 10);
        await request.PhaseAsync(FreezePhase.Frozen);
        scene.Cut.Way.BlackHole();
        await scene.OtherWriter.StandsStillAsync();
        await request.ThawAsync();
        await scene.OtherWriter.GoesOnAsync(TimeSpan.FromSeconds(4));
        await request.EndsAsAsync(FreezePhase.Failed, Reasons.NodeLost, TimeSpan.FromSeconds(8 + Grace + Slack));
        await scene.CutWriter.FrozenOnceAsync(longestSeconds: 8 + 1, shortestSeconds: 7);
        await scene.OtherWriter.FrozenOnceAsync(longestSeconds: 7);
        await request.GoesAwayAsync();
    }

    [Fact]
    public async Task A_request_deleted_while_a_node_is_cut_off_is_gone_after_deadline_and_grace()
    {
        await installation.RequireAsync();
        await using var scene = await Scene.CreateAsync(installation, 60);
        var request = await scene.RequestAsync(deadlineSeconds: 5, freezeTimeoutSeconds: 10);
        await request.PhaseAsync(FreezePhase.Frozen);
        scene.Cut.Way.BlackHole();
        await scene.OtherWriter.StandsStillAsync();
        var since = Stopwatch.StartNew();
        await request.DeleteAsync();
        await request.GoneAsync(TimeSpan.FromSeconds(5 + Grace + Slack));
        Assert.InRange(since.Elapsed.TotalSeconds, 0, 5 + Grace + Slack);
        await request.SweptAsync();
        scene.Cut.Way.Pass();
        await scene.ServesAgainAsync();
        await scene.CutWriter.FrozenOnceAsync(longestSeconds: 5 + 1);
        await scene.OtherWriter.FrozenOnceAsync(longestSeconds: 5 + 1);
    }

    /// <summary>Two nodes with a filesystem each, and ways to the API server that can be cut: the one that a test cuts off, and the other.</summary>
    private sealed class Scene : IAsyncDisposable
    {
        private readonly Installation installation;
        private readonly Stack<IAsyncDisposable> things = [];
        private Guard? guard;
        private RealFilesystem? cutFilesystem;
        private RealFilesystem? otherFilesystem;

        private Scene(Installation installation) => this.installation = installation;

        internal Node Cut { get; private set; } = null!;

        internal Node Other { get; private set; } = null!;

        internal StandingWriter CutWriter { get; private set; } = null!;

        internal StandingWriter OtherWriter { get; private set; } = null!;

        internal static async Task<Scene> CreateAsync(Installation installation, int guardSeconds)
        {
            var scene = new Scene(installation);
            try
            {
                await scene.MakeAsync(guardSeconds);
                return scene;
            }
            catch
            {
                await scene.DisposeAsync();
                throw;
            }
        }

        internal Task<Request> RequestAsync(int deadlineSeconds, int freezeTimeoutSeconds) => Request.CreateAsync(installation, new FreezeRequestSpec
        {
            DeadlineSeconds = deadlineSeconds,
            FreezeTimeoutSeconds = freezeTimeoutSeconds,
            Targets = [Request.HostPath(Cut.Name, cutFilesystem!.MountPoint), Request.HostPath(Other.Name, otherFilesystem!.MountPoint)],
        });

        /// <summary>Waits until the node that was cut off has heard all that was said meanwhile: it answers a new request.</summary>
        internal async Task ServesAgainAsync()
        {
            var look = await LookAsync();
            await look.PhaseAsync(FreezePhase.Thawed, TimeSpan.FromSeconds(60));
        }

        /// <summary>Asks the node that is cut off to look at its filesystem.</summary>
        internal Task<Request> LookAsync() => Request.CreateAsync(
            installation,
            new FreezeRequestSpec { DryRun = true, FreezeTimeoutSeconds = 60, Targets = [Request.HostPath(Cut.Name, cutFilesystem!.MountPoint)] });

        public async ValueTask DisposeAsync()
        {
            while (things.TryPop(out var thing)) await thing.DisposeAsync();
            guard?.Dispose();
        }

        private async Task MakeAsync(int guardSeconds)
        {
            things.Push(cutFilesystem = await RealFilesystem.CreateAsync(FilesystemKind.Ext4));
            things.Push(otherFilesystem = await RealFilesystem.CreateAsync(FilesystemKind.Xfs));
            guard = Guard.Start(TimeSpan.FromSeconds(guardSeconds), cutFilesystem.MountPoint, otherFilesystem.MountPoint);
            things.Push(CutWriter = await StandingWriter.StartAsync(cutFilesystem));
            things.Push(OtherWriter = await StandingWriter.StartAsync(otherFilesystem));
            things.Push(Cut = await installation.NodeAsync(ownWay: true));
            things.Push(Other = await installation.NodeAsync(ownWay: true));
        }
    }
}
