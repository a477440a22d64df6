using Quiesce.Crds;
using Quiesce.Operator.Freezing;

namespace Quiesce.Operator.Tests.Deciding;

/// <summary>Claims and pods as targets: what they are resolved to, what is refused, and what becomes of a request whose pods come and go.</summary>
public sealed class ClaimTests
{
    private static World Of(params FreezeTarget[] targets) =>
        World.With().AddNode("node-1").AddNode("node-2").AddNode("node-3").Spec(s => s with { Targets = targets });

    private static FreezeTarget Claim(string name, bool shared = false) => new() { PersistentVolumeClaim = new() { Name = name, AllowSharedFilesystem = shared } };

    private static FreezeTarget Pods(string app, params string[] volumes) =>
        new() { PodSelector = new() { MatchLabels = new Dictionary<string, string> { ["app"] = app }, Volumes = volumes } };

    private static NodeVolume Volume(World world, string node) => Assert.Single(world.Plans[node].Spec.Volumes);

    private static void Refused(World world, string reason, params string[] named)
    {
        world.Settle();
        Assert.Equal((FreezePhase.Failed, reason), (world.Status.Phase, world.Status.Reason));
        Assert.All(named, name => Assert.Contains(name, world.Status.Message, StringComparison.Ordinal));
        Assert.Equal(["Status:Failed"], world.Writes);
    }

    [Fact]
    public void A_claim_is_frozen_on_the_node_of_the_pod_that_mounts_it()
    {
        var world = Of(Claim("data"));
        world.Shop.Claim("data").Pod("db-0", "node-2", "db", "data");
        world.Settle();
        Assert.Equal(["node-2"], world.Plans.Keys);
        var plan = world.Plans["node-2"].Spec;
        Assert.Empty(plan.Paths);
        Assert.Equal(
            new NodeVolume { Claim = "data", PodUid = world.Shop.Pods["db-0"].Metadata.Uid, Plugin = "kubernetes.io/csi", Name = "pv-data" },
            Volume(world, "node-2"));
        world.Freeze();
        Assert.Equal(FreezePhase.Frozen, world.Status.Phase);
        Assert.Equal(FreezePhase.Thawed, world.Thaw().Report(NodeFreezePhase.Thawed, "node-2").Settle().Status.Phase);
    }

