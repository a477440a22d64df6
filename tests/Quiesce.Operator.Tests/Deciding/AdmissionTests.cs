using Quiesce.Crds;
using static Quiesce.Operator.Tests.Deciding.World;

namespace Quiesce.Operator.Tests.Deciding;

/// <summary>What is refused before anything is created.</summary>
public sealed class AdmissionTests
{
    private static void Refused(World world, string reason, params string[] named)
    {
        world.Settle();
        Assert.Equal((FreezePhase.Failed, reason), (world.Status.Phase, world.Status.Reason));
        Assert.All(named, name => Assert.Contains(name, world.Status.Message, StringComparison.Ordinal));
        Assert.Equal(["Status:Failed"], world.Writes);
        Assert.Null(world.Window);
        Assert.Empty(world.Plans);
        Assert.Equal((ConditionStatus.False, reason), (world.Condition(ConditionTypes.Accepted).Status, world.Condition(ConditionTypes.Accepted).Reason));
        Assert.Equal((ConditionStatus.False, reason), (world.Condition(ConditionTypes.Frozen).Status, world.Condition(ConditionTypes.Frozen).Reason));
        Assert.Equal((ConditionStatus.True, reason), (world.Condition(ConditionTypes.Finished).Status, world.Condition(ConditionTypes.Finished).Reason));
        Assert.Equal(ConditionStatus.False, world.Condition(ConditionTypes.WindowIntact).Status);
        Assert.Equal(ConditionStatus.False, world.Condition(ConditionTypes.Thawed).Status);
        Assert.Contains(world.Stories, s => s is { Reason: "Failed", IsWarning: true } && s.Message.Contains(reason, StringComparison.Ordinal));
    }

    [Fact]
    public void A_restored_request_never_freezes()
    {
        var world = With("node-1");
        world.Request.Metadata.Labels = new Dictionary<string, string> { [QuiesceApi.RestoreNameLabel] = "restore-7" };
        Refused(world, Reasons.Restored, "restore-7");
    }

    [Fact]
    public void A_copy_of_a_request_that_was_carried_out_never_freezes_whoever_made_it()
    {
        // As it comes out of a backup: of the metadata that Quiesce had written all is there, the UID is new, and there is no status.
        var first = With("node-1").Settle();
        var copy = With("node-1");
        copy.Request.Metadata.Annotations = first.Request.Metadata.Annotations;
        copy.Request.Metadata.Labels = first.Request.Metadata.Labels;
        copy.Request.Metadata.Finalizers = first.Request.Metadata.Finalizers;
        copy.Request.Metadata.Uid = "another";
        Assert.Equal(first.Request.Metadata.Uid, copy.Request.Metadata.Annotations[QuiesceApi.TakenAsAnnotation]);
        copy.Settle();
        Assert.Equal((FreezePhase.Failed, Reasons.Restored), (copy.Status.Phase, copy.Status.Reason));
        Assert.Contains(QuiesceApi.TakenAsAnnotation, copy.Status.Message, StringComparison.Ordinal);
        Assert.Equal(["Status:Failed", "ReleaseRequest"], copy.Writes);
    }

    [Fact]
    public void A_request_that_the_operator_has_taken_goes_on_when_it_comes_back()
    {
        var world = With("node-1");
        world.Request.Metadata.Annotations = new Dictionary<string, string> { [QuiesceApi.TakenAsAnnotation] = world.Request.Metadata.Uid };
        Assert.Equal(FreezePhase.Preparing, world.Settle().Status.Phase);
    }

    [Fact]
    public void A_deadline_above_the_maximum_is_refused() =>
        Refused(With("node-1").Spec(s => s with { DeadlineSeconds = 601 }), Reasons.DeadlineTooLong, "601", "600");

    [Fact]
    public void A_request_beyond_what_a_namespace_may_have_under_way_is_refused()
    {
        var world = With("node-1");
        (world.Ahead, world.Limits) = (3, new() { MaxRequestsPerNamespace = 3 });
        Refused(world, Reasons.TooManyRequests, "3 requests of the namespace", "allows 3");
    }

    [Fact]
    public void The_last_request_that_a_namespace_may_have_under_way_is_accepted_and_those_that_come_later_do_not_end_it()
    {
        var world = With("node-1");
        (world.Ahead, world.Limits) = (2, new() { MaxRequestsPerNamespace = 3 });
        world.Settle();
        Assert.Equal(FreezePhase.Preparing, world.Status.Phase);
        world.Ahead = 9;
        world.Report("node-1", NodeFreezePhase.Prepared).Settle().Report("node-1", NodeFreezePhase.Frozen).Settle();
        Assert.Equal(FreezePhase.Frozen, world.Status.Phase);
    }

    [Fact]
    public void A_deadline_at_the_maximum_is_accepted()
    {
        var world = With("node-1").Spec(s => s with { DeadlineSeconds = 600 }).Settle();
        Assert.Equal(FreezePhase.Preparing, world.Status.Phase);
    }

