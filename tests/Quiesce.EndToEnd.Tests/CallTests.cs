using Quiesce.Cluster.Faults;
using Quiesce.Crds;
using Quiesce.EndToEnd.Tests.Running;
using Quiesce.RealFilesystems;

namespace Quiesce.EndToEnd.Tests;

/// <summary>Nodes that are called by one object, instead of being given a plan each: they freeze, thaw and fail as any other, also where agents die between call and answer.</summary>
public sealed class CallTests(SpareInstallations spares) : OwnInstallation(spares)
{
    private static readonly ProgramStart EverybodyIsCalled = new() { Arguments = ["--call-from-nodes", "2"] };

    [Fact]
    public async Task Called_nodes_freeze_and_thaw_together_and_say_so_in_plans_of_their_own_making()
    {
        await using var two = await TwoNodes.CreateAsync(Installation);
        var request = await two.RequestAsync();
        var frozen = await request.PhaseAsync(FreezePhase.Frozen);
        Assert.Equal((2, 2), (frozen.NodesFrozen, frozen.FrozenFilesystems));
        Assert.All(await two.PlansAsync(request), plan => Assert.Contains(QuiesceApi.ReportAnnotation, plan.Metadata.Annotations.Keys));
        Assert.Equal(2, (await two.PlansAsync(request)).Count);
        await two.First.Writer.StandsStillAsync();
        await two.Second.Writer.StandsStillAsync();
        // Long enough for each node to follow the window on a watch of its own as well.
        await Task.Delay(TimeSpan.FromSeconds(11), TestContext.Current.CancellationToken);
        await request.PatchSpecAsync(new() { ["deadlineSeconds"] = 50 });
        await Eventually.GetAsync(async () => (await two.PlansAsync(request)).All(p => p.Report?.DeadlineSeconds == 50) ? "raised" : null, () => "the raise");
        await request.ThawAsync();
        await request.EndsAsAsync(FreezePhase.Thawed, Reasons.ThawRequested);
        await two.First.Writer.FrozenOnceAsync(longestSeconds: 40);
        await two.Second.Writer.FrozenOnceAsync(longestSeconds: 40);
        await request.GoesAwayAsync();
    }

    [Fact]
    public async Task An_agent_killed_between_call_and_answer_is_followed_by_one_that_freezes_nothing()
    {
        Assert.SkipUnless(Installation.Server.SupportsFaults, "faults are injected into the local cluster only");
        await using var two = await TwoNodes.CreateAsync(Installation);
        var answers = new RequestMatch { Verbs = ["create"], Resource = "nodefreezes", UserAgent = "quiesce-agent" };
        var never = new TaskCompletionSource();
        using var held = Installation.Server.Local!.Faults.Inject(answers, FaultEffect.HoldUntil(never.Task), times: 2);
        var request = await two.RequestAsync();
        await Eventually.TrueAsync(() => held.Hits == 2, "two answers");
        await two.First.Node.KillAgentAsync();
        held.Dispose();
        never.SetCanceled(TestContext.Current.CancellationToken);
        await two.First.Node.StartAgentAsync();
        await request.EndsAsAsync(FreezePhase.Failed, Reasons.AgentRestarted);
        await two.First.Writer.NeverFrozenAsync();
        await two.Second.Writer.NeverFrozenAsync();
        await request.GoesAwayAsync();
    }

    [Theory]
    [InlineData(false, FreezePhase.Failed)]
    [InlineData(true, FreezePhase.Broken)]
    public async Task An_agent_killed_after_its_answer_ends_the_window_of_all(bool frozen, FreezePhase ends)
    {
        await using var two = await TwoNodes.CreateAsync(Installation);
        if (!frozen) two.Second.Node.Way.BlackHole();
        var request = await two.RequestAsync();
        if (frozen) await request.PhaseAsync(FreezePhase.Frozen);
        else await request.NodeReachesAsync(two.First.Node.Name, NodeFreezePhase.Prepared);
        await two.First.Node.KillAgentAsync();
        if (frozen) await two.First.Writer.GoesOnAsync(TimeSpan.FromSeconds(5));
        await two.First.Node.StartAgentAsync();
        await request.EndsAsAsync(ends, Reasons.AgentRestarted);
        two.Second.Node.Way.Pass();
        if (!frozen)
        {
            await two.First.Writer.NeverFrozenAsync();
            await two.Second.Writer.NeverFrozenAsync();
        }

        await request.GoesAwayAsync();
    }

