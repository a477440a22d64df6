using System.Text.Json.Nodes;
using Quiesce.Cluster.Faults;
using Quiesce.Crds;

namespace Quiesce.Operator.Tests.Flows;

/// <summary>Parts of the control plane go away in the window: nothing stays frozen, nothing is left that cannot be deleted, and the status says what happened.</summary>
public sealed class ControlPlaneTests
{
    private static readonly string[] AllKinds = ["freezerequests", "freezewindows", "nodefreezes", "thawrequests"];

    private static async Task<FreezeRequestStatus> EndAsync(Stage stage, FreezeRequest request) => await Eventually.GetAsync(
        async () => (await stage.GetAsync(request))?.Status is { Phase: >= FreezePhase.Thawed } s ? s : null, () => "an end\n" + stage.Said);

    /// <summary>A request from its creation to its end, on the installation as it is now.</summary>
    private static async Task WorksAsync(Stage stage)
    {
        var request = await stage.RequestAsync();
        await stage.PhaseAsync(request, FreezePhase.Frozen);
        await stage.ThawAsync(request);
        var thawed = await stage.PhaseAsync(request, FreezePhase.Thawed);
        Assert.Equal(ConditionStatus.True, Stage.Condition(thawed, ConditionTypes.WindowIntact).Status);
        await stage.CleanAsync();
    }

    public static TheoryData<string> Definitions => ["freezerequests", "freezewindows", "nodefreezes", "all", "all, and a node is lost"];

    [Theory]
    [MemberData(nameof(Definitions))]
    public async Task Definitions_deleted_in_the_window_go_and_when_they_are_back_everything_works(string which)
    {
        await using var stage = await Stage.SetAsync(2);
        var lost = which != "all" && which.StartsWith("all", StringComparison.Ordinal);
        string[] kinds = which.StartsWith("all", StringComparison.Ordinal) ? AllKinds : [which];
        var request = await stage.RequestAsync(s => s with { DeadlineSeconds = lost ? 3 : 60 });
        await stage.PhaseAsync(request, FreezePhase.Frozen);
        if (lost) stage.Agents[1].Script = new() { IsSilent = true };
        try
        {
            // Neither finalizers nor internal objects keep a definition: this waits until it is gone.
            await stage.Cluster.DeleteDefinitionsAsync(kinds);
            await Eventually.TrueAsync(() => stage.Ledger.Holding == 0, () => "a thaw\n" + stage.Said);
            if (!kinds.Contains("freezerequests"))
            {
                var end = await EndAsync(stage, request);
                Assert.Equal((FreezePhase.Broken, Reasons.CommandGone), (end.Phase, end.Reason));
                await stage.DeleteAsync(request);
                await stage.GoneAsync(request);
            }
        }
        finally
        {
            await stage.Cluster.InstallCrdsAsync();
        }

        Assert.Equal(2, stage.Ledger.Freezes(request.Metadata.Uid));
        await Eventually.TrueAsync(() => stage.Operator.IsReady, () => "in step again\n" + stage.Said);
        if (lost) stage.Agents[1].Script = new();
        await WorksAsync(stage);
    }

    [Fact]
    public async Task A_kind_that_is_not_served_any_more_has_no_objects_and_keeps_no_request()
    {
        await using var stage = await Stage.SetAsync(2);
        var request = await stage.RequestAsync();
        await stage.PhaseAsync(request, FreezePhase.Frozen);
        // As after the deletion of its definition, whatever the operator has seen of that.
        using var rule = stage.Cluster.Server.Faults.Inject(
            RequestMatch.Of("list", "nodefreezes") with { UserAgent = "quiesce-operator" }, FaultEffect.Status(404, "NotFound", "the server could not find the requested resource"), times: 1_000_000);
        foreach (var plan in (await stage.Cluster.NodeFreezes.ListAsync(InternalNames.DefaultNamespace)).Items)
            await stage.Cluster.NodeFreezes.DeleteAsync(InternalNames.DefaultNamespace, plan.Metadata.Name);
        Assert.Equal(Reasons.CommandGone, (await stage.PhaseAsync(request, FreezePhase.Broken)).Reason);
        await stage.DeleteAsync(request);
        await stage.GoneAsync(request);
        await stage.CleanAsync();
    }

