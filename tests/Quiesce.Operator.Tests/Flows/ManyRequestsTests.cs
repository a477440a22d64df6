using System.Diagnostics;
using System.Globalization;
using Quiesce.Crds;

namespace Quiesce.Operator.Tests.Flows;

/// <summary>Many requests at a time, each on nodes of its own: none waits for another.</summary>
public sealed class ManyRequestsTests(ITestOutputHelper output)
{
    /// <summary>More than the operator has workers.</summary>
    private const int Each = 12;

    private static Task<FreezeRequest> OfAsync(Stage stage, FakeAgent agent, FreezeHooks? hooks = null) => stage.RequestAsync(s => s with
    {
        Targets = [new() { HostPath = new() { Path = "/srv", NodeName = agent.Node } }],
        FreezeTimeoutSeconds = 120,
        DeadlineSeconds = 120,
        Hooks = hooks,
    });

    [Fact]
    public async Task Requests_whose_nodes_do_not_answer_hold_up_no_other()
    {
        await using var stage = await Stage.SetAsync(2 * Each);
        var (silent, others) = (stage.Agents.Take(Each).ToArray(), stage.Agents.Skip(Each).ToArray());
        foreach (var agent in silent) agent.Script = new() { IsSilent = true };
        var waiting = await Task.WhenAll(silent.Select(agent => OfAsync(stage, agent)));
        foreach (var request in waiting) await stage.PhaseAsync(request, FreezePhase.Preparing);
        var frozen = await Task.WhenAll(others.Select(agent => OfAsync(stage, agent)));
        foreach (var request in frozen) await stage.PhaseAsync(request, FreezePhase.Frozen);
        foreach (var request in waiting) Assert.Equal(FreezePhase.Preparing, (await stage.GetAsync(request))!.Status!.Phase);
        foreach (var request in frozen) await stage.ThawAsync(request);
        foreach (var request in frozen) await stage.PhaseAsync(request, FreezePhase.Thawed);
    }

    [Fact]
    public async Task Requests_on_one_node_at_the_same_time_each_get_a_name_and_give_it_back()
    {
        await using var stage = await Stage.SetAsync(2);
        for (var round = 0; round < 2; round++)
        {
            var requests = await Task.WhenAll(Enumerable.Range(0, Each).Select(i => stage.RequestAsync(s => s with
            {
                Targets = [.. stage.Agents.Take(1 + (i % 2)).Select(agent => new FreezeTarget { HostPath = new() { Path = "/srv", NodeName = agent.Node } })],
                FreezeTimeoutSeconds = 60,
                DeadlineSeconds = 120,
            })));
            foreach (var request in requests) await stage.PhaseAsync(request, FreezePhase.Frozen);
            var plans = (await stage.Cluster.NodeFreezes.ListAsync(InternalNames.DefaultNamespace)).Items;
            Assert.Equal(Each + (Each / 2), plans.Count);
            // The lowest names, so that each agent need not look for more than there are.
            Assert.All(plans, plan => Assert.InRange(InternalNames.PlaceOf(plan.Spec.NodeName, plan.Metadata.Name)!.Value, 0, Each - 1));
            foreach (var request in requests) await stage.ThawAsync(request);
            foreach (var request in requests) await stage.PhaseAsync(request, FreezePhase.Thawed);
            foreach (var request in requests) Assert.Equal(stage.Ledger.Freezes(request.Metadata.Uid), request.Spec.Targets.Count);
            await Eventually.GetAsync(async () => (await stage.Cluster.NodeFreezes.ListAsync(InternalNames.DefaultNamespace)).Items.Count == 0 ? "none" : null, () => "no plans are left");
        }
    }