    [Fact]
    public async Task Agents_that_may_not_make_their_plans_are_given_them_and_report_at_once()
    {
        Assert.SkipUnless(Installation.Server.SupportsFaults, "faults are injected into the local cluster only");
        await using var two = await TwoNodes.CreateAsync(Installation);
        var answers = new RequestMatch { Verbs = ["create"], Resource = "nodefreezes", UserAgent = "quiesce-agent" };
        using var forbidden = Installation.Server.Local!.Faults.Inject(answers, FaultEffect.Forbidden, times: 1_000);
        // Within a moment of the half of it, whatever the pause is after which an agent would try again by itself.
        var request = await two.RequestAsync(freezeTimeoutSeconds: 20);
        var plan = await Eventually.GetAsync(async () => await request.NodeFreezeAsync(two.First.Node.Name), () => "a plan");
        var given = TimeProvider.System.GetTimestamp();
        await request.PhaseAsync(FreezePhase.Frozen);
        Assert.InRange(TimeProvider.System.GetElapsedTime(given).TotalSeconds, 0, 3);
        Assert.DoesNotContain(QuiesceApi.ReportAnnotation, plan.Metadata.Annotations.Keys);
        await request.ThawAsync();
        await request.EndsAsAsync(FreezePhase.Thawed, Reasons.ThawRequested);
        await request.GoesAwayAsync();
    }

    [Fact]
    public async Task A_node_that_is_cut_off_when_it_is_called_is_given_its_plan_and_freezes_with_the_other()
    {
        await using var two = await TwoNodes.CreateAsync(Installation);
        two.Second.Node.Way.Refuse();
        var request = await two.RequestAsync(freezeTimeoutSeconds: 30);
        await request.NodeReachesAsync(two.First.Node.Name, NodeFreezePhase.Prepared);
        // Until half of the freeze timeout is over.
        await Eventually.GetAsync(async () => await request.NodeFreezeAsync(two.Second.Node.Name), () => "a plan for the node that did not answer");
        two.Second.Node.Way.Pass();
        await request.PhaseAsync(FreezePhase.Frozen);
        await two.Second.Writer.StandsStillAsync();
        await request.ThawAsync();
        await request.EndsAsAsync(FreezePhase.Thawed, Reasons.ThawRequested);
        await two.Second.Writer.FrozenOnceAsync(longestSeconds: 20);
        await request.GoesAwayAsync();
    }