    [Fact]
    public async Task Without_the_definitions_the_operator_neither_ends_nor_asks_all_the_time()
    {
        await using var stage = await Stage.SetAsync(1);
        var requests = stage.Cluster.Server.Requests;
        await WorksAsync(stage);
        await stage.Cluster.DeleteDefinitionsAsync(AllKinds);
        await Task.Delay(TimeSpan.FromSeconds(1));
        requests.Clear();
        await Task.Delay(TimeSpan.FromSeconds(3));
        // Four kinds, each with a pause that grows from 0.2 s to 10 s; no request is left to reconcile.
        Assert.InRange(requests.Count(new() { UserAgent = "quiesce-operator", Where = r => AllKinds.Contains(r.Resource) }), 0, 40);
        await stage.Cluster.InstallCrdsAsync();
        await WorksAsync(stage);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task The_requests_namespace_deleted_in_the_window_takes_the_request_with_it(int nodes)
    {
        await using var stage = await Stage.SetAsync(nodes);
        stage.Namespace = await stage.Cluster.CreateNamespaceAsync();
        var request = await stage.RequestAsync();
        await stage.PhaseAsync(request, FreezePhase.Frozen);
        await stage.Cluster.DeleteNamespaceAsync(stage.Namespace);
        // Events are refused from now on, and nothing waits for one. Whoever empties the namespace deletes the request.
        if (!stage.Cluster.RunsControllers) await stage.DeleteAsync(request);
        await stage.GoneAsync(request);
        Assert.Equal(0, stage.Ledger.Holding);
        await stage.CleanAsync();
        stage.Namespace = "shop";
        await WorksAsync(stage);
    }

    [Fact]
    public async Task A_request_whose_namespace_is_being_deleted_before_it_froze_goes_too()
    {
        await using var stage = await Stage.SetAsync(2);
        // Longer than it takes whoever empties the namespace to come to the request.
        stage.Agents[1].Script = new() { PrepareTime = TimeSpan.FromSeconds(60) };
        stage.Namespace = await stage.Cluster.CreateNamespaceAsync();
        var request = await stage.RequestAsync(s => s with { FreezeTimeoutSeconds = 60 });
        await stage.PhaseAsync(request, FreezePhase.Preparing);
        await stage.Cluster.DeleteNamespaceAsync(stage.Namespace);
        if (!stage.Cluster.RunsControllers) await stage.DeleteAsync(request);
        await stage.GoneAsync(request);
        await stage.CleanAsync();
        Assert.Equal(0, stage.Ledger.Freezes(request.Metadata.Uid));
    }

    [Fact]
    public async Task The_operators_own_namespace_deleted_in_the_window_ends_it_and_refuses_new_ones()
    {
        await using var stage = await Stage.SetAsync(2);
        Assert.SkipUnless(stage.Cluster.RunsControllers, "nobody empties a namespace here");
        // A finalizer of someone else's keeps the namespace terminating for as long as the test needs.
        var client = stage.Cluster.Windows;
        await client.CreateAsync(
            new()
            {
                Metadata = new() { Name = "kept", NamespaceProperty = InternalNames.DefaultNamespace, Finalizers = ["example.com/kept"] },
                Spec = new() { Request = new() { Namespace = "shop", Name = "none", Uid = "none" }, DesiredState = WindowState.Thawed, DeadlineSeconds = 1 },
            },
            CancellationToken.None);
        var request = await stage.RequestAsync();
        await stage.PhaseAsync(request, FreezePhase.Frozen);
        await stage.Cluster.DeleteNamespaceAsync(InternalNames.DefaultNamespace);
        await Eventually.TrueAsync(() => stage.Ledger.Holding == 0, () => "a thaw\n" + stage.Said);
        var broken = await stage.PhaseAsync(request, FreezePhase.Broken);
        Assert.Equal(Reasons.CommandGone, broken.Reason);
        var refused = await stage.PhaseAsync(await stage.RequestAsync(), FreezePhase.Failed);
        Assert.Equal(Reasons.InternalError, refused.Reason);
        Assert.Contains("being terminated", refused.Message, StringComparison.Ordinal);
        await client.PatchAsync(InternalNames.DefaultNamespace, "kept", new() { ["metadata"] = new JsonObject { ["finalizers"] = null } });
        await Eventually.GetAsync(async () => await client.GetAsync(InternalNames.DefaultNamespace, "kept", CancellationToken.None) is null ? "gone" : null, () => "gone");
        // Until it is gone it takes in nothing new, whatever is applied to it.
        await stage.Cluster.NamespaceGoneAsync(InternalNames.DefaultNamespace);
        await stage.Cluster.CreateNamespaceAsync(InternalNames.DefaultNamespace);
        await WorksAsync(stage);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public async Task A_plan_deleted_by_hand_in_the_window_thaws_everywhere(int nodes)
    {
        await using var stage = await Stage.SetAsync(nodes);
        var request = await stage.RequestAsync();
        await stage.PhaseAsync(request, FreezePhase.Frozen);
        await stage.Cluster.NodeFreezes.DeleteAsync(InternalNames.DefaultNamespace, InternalNames.NodeFreeze("node-1", 0));
        var broken = await stage.PhaseAsync(request, FreezePhase.Broken);
        Assert.Equal(Reasons.CommandGone, broken.Reason);
        Assert.Contains("node-1", broken.Message, StringComparison.Ordinal);
        await stage.CleanAsync();
        Assert.Equal(nodes, stage.Ledger.Freezes(request.Metadata.Uid));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Everything_internal_deleted_by_hand_in_the_window_ends_it(int nodes)
    {
        await using var stage = await Stage.SetAsync(nodes);
        var request = await stage.RequestAsync();
        await stage.PhaseAsync(request, FreezePhase.Frozen);
        await stage.Cluster.Windows.DeleteAsync(InternalNames.DefaultNamespace, InternalNames.Window(request.Metadata.Uid));
        for (var i = 1; i <= nodes; i++) await stage.Cluster.NodeFreezes.DeleteAsync(InternalNames.DefaultNamespace, InternalNames.NodeFreeze($"node-{i}", 0));
        Assert.Equal(Reasons.CommandGone, (await stage.PhaseAsync(request, FreezePhase.Broken)).Reason);
        await stage.CleanAsync();
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task A_request_stripped_of_its_finalizer_and_deleted_under_a_running_operator_is_thawed_at_once(int nodes)
    {
        await using var stage = await Stage.SetAsync(nodes);
        var request = await stage.RequestAsync(s => s with { DeadlineSeconds = 600 });
        await stage.PhaseAsync(request, FreezePhase.Frozen);
        await stage.Cluster.FreezeRequests.PatchAsync("shop", request.Metadata.Name, new() { ["metadata"] = new JsonObject { ["finalizers"] = null } });
        await stage.DeleteAsync(request);
        var deleted = TimeProvider.System.GetTimestamp();
        await stage.GoneAsync(request);
        await Eventually.TrueAsync(() => stage.Ledger.Holding == 0, () => "a thaw\n" + stage.Said);
        // Not by the sweep that comes round every ten seconds.
        Assert.InRange(TimeProvider.System.GetElapsedTime(deleted).TotalSeconds, 0, 8);
        await stage.CleanAsync();
    }

    [Fact]
    public async Task A_node_object_deleted_in_the_window_changes_nothing_of_it()
    {
        await using var stage = await Stage.SetAsync(2);
        var request = await stage.RequestAsync();
        await stage.PhaseAsync(request, FreezePhase.Frozen);
        await stage.Cluster.RemoveNodeAsync("node-2");
        await stage.Cluster.RemoveAgentPodAsync("node-2");
        await stage.ThawAsync(request);
        var thawed = await stage.PhaseAsync(request, FreezePhase.Thawed);
        Assert.Equal(ConditionStatus.True, Stage.Condition(thawed, ConditionTypes.WindowIntact).Status);
        await stage.CleanAsync();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task An_agent_gone_for_good_with_its_pod_and_node_is_a_lost_node(bool deleted)
    {
        await using var stage = await Stage.SetAsync(2);
        var request = await stage.RequestAsync(s => s with { DeadlineSeconds = 2 });
        await stage.PhaseAsync(request, FreezePhase.Frozen);
        await stage.KillAgentAsync(1);
        await stage.Cluster.RemoveAgentPodAsync("node-2");
        await stage.Cluster.RemoveNodeAsync("node-2");
        if (deleted)
        {
            await stage.DeleteAsync(request);
            await stage.GoneAsync(request);
        }
        else
        {
            var failed = await stage.PhaseAsync(request, FreezePhase.Failed);
            Assert.Equal(Reasons.NodeLost, failed.Reason);
            Assert.Contains("node-2", failed.Message, StringComparison.Ordinal);
        }

        await stage.CleanAsync();
        Assert.Equal(2, stage.Ledger.Freezes(request.Metadata.Uid));
    }

    public static TheoryData<int, string, bool> Refusals
    {
        get
        {
            var refusals = new TheoryData<int, string, bool>();
            foreach (var cut in new[] { false, true })
            {
                foreach (var (code, reason) in new[] { (401, "Unauthorized"), (403, "Forbidden"), (404, "NotFound"), (429, "TooManyRequests"), (500, "InternalError"), (503, "ServiceUnavailable"), (504, "Timeout") })
                    refusals.Add(code, reason, cut);
            }

            return refusals;
        }
    }

    [Theory]
    [MemberData(nameof(Refusals))]
    public async Task An_api_server_that_refuses_everything_for_a_while_in_the_window_ends_in_an_honest_verdict(int code, string reason, bool cutsWatches)
    {
        await using var stage = await Stage.SetAsync(2);
        var request = await stage.RequestAsync(s => s with { DeadlineSeconds = 60 });
        await stage.PhaseAsync(request, FreezePhase.Frozen);
        var faults = stage.Cluster.Server.Faults;
        var operators = RequestMatch.Any with { UserAgent = "quiesce-operator" };
        using (var rule = faults.Inject(operators, FaultEffect.Status(code, reason, "injected"), times: 1_000_000))
        {
            if (cutsWatches) faults.DropWatches(operators);
            await stage.ThawAsync(request);
            await Task.Delay(TimeSpan.FromSeconds(2));
            Assert.InRange(rule.Hits, 1, 200);
        }

        var end = await EndAsync(stage, request);
        // What was asked for is done as soon as it can be; a refusal that looks final may have deleted the window instead, which thaws as well.
        Assert.Contains(end.Phase, new[] { FreezePhase.Thawed, FreezePhase.Broken });
        Assert.Equal(end.Phase == FreezePhase.Thawed ? ConditionStatus.True : ConditionStatus.False, Stage.Condition(end, ConditionTypes.WindowIntact).Status);
        await stage.CleanAsync();
        Assert.Equal(2, stage.Ledger.Freezes(request.Metadata.Uid));
        await stage.DeleteAsync(request);
        await stage.GoneAsync(request);
    }

    [Fact]
    public async Task What_a_server_wrongly_says_is_gone_until_the_request_has_ended_is_removed_all_the_same()
    {
        await using var stage = await Stage.SetAsync(2);
        var request = await stage.RequestAsync(s => s with { DeadlineSeconds = 60 });
        await stage.PhaseAsync(request, FreezePhase.Frozen);
        var faults = stage.Cluster.Server.Faults;
        var rules = new[] { "freezewindows", "nodefreezes" }
            .Select(plural => faults.Inject(RequestMatch.Any with { UserAgent = "quiesce-operator", Resource = plural }, FaultEffect.Status(404, "NotFound", "injected"), times: 1_000_000))
            .ToArray();
        await stage.ThawAsync(request);
        var end = await EndAsync(stage, request);
        // As far as it can know, somebody has deleted the window.
        Assert.Equal((FreezePhase.Broken, Reasons.CommandGone), (end.Phase, end.Reason));
        foreach (var rule in rules) rule.Dispose();
        await stage.CleanAsync();
        await stage.DeleteAsync(request);
        await stage.GoneAsync(request);
    }

    [Fact]
    public async Task A_server_that_asks_to_wait_for_an_hour_is_asked_again_before()
    {
        await using var stage = await Stage.SetAsync(1);
        var request = await stage.RequestAsync(s => s with { DeadlineSeconds = 600 });
        await stage.PhaseAsync(request, FreezePhase.Frozen);
        stage.Cluster.Server.Faults.Inject(RequestMatch.Of("patch", "freezewindows"), FaultEffect.TooManyRequests(3600));
        await stage.ThawAsync(request);
        await stage.PhaseAsync(request, FreezePhase.Thawed);
        await stage.CleanAsync();
    }
}