    [Fact]
    public void A_single_node_is_thawed_at_the_freeze_timeout_where_its_pods_cannot_be_compared_once_more()
    {
        var world = Of(Claim("data"));
        world.Shop.Claim("data").Pod("db-0", "node-2", "db", "data");
        world.Spec(s => s with { DeadlineSeconds = 300, FreezeTimeoutSeconds = 10 }).Settle();
        world.CannotRead = true;
        world.Report("node-2", NodeFreezePhase.Frozen).Settle();
        Assert.NotEqual(FreezePhase.Frozen, world.Status.Phase);
        world.Advance(9).Settle();
        Assert.Equal(WindowState.Frozen, world.Window!.Spec.DesiredState);
        world.Advance(2).Settle();
        Assert.Equal(WindowState.Thawed, world.Window!.Spec.DesiredState);
        world.Report("node-2", NodeFreezePhase.Thawed).Settle();
        Assert.Equal((FreezePhase.Failed, Reasons.FreezeTimeout), (world.Status.Phase, world.Status.Reason));
        Assert.Contains("could not be read within 10 s", world.Status.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_claim_of_several_pods_is_frozen_once_on_each_of_their_nodes()
    {
        var world = Of(Claim("shared"));
        world.Shop.Claim("shared").Pod("a", "node-1", "web", "shared").Pod("b", "node-3", "web", "shared").Pod("c", "node-3", "web", "shared");
        world.Settle();
        Assert.Equal(["node-1", "node-3"], world.Plans.Keys.Order());
        Assert.Equal(world.Shop.Pods["b"].Metadata.Uid, Volume(world, "node-3").PodUid);
        Assert.Equal(FreezePhase.Frozen, world.Freeze().Status.Phase);
    }

    [Theory]
    [InlineData("""{"csi":{"driver":"d"}}""", "kubernetes.io/csi")]
    [InlineData("""{"gcePersistentDisk":{"pdName":"d"}}""", "kubernetes.io/csi")]
    [InlineData("""{"local":{"path":"/mnt/disks/ssd1"}}""", "kubernetes.io/local-volume")]
    [InlineData("""{"nfs":{"server":"s","path":"/"}}""", "kubernetes.io/nfs")]
    [InlineData("""{"iscsi":{"iqn":"i"}}""", "kubernetes.io/iscsi")]
    [InlineData("""{"flexVolume":{"driver":"example.com/disk"}}""", "example.com/disk")]
    public void Kubelets_plugin_is_known_for_each_kind_of_volume(string source, string plugin)
    {
        var world = Of(Claim("data"));
        world.Shop.Claim("data", source).Pod("db-0", "node-1", "db", "data");
        world.Settle();
        Assert.Equal(plugin, Volume(world, "node-1").Plugin);
        Assert.Equal(plugin.Contains("local", StringComparison.Ordinal) ? "/mnt/disks/ssd1" : null, Volume(world, "node-1").LocalPath);
    }

    [Fact]
    public void The_claims_of_pods_are_frozen_wherever_they_are_and_other_volumes_are_named()
    {
        var world = Of(Pods("db"));
        world.Shop.Claim("data-0").Claim("data-1").Claim("other").Claim("db-1-scratch")
            .Pod("db-0", "node-1", "db", "data-0", """{"name":"config","configMap":{"name":"c"}}""")
            .Pod("db-1", "node-2", "db", "data-1", """{"name":"scratch","ephemeral":{}}""", """{"name":"tmp","emptyDir":{}}""")
            .Pod("web", "node-3", "web", "other");
        world.Settle();
        Assert.Equal(["node-1", "node-2"], world.Plans.Keys.Order());
        Assert.Equal("data-0", Volume(world, "node-1").Claim);
        Assert.Equal(["data-1", "db-1-scratch"], world.Plans["node-2"].Spec.Volumes.Select(v => v.Claim));
        var accepted = world.Freeze().Condition(ConditionTypes.Accepted).Message;
        Assert.Contains("db-0/config (configMap), db-1/tmp (emptyDir)", accepted, StringComparison.Ordinal);
    }

    [Fact]
    public void Only_the_volumes_asked_for_are_taken_of_pods()
    {
        var world = Of(Pods("db", "data"));
        world.Shop.Claim("data").Claim("wal").Pod("db-0", "node-1", "db", "data", "wal");
        world.Settle();
        Assert.Equal("data", Volume(world, "node-1").Claim);
        Assert.DoesNotContain("Left out", world.Condition(ConditionTypes.Accepted).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Claims_pods_and_folders_go_together()
    {
        var world = Of(Claim("data"), Pods("web"), World.Target("node-3"));
        world.Shop.Claim("data").Claim("html").Pod("db-0", "node-1", "db", "data").Pod("web-0", "node-1", "web", "html", "data");
        world.Settle();
        Assert.Equal(["node-1", "node-3"], world.Plans.Keys.Order());
        Assert.Equal(["data", "html"], world.Plans["node-1"].Spec.Volumes.Select(v => v.Claim));
        Assert.Equal(["/srv/orders"], world.Plans["node-3"].Spec.Paths);
    }

    [Fact]
    public void What_cannot_be_frozen_has_its_own_reason()
    {
        Refused(Of(Claim("data")), Reasons.ClaimNotFound, "targets[0]", "shop/data");
        var world = Of(Claim("data"));
        world.Shop.Claim("data");
        Refused(world, Reasons.ClaimNotMounted, "shop/data");
        world = Of(Claim("data"));
        world.Shop.Claim("data").Pod("db-0", "node-1", "db", "data").Claims["data"].Status = new() { Phase = "Pending" };
        Refused(world, Reasons.ClaimNotBound, "shop/data", "Pending");
        world = Of(Claim("data"));
        world.Shop.Claim("data").Pod("db-0", "node-1", "db", "data");
        world.Shop.Claims["data"].Metadata.Uid = "another";
        Refused(world, Reasons.ClaimNotBound, "pv-data", "another claim");
        world = Of(Claim("data"));
        world.Shop.Claim("data", mode: "Block").Pod("db-0", "node-1", "db", "data");
        Refused(world, Reasons.BlockVolume, "shop/data");
        world = Of(Claim("data"));
        world.Shop.Claim("data", """{"hostPath":{"path":"/data"}}""").Pod("db-0", "node-1", "db", "data");
        Refused(world, Reasons.SharedFilesystem, "shop/data", "/data", "allowSharedFilesystem");
        world = Of(Claim("data"));
        world.Shop.Claim("data", """{"somethingNew":{}}""").Pod("db-0", "node-1", "db", "data");
        Refused(world, Reasons.UnsupportedVolume, "pv-data");
        Refused(Of(Pods("db")), Reasons.NoPodMatches, "app=db", "shop");
        world = Of(Pods("db", "wal"));
        world.Shop.Claim("data").Pod("db-0", "node-1", "db", "data");
        Refused(world, Reasons.VolumeNotFound, "db-0", "wal");
        world = Of(Pods("db", "tmp"));
        world.Shop.Pod("db-0", "node-1", "db", """{"name":"tmp","emptyDir":{}}""");
        Refused(world, Reasons.UnsupportedVolume, "db-0", "tmp", "emptyDir");
        world = Of(Pods("db"));
        world.Shop.Pod("db-0", "node-1", "db", """{"name":"tmp","emptyDir":{}}""");
        Refused(world, Reasons.NothingToFreeze, "app=db");
    }

    [Fact]
    public void A_folder_of_the_node_is_frozen_where_that_is_allowed()
    {
        var world = Of(Claim("data", shared: true));
        world.Shop.Claim("data", """{"hostPath":{"path":"/srv/data"}}""").Pod("db-0", "node-1", "db", "data");
        world.Settle();
        Assert.Equal(["/srv/data"], world.Plans["node-1"].Spec.Paths);
        Assert.Empty(world.Plans["node-1"].Spec.Volumes);
        world = Of(Claim("data", shared: true));
        world.Shop.Claim("data").Pod("db-0", "node-1", "db", "data");
        Assert.True(Volume(world.Settle(), "node-1").AllowSharedFilesystem);
    }

    [Theory]
    [InlineData("Running", null, true)]
    [InlineData("Unknown", null, true)]
    [InlineData("Pending", null, false)]
    [InlineData("Pending", "waiting", false)]
    [InlineData("Pending", "running", true)]
    [InlineData("Pending", "terminated", true)]
    [InlineData("Succeeded", null, false)]
    [InlineData("Failed", null, false)]
    public void A_pod_uses_its_volumes_from_its_first_init_container_to_its_end(string phase, string? initContainer, bool uses)
    {
        var world = Of(Claim("data"));
        world.Shop.Claim("data").Pod("db-0", "node-1", "db", "data").Phase("db-0", phase, initContainer);
        world.Settle();
        Assert.Equal(uses ? FreezePhase.Preparing : FreezePhase.Failed, world.Status.Phase);
    }

    [Fact]
    public void A_pod_that_comes_before_the_freeze_makes_the_request_start_again_with_it()
    {
        var world = Of(Pods("db"));
        world.Shop.Claim("data-0").Claim("data-1").Claim("data-2").Pod("db-0", "node-1", "db", "data-0").Pod("db-1", "node-2", "db", "data-1");
        world.Settle();
        world.Shop.Pod("db-2", "node-3", "db", "data-2");
        world.Report(NodeFreezePhase.Prepared, "node-1", "node-2").Settle();
        Assert.Contains("Thaw:Thawed", world.Writes);
        Assert.DoesNotContain("Command:Frozen", world.Writes);
        world.Report(NodeFreezePhase.Failed, "node-1", "node-2").Settle();
        Assert.Equal((FreezePhase.Pending, Reasons.TargetsChanged), (world.Status.Phase, world.Status.Reason));
        world.Advance(1).Settle();
        Assert.Equal(["node-1", "node-2", "node-3"], world.Plans.Keys.Order());
        Assert.Equal(FreezePhase.Frozen, world.Freeze().Status.Phase);
    }

    [Fact]
    public void A_pod_that_comes_while_they_freeze_is_never_missed()
    {
        var world = Of(Pods("db"));
        world.Shop.Claim("data-0").Claim("data-1").Claim("data-2").Pod("db-0", "node-1", "db", "data-0").Pod("db-1", "node-2", "db", "data-1");
        world.Settle().Report(NodeFreezePhase.Prepared, "node-1", "node-2").Settle();
        Assert.Contains("Command:Frozen", world.Writes);
        world.Shop.Pod("db-2", "node-3", "db", "data-2");
        world.Report(NodeFreezePhase.Frozen, "node-1", "node-2").Settle();
        Assert.DoesNotContain("Command:Confirmed", world.Writes);
        Assert.DoesNotContain("Status:Frozen", world.Writes);
        world.Report("node-1", NodeFreezePhase.Thawed).Report("node-2", NodeFreezePhase.Thawed).Settle().Advance(1).Settle();
        Assert.Equal(["node-1", "node-2", "node-3"], world.Plans.Keys.Order());
    }

    [Fact]
    public void On_one_node_pods_are_compared_once_it_is_frozen()
    {
        var world = Of(Pods("db"));
        world.Shop.Claim("data-0").Claim("data-1").Pod("db-0", "node-1", "db", "data-0");
        world.Settle();
        world.Shop.Pod("db-1", "node-1", "db", "data-1");
        world.Report(NodeFreezePhase.Frozen, "node-1").Settle();
        Assert.DoesNotContain("Status:Frozen", world.Writes);
        Assert.Contains("Thaw:Thawed", world.Writes);
        world.Report("node-1", NodeFreezePhase.Thawed).Settle().Advance(1).Settle();
        Assert.Equal(["data-0", "data-1"], world.Plans["node-1"].Spec.Volumes.Select(v => v.Claim));
        Assert.Equal(FreezePhase.Frozen, world.Freeze().Status.Phase);
    }

    [Fact]
    public void A_window_that_is_thawed_before_its_pods_were_compared_is_not_called_intact()
    {
        var world = Of(Pods("db"));
        world.Shop.Claim("data-0").Claim("data-1").Pod("db-0", "node-1", "db", "data-0");
        world.Settle();
        world.Shop.Pod("db-1", "node-2", "db", "data-1");
        world.Report("node-1", NodeFreezePhase.Frozen).Spec(s => s with { DesiredState = DesiredState.Thawed }).Settle();
        world.Report("node-1", NodeFreezePhase.Thawed).Settle();
        Assert.Equal((FreezePhase.Failed, Reasons.ThawedBeforeFrozen), (world.Status.Phase, world.Status.Reason));
        Assert.Equal(ConditionStatus.False, world.Condition(ConditionTypes.WindowIntact).Status);
    }

    [Fact]
    public void A_window_that_is_open_does_not_care_about_pods()
    {
        var world = Of(Pods("db"));
        world.Shop.Claim("data-0").Claim("data-1").Pod("db-0", "node-1", "db", "data-0");
        world.Freeze();
        var reads = world.Reads;
        world.Shop.Pod("db-1", "node-1", "db", "data-1");
        Assert.Equal(FreezePhase.Frozen, world.Advance(1).Settle().Status.Phase);
        Assert.Equal(reads, world.Reads);
    }

    [Fact]
    public void A_volume_that_is_not_mounted_any_more_because_its_pod_is_gone_starts_again_and_otherwise_fails()
    {
        var world = Of(Pods("db"));
        world.Shop.Claim("data-0").Claim("data-1").Pod("db-0", "node-1", "db", "data-0").Pod("db-1", "node-2", "db", "data-1");
        world.Settle();
        world.Shop.Pods.Remove("db-1");
        world.Report("node-2", NodeFreezePhase.Failed, Reasons.VolumeNotMounted).Settle().Report(NodeFreezePhase.Failed, "node-1").Settle().Advance(1).Settle();
        Assert.Equal(["node-1"], world.Plans.Keys);
        world.Report("node-1", NodeFreezePhase.Failed, Reasons.VolumeNotMounted).Settle();
        Assert.Equal((FreezePhase.Failed, Reasons.VolumeNotMounted), (world.Status.Phase, world.Status.Reason));
    }

    [Fact]
    public void A_request_whose_pods_never_rest_ends_within_its_freeze_timeout()
    {
        var world = Of(Pods("db")).Spec(s => s with { FreezeTimeoutSeconds = 5 });
        world.Shop.Claim("data").Pod("db-0", "node-1", "db", "data");
        for (var i = 0; i < 50 && world.Status?.Phase is not FreezePhase.Failed; i++)
        {
            world.Settle();
            if (world.Plans.Count == 0)
            {
                world.Advance(0.5);
                continue;
            }

            world.Shop.Pod("db-0", "node-1", "db", "data");
            world.Report("node-1", NodeFreezePhase.Frozen).Settle().Report("node-1", NodeFreezePhase.Thawed).Settle().Advance(0.5);
        }

        Assert.Equal((FreezePhase.Failed, Reasons.TargetsChanged), (world.Status!.Phase, world.Status.Reason));
        Assert.True(world.Now - World.Start < TimeSpan.FromSeconds(10));
        Assert.DoesNotContain("Status:Frozen", world.Writes);
    }

    [Fact]
    public void An_operator_that_finds_a_half_made_window_makes_the_rest_of_it_only_if_nothing_has_changed()
    {
        foreach (var changed in new[] { false, true })
        {
            var world = Of(Pods("db"));
            world.Shop.Claim("data-0").Claim("data-1").Pod("db-0", "node-1", "db", "data-0");
            while (world.Window is null) world.Step();
            if (changed) world.Shop.Pod("db-1", "node-2", "db", "data-1");
            world.Settle();
            Assert.Equal(changed, world.Writes.Contains("Thaw:Thawed"));
            world.Advance(1).Settle();
            Assert.Equal(changed ? ["node-1", "node-2"] : ["node-1"], world.Plans.Keys.Order());
        }
    }

    [Fact]
    public void Ended_by_the_user_or_deleted_while_it_starts_again_it_ends()
    {
        foreach (var deleted in new[] { false, true })
        {
            var world = Of(Pods("db"));
            world.Shop.Claim("data-0").Claim("data-1").Pod("db-0", "node-1", "db", "data-0");
            world.Settle();
            world.Shop.Pod("db-1", "node-1", "db", "data-1");
            world.Report(NodeFreezePhase.Frozen, "node-1").Settle();
            if (deleted) world.Delete();
            else world.Spec(s => s with { DesiredState = DesiredState.Thawed });
            world.Report("node-1", NodeFreezePhase.Thawed).Settle();
            Assert.Equal(FreezePhase.Failed, world.Status.Phase);
        }
    }

    [Fact]
    public void With_the_policy_Wait_a_request_tries_again_until_the_other_has_ended_or_its_time_is_over()
    {
        var world = World.With("node-1", "node-2").Spec(s => s with { ConflictPolicy = ConflictPolicy.Wait, FreezeTimeoutSeconds = 10 });
        world.Settle().Report("node-1", NodeFreezePhase.Failed, Reasons.HeldByOtherRequest).Settle().Report(NodeFreezePhase.Failed, "node-2").Settle();
        Assert.Equal((FreezePhase.Pending, Reasons.HeldByOtherRequest), (world.Status.Phase, world.Status.Reason));
        Assert.InRange(world.RequeueAfter!.Value.TotalSeconds, 0.2, 1);
        world.Advance(1).Settle();
        Assert.Equal(FreezePhase.Frozen, world.Freeze().Status.Phase);

        world = World.With("node-1").Spec(s => s with { ConflictPolicy = ConflictPolicy.Wait, FreezeTimeoutSeconds = 10 });
        for (var i = 0; i < 50 && world.Status?.Phase is not FreezePhase.Failed; i++)
        {
            world.Settle();
            if (world.Plans.Count > 0) world.Report("node-1", NodeFreezePhase.Failed, Reasons.HeldByOtherRequest).Settle();
            world.Advance(0.5);
        }

        Assert.Equal((FreezePhase.Failed, Reasons.HeldByOtherRequest), (world.Status!.Phase, world.Status.Reason));
        Assert.InRange((world.Now - World.Start).TotalSeconds, 9, 15);
        Assert.InRange(world.Writes.Count(w => w == "CreateWindow"), 3, 12);
    }

    [Fact]
    public void A_dry_run_inspects_the_volumes_of_claims()
    {
        var world = Of(Claim("data")).Spec(s => s with { DryRun = true });
        world.Shop.Claim("data").Pod("db-0", "node-1", "db", "data");
        world.Settle();
        Assert.Equal("data", Volume(world, "node-1").Claim);
        Assert.Equal(NodeFreezeMode.Inspect, world.Plans["node-1"].Spec.Mode);
    }

    [Fact]
    public void A_liveness_probe_that_gives_up_before_the_hold_ends_is_warned_of_also_after_a_raise()
    {
        var world = Of(Pods("db"));
        world.Shop.Claim("data").Claim("other").Pod("db-0", "node-1", "db", "data").Pod("web", "node-1", "web", "other");
        world.Shop.Probe("db-0", period: 10, failures: 3).Probe("web", period: 1, failures: 1);
        world.Freeze();
        Assert.DoesNotContain(world.Status.Conditions, c => c.Type == ConditionTypes.ProbeMayKill);
        world.Spec(s => s with { DeadlineSeconds = 40 }).Settle();
        var warning = world.Condition(ConditionTypes.ProbeMayKill);
        Assert.Equal((ConditionStatus.True, Reasons.ProbeMayKill), (warning.Status, warning.Reason));
        Assert.Contains("db-0 (container main: 30 s)", warning.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("web", warning.Message, StringComparison.Ordinal);
        Assert.Single(world.Stories, s => s is { Reason: Reasons.ProbeMayKill, IsWarning: true });
        var reads = world.Reads;
        world.Advance(1).Settle();
        Assert.Equal(reads, world.Reads);
        world.Thaw().Report("node-1", NodeFreezePhase.Thawed).Settle();
        Assert.Equal(warning.Message, world.Condition(ConditionTypes.ProbeMayKill).Message);
    }

    [Fact]
    public void A_liveness_probe_that_is_too_short_from_the_start_is_warned_of_before_the_freeze()
    {
        var world = Of(Claim("data"));
        world.Shop.Claim("data").Pod("db-0", "node-1", "db", "data").Probe("db-0", period: 5, failures: 3);
        world.Settle();
        Assert.Contains("db-0 (container main: 15 s)", world.Condition(ConditionTypes.ProbeMayKill).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_hold_above_a_hundred_seconds_is_warned_of_and_one_of_a_hundred_is_not()
    {
        var world = World.With("node-1").Spec(s => s with { DeadlineSeconds = 100 }).Freeze();
        Assert.DoesNotContain(world.Status.Conditions, c => c.Type == ConditionTypes.LongHold);
        world.Spec(s => s with { DeadlineSeconds = 101 }).Settle();
        Assert.Contains("hung_task", world.Condition(ConditionTypes.LongHold).Message, StringComparison.Ordinal);
        world.Spec(s => s with { DeadlineSeconds = 200 }).Settle();
        Assert.Single(world.Stories, s => s.Reason == Reasons.LongHold);
    }

    [Fact]
    public void The_holder_of_what_a_request_needs_is_named_but_not_to_another_namespace()
    {
        const string Uid = "11111111-2222-3333-4444-555555555555";
        var plan = new NodeFreeze
        {
            Spec = new() { NodeName = "node-1", Request = new() { Namespace = "shop", Name = "late", Uid = "u" } },
            Status = new()
            {
                Reason = Reasons.HeldByOtherRequest,
                Message = $"/srv: it is held by window {Uid} of this node; wait",
                Filesystems = [new() { Path = "/srv", Message = $"held by window {Uid} of this node" }],
            },
        };
        NodeFreeze? Holder(string ns) => new() { Spec = new() { NodeName = "node-1", Request = new() { Namespace = ns, Name = "nightly", Uid = "v" } } };
        Assert.Equal("/srv: it is held by the FreezeRequest shop/nightly; wait", HeldBy.Named(plan, uid => uid == Uid ? Holder("shop") : null).Status!.Message);
        var foreign = HeldBy.Named(plan, uid => Holder("bank")).Status!;
        Assert.Equal("/srv: it is held by a FreezeRequest of another namespace; wait", foreign.Message);
        Assert.Equal("held by a FreezeRequest of another namespace", foreign.Filesystems[0].Message);
        Assert.Equal("/srv: it is held by another window of this node; wait", HeldBy.Named(plan, _ => null).Status!.Message);
    }
}