    [Fact]
    public async Task An_agent_that_starts_after_the_call_hears_it()
    {
        await using var two = await TwoNodes.CreateAsync(Installation);
        await two.Second.Node.KillAgentAsync();
        var request = await two.RequestAsync();
        await request.NodeReachesAsync(two.First.Node.Name, NodeFreezePhase.Prepared);
        await two.Second.Node.StartAgentAsync();
        await request.PhaseAsync(FreezePhase.Frozen);
        Assert.All(await two.PlansAsync(request), plan => Assert.Contains(QuiesceApi.ReportAnnotation, plan.Metadata.Annotations.Keys));
        await request.ThawAsync();
        await request.EndsAsAsync(FreezePhase.Thawed, Reasons.ThawRequested);
        await request.GoesAwayAsync();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_window_or_plan_deleted_while_it_is_open_thaws_and_breaks_it(bool window)
    {
        await using var two = await TwoNodes.CreateAsync(Installation);
        var request = await two.RequestAsync();
        await request.PhaseAsync(FreezePhase.Frozen);
        await two.First.Writer.StandsStillAsync();
        await two.Second.Writer.StandsStillAsync();
        if (window) await Installation.FreezeWindows.DeleteAsync(InternalNames.DefaultNamespace, InternalNames.CalledWindow);
        else await Installation.NodeFreezes.DeleteAsync(InternalNames.DefaultNamespace, (await request.NodeFreezeAsync(two.First.Node.Name))!.Metadata.Name);
        await request.EndsAsAsync(FreezePhase.Broken, Reasons.CommandGone);
        await two.First.Writer.FrozenOnceAsync(longestSeconds: 15);
        await two.Second.Writer.FrozenOnceAsync(longestSeconds: 15);
        await request.GoesAwayAsync();
    }

    [Fact]
    public async Task Cut_off_from_a_called_window_a_node_thaws_at_its_deadline_and_the_window_is_not_intact()
    {
        await using var two = await TwoNodes.CreateAsync(Installation);
        var request = await two.RequestAsync(deadlineSeconds: 6);
        await request.PhaseAsync(FreezePhase.Frozen);
        two.First.Node.Way.BlackHole();
        await request.ThawAsync();
        await two.First.Writer.FrozenOnceAsync(longestSeconds: 6 + 1);
        two.First.Node.Way.Pass();
        await request.EndsAsAsync(FreezePhase.Expired, Reasons.DeadlineExceeded);
        await request.GoesAwayAsync();
    }

    [Fact]
    public async Task The_operator_killed_between_call_and_freeze_is_followed_by_one_that_goes_on()
    {
        await using var two = await TwoNodes.CreateAsync(Installation);
        two.Second.Node.Way.BlackHole();
        var request = await two.RequestAsync();
        await request.NodeReachesAsync(two.First.Node.Name, NodeFreezePhase.Prepared);
        await Installation.KillOperatorAsync();
        two.Second.Node.Way.Pass();
        await request.NodeReachesAsync(two.Second.Node.Name, NodeFreezePhase.Prepared);
        await Installation.StartOperatorAsync(EverybodyIsCalled);
        await request.PhaseAsync(FreezePhase.Frozen);
        await request.ThawAsync();
        await request.EndsAsAsync(FreezePhase.Thawed, Reasons.ThawRequested);
        await request.GoesAwayAsync();
    }

    [Fact]
    public async Task A_window_restored_from_a_backup_calls_nobody()
    {
        await using var two = await TwoNodes.CreateAsync(Installation);
        await Installation.KillOperatorAsync(); // which would sweep it before anybody could hear it
        var plan = new NodeFreezeSpec { NodeName = two.First.Node.Name, Request = new() { Namespace = "", Name = "", Uid = "" }, Paths = [two.First.Filesystem.MountPoint] };
        foreach (var restored in (bool[])[true, false])
        {
            var labels = new Dictionary<string, string> { [QuiesceApi.RequestUidLabel] = "gone" };
            if (restored) labels[QuiesceApi.RestoreNameLabel] = "restore-1";
            var window = await Installation.FreezeWindows.CreateAsync(
                new FreezeWindow
                {
                    Metadata = new()
                    {
                        Name = InternalNames.CalledWindow,
                        NamespaceProperty = InternalNames.DefaultNamespace,
                        Labels = labels,
                        Annotations = new Dictionary<string, string> { [QuiesceApi.PlansAnnotation] = CalledPlans.Write([plan])! },
                    },
                    Spec = new() { Request = new() { Namespace = "shop", Name = "gone", Uid = "gone" }, DeadlineSeconds = 20, Nodes = 2 },
                },
                CancellationToken.None);
            if (restored) await Task.Delay(TimeSpan.FromSeconds(2), TestContext.Current.CancellationToken);
            else await Eventually.GetAsync(async () => (await Installation.NodeFreezes.ListAsync(InternalNames.DefaultNamespace, $"{QuiesceApi.RequestUidLabel}=gone")).Items.SingleOrDefault(), () => "an answer to one that is not restored");
            Assert.Equal(restored ? 0 : 1, (await Installation.NodeFreezes.ListAsync(InternalNames.DefaultNamespace, $"{QuiesceApi.RequestUidLabel}=gone")).Items.Count);
            await Installation.FreezeWindows.DeleteAsync(InternalNames.DefaultNamespace, InternalNames.CalledWindow, window.Metadata.Uid);
        }

        // Of a request that is not there: swept, and nothing was ever frozen.
        await Installation.StartOperatorAsync(EverybodyIsCalled);
        await Eventually.GetAsync(async () => (await Installation.NodeFreezes.ListAsync(InternalNames.DefaultNamespace, $"{QuiesceApi.RequestUidLabel}=gone")).Items.Count == 0 ? "swept" : null, () => "swept");
        await two.First.Writer.NeverFrozenAsync();
    }

    /// <summary>A node with a filesystem that somebody writes to.</summary>
    private sealed record Part(Node Node, RealFilesystem Filesystem, StandingWriter Writer);

    private sealed class TwoNodes(Installation installation, IDisposable guard, Part first, Part second) : IAsyncDisposable
    {
        internal Part First => first;

        internal Part Second => second;

        internal static async Task<TwoNodes> CreateAsync(Installation installation)
        {
            await installation.RequireAsync();
            await installation.ReplaceOperatorAsync(EverybodyIsCalled);
            var (ext4, xfs) = (await RealFilesystem.CreateAsync(FilesystemKind.Ext4), await RealFilesystem.CreateAsync(FilesystemKind.Xfs));
            var guard = Guard.Start(TimeSpan.FromSeconds(120), ext4.MountPoint, xfs.MountPoint);
            return new(installation, guard, await PartAsync(ext4), await PartAsync(xfs));

            async Task<Part> PartAsync(RealFilesystem filesystem) => new(await installation.NodeAsync(ownWay: true), filesystem, await StandingWriter.StartAsync(filesystem));
        }

        internal async Task<Request> RequestAsync(int deadlineSeconds = 40, int freezeTimeoutSeconds = 20) => await Request.CreateAsync(installation, new FreezeRequestSpec
        {
            DeadlineSeconds = deadlineSeconds,
            FreezeTimeoutSeconds = freezeTimeoutSeconds,
            Targets = [Request.HostPath(first.Node.Name, first.Filesystem.MountPoint), Request.HostPath(second.Node.Name, second.Filesystem.MountPoint)],
        });

        internal async Task<IReadOnlyList<NodeFreeze>> PlansAsync(Request request) =>
            (await installation.NodeFreezes.ListAsync(InternalNames.DefaultNamespace, $"{QuiesceApi.RequestUidLabel}={request.Uid}")).Items;

        public async ValueTask DisposeAsync()
        {
            foreach (var part in (Part[])[first, second])
            {
                await part.Node.DisposeAsync();
                await part.Writer.DisposeAsync();
                await part.Filesystem.DisposeAsync();
            }

            guard.Dispose();
        }
    }
}