    [Fact]
    public async Task A_name_that_another_has_which_is_of_no_request_is_left_to_it()
    {
        await using var stage = await Stage.SetAsync(2);
        var foreign = await stage.Cluster.NodeFreezes.CreateAsync(
            new()
            {
                Metadata = new() { Name = InternalNames.NodeFreeze("node-1", 0), NamespaceProperty = InternalNames.DefaultNamespace },
                Spec = new() { NodeName = "elsewhere", Request = new() { Namespace = "shop", Name = "other", Uid = "other" }, Mode = NodeFreezeMode.Inspect, AllFilesystems = true },
            },
            CancellationToken.None);
        var request = await stage.RequestAsync();
        await stage.PhaseAsync(request, FreezePhase.Frozen);
        await stage.ThawAsync(request);
        await stage.PhaseAsync(request, FreezePhase.Thawed);
        Assert.Equal(2, stage.Ledger.Freezes(request.Metadata.Uid));
        await stage.Cluster.NodeFreezes.DeleteAsync(InternalNames.DefaultNamespace, foreign.Metadata.Name);
    }

    [Fact]
    public async Task Hooks_that_do_not_end_hold_up_no_other_request_and_no_other_requests_hooks()
    {
        await using var stage = await Stage.SetAsync(1 + Each);
        var kubelet = await stage.KubeletAsync();
        await stage.PodAsync("hang", stage.Agents[0].Node);
        try
        {
            kubelet.Script = async call =>
            {
                if (call.Command[0] == "/bin/hang") await Task.Delay(Timeout.Infinite, call.Gone);
                return 0;
            };
            FreezeHooks Hooks(string program) =>
                new() { PreFreeze = [new() { PodSelector = new() { MatchLabels = new Dictionary<string, string> { ["app"] = "db" } }, Command = [program], Timeout = "120s" }] };
            var waiting = await Task.WhenAll(Enumerable.Range(0, 2 * Each).Select(_ => OfAsync(stage, stage.Agents[0], Hooks("/bin/hang"))));
            await Eventually.TrueAsync(() => kubelet.Calls.Count == waiting.Length, "all of them are under way");
            var frozen = await Task.WhenAll(stage.Agents.Skip(1).Select((agent, i) => OfAsync(stage, agent, i % 2 == 0 ? Hooks("/bin/true") : null)));
            foreach (var request in frozen) await stage.PhaseAsync(request, FreezePhase.Frozen);
            foreach (var request in waiting) Assert.Equal(Reasons.RunningHooks, (await stage.GetAsync(request))!.Status!.Reason);
            foreach (var request in waiting.Concat(frozen)) await stage.DeleteAsync(request);
            foreach (var request in waiting.Concat(frozen)) await stage.GoneAsync(request);
            Assert.Equal(0, waiting.Sum(request => stage.Ledger.Freezes(request.Metadata.Uid)));
        }
        finally
        {
            await stage.RemovePodAsync("hang");
        }
    }

    [Fact]
    public async Task Many_at_once_freeze_each_as_it_would_alone()
    {
        const int rounds = 5;
        await using var stage = await Stage.SetAsync(Each);
        var alone = new List<double>();
        var together = new List<double>();
        for (var round = 0; round < rounds; round++)
        {
            alone.AddRange(await LiveAsync(stage, [stage.Agents[round]]));
            together.AddRange(await LiveAsync(stage, stage.Agents));
        }

        // A figure to look at, not one to fail for: on two cores twelve clients beside the operator share what one had.
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"[figure] create to Frozen: {Median(alone):0} ms alone, {Median(together):0} ms each of {Each} at once ({(stage.Cluster.IsLocal ? "local" : "kube-apiserver")})"));
        await stage.CleanAsync();

        static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);
    }

    /// <summary>Milliseconds from creating a request to seeing it Frozen, of each.</summary>
    private static Task<double[]> LiveAsync(Stage stage, IEnumerable<FakeAgent> agents) => Task.WhenAll(agents.ToArray().Select(async agent =>
    {
        var age = Stopwatch.StartNew();
        var request = await OfAsync(stage, agent);
        await stage.PhaseAsync(request, FreezePhase.Frozen);
        var took = age.Elapsed.TotalMilliseconds;
        await stage.ThawAsync(request);
        await stage.PhaseAsync(request, FreezePhase.Thawed);
        return took;
    }));
}
