using Quiesce.Cluster.Faults;
using Quiesce.Crds;

namespace Quiesce.Operator.Tests.Flows;

/// <summary>Operator and agents over an API server: the whole life of a request.</summary>
public sealed class LifeTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(7)]
    public async Task A_request_is_frozen_held_and_thawed_and_leaves_nothing_behind(int nodes)
    {
        await using var stage = await Stage.SetAsync(nodes);
        var request = await stage.RequestAsync();
        var frozen = await stage.PhaseAsync(request, FreezePhase.Frozen);
        Assert.Equal((nodes, nodes, nodes * 2), (frozen.NodeCount, frozen.NodesFrozen, frozen.FrozenFilesystems));
        Assert.Equal(nodes, stage.Ledger.Holding);
        Assert.Equal(ConditionStatus.True, Stage.Condition(frozen, ConditionTypes.Frozen).Status);
        Assert.NotNull(frozen.DeadlineAt);
        Assert.True(frozen.StartedAt <= frozen.FrozenAt);
        await stage.ThawAsync(request);
        var thawed = await stage.PhaseAsync(request, FreezePhase.Thawed);
        Assert.Equal((nodes * 2, nodes * 2, nodes), (thawed.FrozenFilesystems, thawed.ThawedFilesystems, thawed.NodesThawed));
        Assert.Equal((ConditionStatus.True, Reasons.HeldWithoutBreak), (Stage.Condition(thawed, ConditionTypes.WindowIntact).Status, Stage.Condition(thawed, ConditionTypes.WindowIntact).Reason));
        await stage.CleanAsync();
        var left = await stage.GetAsync(request);
        Assert.Empty(left!.Metadata.Finalizers ?? []);
        Assert.Equal("true", left.Metadata.Labels[QuiesceApi.ExcludeFromBackupLabel]);
        Assert.Equal(nodes, stage.Ledger.Freezes(request.Metadata.Uid));
    }

    [Fact]
    public async Task Each_command_is_one_write_whatever_the_number_of_nodes()
    {
        await using var stage = await Stage.SetAsync(5);
        var request = await stage.RequestAsync();
        await stage.PhaseAsync(request, FreezePhase.Frozen);
        await stage.ThawAsync(request);
        await stage.PhaseAsync(request, FreezePhase.Thawed);
        await stage.CleanAsync();
        if (!stage.Cluster.IsLocal) return;
        int Count(string verb, string resource) => stage.Cluster.Server.Requests.Count(RequestMatch.Of(verb, resource));
        Assert.Equal((1, 3, 1), (Count("create", "freezewindows"), Count("patch", "freezewindows"), Count("delete", "freezewindows")));
        Assert.Equal((5, 5), (Count("create", "nodefreezes"), Count("delete", "nodefreezes")));
    }

    [Fact]
    public async Task The_events_tell_the_story_in_order()
    {
        await using var stage = await Stage.SetAsync(2);
        var request = await stage.RequestAsync();
        await stage.PhaseAsync(request, FreezePhase.Frozen);
        await stage.ThawAsync(request);
        await stage.PhaseAsync(request, FreezePhase.Thawed);
        var events = await Eventually.GetAsync(
            async () => await stage.EventsAsync(request.Metadata.Uid) is { Count: >= 6 } all ? all : null, () => "six Events\n" + stage.Said);
        Assert.Equal(["Accepted", "Preparing", "Freezing", "Frozen", "ThawRequested", "Thawed"], events.Select(e => e.Reason));
        Assert.All(events, e => Assert.Equal(("Normal", "FreezeRequest", "quiesce.dev/operator"), (e.Type, e.Regarding!.Kind, e.ReportingController)));
        Assert.Contains("node-1, node-2", events[0].Note, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_request_that_waits_for_another_says_so_also_where_it_is_turned_away_at_once()
    {
        await using var stage = await Stage.SetAsync(1);
        stage.Agents[0].Script = new() { FailsToPrepare = Reasons.HeldByOtherRequest };
        var request = await stage.RequestAsync(s => s with { ConflictPolicy = ConflictPolicy.Wait, FreezeTimeoutSeconds = 60 });
        await Eventually.GetAsync(
            async () => (await stage.GetAsync(request))!.Status is { Phase: FreezePhase.Pending, Reason: Reasons.HeldByOtherRequest } s ? s : null, () => "waiting\n" + stage.Said);
        stage.Agents[0].Script = new();
        await stage.PhaseAsync(request, FreezePhase.Frozen);
        await stage.ThawAsync(request);
        await stage.PhaseAsync(request, FreezePhase.Thawed);
        await stage.CleanAsync();
    }

    [Fact]
    public async Task A_selector_and_all_filesystems_reach_every_node()
    {
        await using var stage = await Stage.SetAsync(3);
        var selector = new LabelSelector { MatchLabels = new Dictionary<string, string> { ["pool"] = "db" } };
        var request = await stage.RequestAsync(s => s with { Targets = [new() { AllFilesystems = new() { NodeSelector = selector } }] });
        Assert.Equal(3, (await stage.PhaseAsync(request, FreezePhase.Frozen)).NodesFrozen);
        Assert.All((await stage.Cluster.NodeFreezes.ListAsync(InternalNames.DefaultNamespace)).Items, n => Assert.True(n.Spec.AllFilesystems));
        await stage.ThawAsync(request);
        await stage.PhaseAsync(request, FreezePhase.Thawed);
        await stage.CleanAsync();
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Deleting_a_frozen_request_thaws_it_first(int nodes)
    {
        await using var stage = await Stage.SetAsync(nodes);
        var request = await stage.RequestAsync();
        await stage.PhaseAsync(request, FreezePhase.Frozen);
        await stage.DeleteAsync(request);
        await stage.GoneAsync(request);
        Assert.Equal(0, stage.Ledger.Holding);
        await stage.CleanAsync();
    }

    [Fact]
    public async Task A_deadline_ends_the_window_and_is_no_success()
    {
        await using var stage = await Stage.SetAsync(2);
        var request = await stage.RequestAsync(s => s with { DeadlineSeconds = 1 });
        var expired = await stage.PhaseAsync(request, FreezePhase.Expired);
        Assert.Equal((ConditionStatus.False, Reasons.DeadlineExceeded), (Stage.Condition(expired, ConditionTypes.WindowIntact).Status, Stage.Condition(expired, ConditionTypes.WindowIntact).Reason));
        await stage.CleanAsync();
    }

    [Fact]
    public async Task A_raised_deadline_holds_longer_and_status_says_so_when_all_agents_know()
    {
        await using var stage = await Stage.SetAsync(2);
        var request = await stage.RequestAsync(s => s with { DeadlineSeconds = 2 });
        var before = await stage.PhaseAsync(request, FreezePhase.Frozen);
        await stage.PatchSpecAsync(request, "deadlineSeconds", 60);
        var after = await Eventually.GetAsync(
            async () => (await stage.GetAsync(request))!.Status is { } s && s.DeadlineAt > before.DeadlineAt ? s : null, () => "a later deadline\n" + stage.Said);
        Assert.Equal(TimeSpan.FromSeconds(58), after.DeadlineAt - before.DeadlineAt);
        Assert.All(after.Conditions, c => Assert.Equal(2, c.ObservedGeneration));
        await Task.Delay(TimeSpan.FromSeconds(2.2));
        Assert.Equal(2, stage.Ledger.Holding);
        await stage.ThawAsync(request);
        await stage.PhaseAsync(request, FreezePhase.Thawed);
        await stage.CleanAsync();
    }

    [Fact]
    public async Task A_request_deletes_itself_when_its_time_is_over()
    {
        await using var stage = await Stage.SetAsync(1);
        var request = await stage.RequestAsync(s => s with { TtlSecondsAfterFinished = 1 });
        await stage.PhaseAsync(request, FreezePhase.Frozen);
        await stage.ThawAsync(request);
        await stage.PhaseAsync(request, FreezePhase.Thawed);
        await stage.GoneAsync(request);
        await stage.CleanAsync();
    }

    [Fact]
    public async Task A_dry_run_reports_and_freezes_nothing()
    {
        await using var stage = await Stage.SetAsync(2);
        var request = await stage.RequestAsync(s => s with { DryRun = true });
        var done = await stage.PhaseAsync(request, FreezePhase.Thawed);
        Assert.Equal(Reasons.DryRunCompleted, done.Reason);
        Assert.Equal(4, done.Nodes.Sum(n => n.Filesystems.Count));
        if (stage.Cluster.IsLocal) Assert.Equal(0, stage.Cluster.Server.Requests.Count(RequestMatch.Of("create", "freezewindows")));
        Assert.Equal(0, stage.Ledger.Freezes(request.Metadata.Uid));
        await stage.CleanAsync();
    }

    [Fact]
    public async Task A_node_and_an_agent_that_came_a_moment_ago_are_known()
    {
        await using var stage = await Stage.SetAsync(1);
        for (var i = 0; i < 5; i++)
        {
            // The watches of nodes and pods may be behind that of requests.
            stage.Cluster.Server.Faults.SilenceWatches(RequestMatch.Of("watch", "nodes"));
            stage.Cluster.Server.Faults.SilenceWatches(RequestMatch.Of("watch", "pods"));
            await stage.AddAgentAsync($"new-{i}");
            var request = await stage.RequestAsync();
            await stage.PhaseAsync(request, FreezePhase.Frozen);
            await stage.ThawAsync(request);
            await stage.PhaseAsync(request, FreezePhase.Thawed);
        }
    }

    [Fact]
    public async Task Many_requests_at_once_do_not_disturb_each_other()
    {
        await using var stage = await Stage.SetAsync(3);
        var requests = new List<FreezeRequest>();
        for (var i = 0; i < 20; i++) requests.Add(await stage.RequestAsync());
        foreach (var request in requests) await stage.PhaseAsync(request, FreezePhase.Frozen);
        Assert.Equal(60, stage.Ledger.Holding);
        foreach (var request in requests) await stage.ThawAsync(request);
        foreach (var request in requests) await stage.PhaseAsync(request, FreezePhase.Thawed);
        await stage.CleanAsync();
    }

    [Fact]
    public async Task A_thaw_request_thaws_and_reports_and_goes_when_its_time_is_over()
    {
        await using var stage = await Stage.SetAsync(1);
        var client = stage.Cluster.ThawRequests;
        var created = await client.CreateAsync(
            new() { Metadata = new() { Name = "recover" }, Spec = new() { NodeName = "node-1", TtlSecondsAfterFinished = 1 } }, CancellationToken.None);
        var done = await Eventually.GetAsync(
            async () => await client.GetAsync(null, "recover", CancellationToken.None) is { Status.Phase: >= ThawPhase.Thawed } r ? r : null, () => "an end\n" + stage.Said);
        Assert.Equal((ThawPhase.Thawed, 2), (done.Status!.Phase, done.Status.ThawedFilesystems));
        Assert.Equal(ConditionStatus.True, Assert.Single(done.Status.Conditions, c => c.Type == ConditionTypes.Finished).Status);
        await Eventually.GetAsync(async () => await client.GetAsync(null, "recover", CancellationToken.None) is null ? "gone" : null, () => "gone\n" + stage.Said);
        await stage.CleanAsync();
        Assert.Equal(["Thawing", "Thawed"], (await stage.EventsAsync(created.Metadata.Uid, "default")).Select(e => e.Reason));
    }

    [Fact]
    public async Task A_thaw_request_that_cannot_be_carried_out_says_why()
    {
        await using var stage = await Stage.SetAsync(1);
        stage.Agents[0].Script = new() { BreaksAtThaw = Reasons.ThawStuck };
        var client = stage.Cluster.ThawRequests;
        await client.CreateAsync(new() { Metadata = new() { Name = "stuck" }, Spec = new() { NodeName = "node-1" } }, CancellationToken.None);
        await client.CreateAsync(new() { Metadata = new() { Name = "nowhere" }, Spec = new() { NodeName = "node-9" } }, CancellationToken.None);
        async Task<string?> EndAsync(string name) => (await Eventually.GetAsync(
            async () => await client.GetAsync(null, name, CancellationToken.None) is { Status.Phase: ThawPhase.Failed } r ? r : null, () => "a failure\n" + stage.Said)).Status!.Reason;
        Assert.Equal(Reasons.ThawStuck, await EndAsync("stuck"));
        Assert.Equal(Reasons.NodeNotFound, await EndAsync("nowhere"));
        stage.Agents[0].Script = new() { IsSilent = true };
        await client.CreateAsync(new() { Metadata = new() { Name = "silent" }, Spec = new() { NodeName = "node-1", TimeoutSeconds = 1 } }, CancellationToken.None);
        Assert.Equal(Reasons.NodeLost, await EndAsync("silent"));
        await stage.CleanAsync();
    }

    [Fact]
    public async Task Health_tells_whether_it_is_in_step_with_the_api_server()
    {
        await using var stage = await Stage.SetAsync(0, withOperator: false);
        var running = await stage.StartOperatorAsync(options: o => o with { HttpPort = 0 });
        using var http = new HttpClient();
        await Eventually.TrueAsync(() => running.Health is not null, "a health port");
        var at = new Uri($"http://{running.Health}/");
        await Eventually.GetAsync(async () => await Code("readyz") == 200 ? "ready" : null, () => "ready\n" + stage.Said);
        Assert.Equal((200, 200, 404), (await Code("healthz"), await Code("metrics"), await Code("elsewhere")));
        await stage.Cluster.Server.RefuseConnectionsAsync();
        await Eventually.GetAsync(async () => await Code("readyz") == 503 ? "not ready" : null, () => "not ready\n" + stage.Said);
        Assert.Equal(200, await Code("healthz"));
        await stage.Cluster.Server.ResumeAsync();
        await Eventually.GetAsync(async () => await Code("readyz") == 200 ? "ready" : null, () => "ready again\n" + stage.Said);

        async Task<int> Code(string path)
        {
            using var answer = await http.GetAsync(new Uri(at, path));
            return (int)answer.StatusCode;
        }
    }
}