    [Fact]
    public void A_request_that_is_thawed_from_the_start_never_freezes() =>
        Refused(With("node-1").Spec(s => s with { DesiredState = DesiredState.Thawed }), Reasons.ThawedBeforeFrozen);

    [Fact]
    public void An_unknown_node_is_named()
    {
        var world = With("node-1");
        world.Nodes.Clear();
        Assert.True(world.Decide().RestsOnAbsence);
        Refused(world, Reasons.NodeNotFound, "node-1", "targets[0]");
    }

    [Fact]
    public void A_selector_that_matches_no_node_is_told()
    {
        var selector = new LabelSelector { MatchLabels = new Dictionary<string, string> { ["pool"] = "db" } };
        var world = With("node-1").Spec(s => s with { Targets = [new() { HostPath = new() { Path = "/a", NodeSelector = selector } }] });
        Assert.True(world.Decide().RestsOnAbsence);
        Refused(world, Reasons.NoNodeMatches, "pool=db");
    }

    [Fact]
    public void A_target_that_names_no_node_is_refused() =>
        Refused(With("node-1").Spec(s => s with { Targets = [new() { AllFilesystems = new() }] }), Reasons.NoNodeMatches, "targets[0]");

    [Fact]
    public void A_node_without_a_ready_agent_is_named_at_once()
    {
        var world = With("node-1", "node-2");
        world.Agents.Remove("node-2");
        Assert.True(world.Decide().RestsOnAbsence);
        Refused(world, Reasons.AgentNotReady, "node-2");
    }

    [Fact]
    public void More_than_64_paths_on_one_node_are_too_many() => Refused(
        With("node-1").Spec(s => s with { Targets = [.. Enumerable.Range(0, 65).Select(i => Target("node-1", $"/srv/{i}"))] }), Reasons.TooManyTargets, "node-1", "65");

    [Theory]
    [InlineData("srv/orders")]
    [InlineData("/srv/../etc")]
    [InlineData("")]
    public void A_path_that_is_not_absolute_is_refused_also_where_the_schema_is_not_enforced(string path) =>
        Refused(With("node-1").Spec(s => s with { Targets = [Target("node-1", path)] }), Reasons.InvalidPath, "targets[0]");

    [Fact]
    public void No_target_at_all_is_refused() => Refused(With("node-1").Spec(s => s with { Targets = [] }), Reasons.NothingToFreeze);

    [Fact]
    public void What_the_api_server_refuses_for_good_ends_the_request()
    {
        var world = With("node-1");
        world.WriteRefused = new(Reasons.InternalError, "the API server refused: quota.");
        Refused(world, Reasons.InternalError, "quota");
    }

    [Fact]
    public void Paths_of_all_targets_are_merged_for_each_node_and_named_once()
    {
        var world = With("node-1", "node-2").Spec(s => s with
        {
            Targets =
            [
                Target("node-1", "/srv/orders"), Target("node-1", "/srv/orders/"), Target("node-1", "/srv/mail"), Target("node-2", "/srv/orders"),
                new() { AllFilesystems = new() { NodeName = "node-2" } },
            ],
        });
        world.Settle();
        Assert.Equal(["/srv/orders", "/srv/mail"], world.Plans["node-1"].Spec.Paths);
        Assert.False(world.Plans["node-1"].Spec.AllFilesystems);
        Assert.Equal(["/srv/orders"], world.Plans["node-2"].Spec.Paths);
        Assert.True(world.Plans["node-2"].Spec.AllFilesystems);
    }

    [Fact]
    public void A_selector_takes_every_node_it_matches()
    {
        var selector = new LabelSelector { MatchLabels = new Dictionary<string, string> { ["pool"] = "db" } };
        var world = With().AddNode("a", true, ("pool", "db")).AddNode("b", true, ("pool", "web")).AddNode("c", true, ("pool", "db"))
            .Spec(s => s with { Targets = [new() { HostPath = new() { Path = "/srv", NodeSelector = selector } }] })
            .Settle();
        Assert.Equal(["a", "c"], world.Plans.Keys.Order());
        Assert.Equal(2, world.Status.NodeCount);
    }

    [Fact]
    public void A_deleted_request_that_was_never_touched_is_left_alone()
    {
        var world = With("node-1").Delete();
        world.Settle();
        Assert.Empty(world.Writes);
    }

    [Fact]
    public void A_request_deleted_right_after_it_was_claimed_is_let_go()
    {
        var world = With("node-1");
        world.Step();
        world.Delete().Settle();
        Assert.Equal(["Claim", "Status:Failed"], world.Writes);
        Assert.Equal(Reasons.RequestDeleted, world.Status.Reason);
    }

    [Fact]
    public void A_window_that_the_api_server_does_not_take_in_time_fails_the_request()
    {
        var world = With("node-1");
        world.Step();
        world.Step();
        world.Window = null;
        Assert.Equal(FreezePhase.Pending, world.Status.Phase);
        world.Advance(10.1);
        Assert.True(world.Decide().RestsOnAbsence);
        world.Settle();
        Assert.Equal((FreezePhase.Failed, Reasons.FreezeTimeout), (world.Status.Phase, world.Status.Reason));
    }
}
