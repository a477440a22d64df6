using Quiesce.Crds;

namespace Quiesce.Operator.Tests.Flows;

/// <summary>
/// The operator is killed at each of its calls to the API server, reads and writes, right before it is sent and right after it was carried out, and another one goes on:
/// the window comes about, holds and ends as if nothing had happened.
/// </summary>
public sealed class KillTests(ITestOutputHelper output)
{
    private static readonly TimeSpan Restart = TimeSpan.FromSeconds(30);

    private enum Ending
    {
        Thaw,
        Delete,
        NodeFails,
        Expire,
        PodsChange,
    }

    public static TheoryData<int, string, bool> Lives => new()
    {
        { 1, nameof(Ending.Thaw), false },
        { 2, nameof(Ending.Thaw), false },
        { 2, nameof(Ending.Thaw), true },
        { 1, nameof(Ending.Delete), false },
        { 2, nameof(Ending.Delete), false },
        { 2, nameof(Ending.Delete), true },
        { 2, nameof(Ending.NodeFails), false },
        { 2, nameof(Ending.NodeFails), true },
        { 2, nameof(Ending.Expire), false },
        { 2, nameof(Ending.PodsChange), false },
    };

    [Theory]
    [MemberData(nameof(Lives))]
    public async Task A_killed_operators_successor_goes_on(int nodes, string ending, bool called)
    {
        await using var stage = await Stage.SetAsync(nodes, withOperator: false);
        var end = Enum.Parse<Ending>(ending);
        if (end == Ending.NodeFails) stage.Agents[^1].Script = new() { FailsToFreeze = Reasons.FreezeFailed };
        // On a real API server, where a life takes several times as long, the writes alone.
        var writesOnly = !stage.Cluster.IsLocal;
        var calls = await LiveAsync(stage, end, called, new(writesOnly: writesOnly));
        Assert.InRange(calls, 8, 80);
        for (var call = 1; call <= calls; call++)
        {
            await LiveAsync(stage, end, called, new(call, after: false, writesOnly));
            await LiveAsync(stage, end, called, new(call, after: true, writesOnly));
        }

        output.WriteLine($"[figure] {nodes} nodes{(called ? " that are called" : "")}, {ending}: killed before and after each of {calls} {(writesOnly ? "writes" : "calls")}");
    }

    /// <summary>One request from its creation to its end.</summary>
    /// <returns>The operator's calls.</returns>
    private static async Task<int> LiveAsync(Stage stage, Ending ending, bool called, KillSwitch killSwitch)
    {
        OperatorOptions Options(OperatorOptions o) => o with { CallFromNodes = called ? 2 : 0 };
        var first = await stage.StartOperatorAsync(killSwitch, Options);
        var second = stage;
        using var over = new CancellationTokenSource();
        var successor = Task.Run(async () =>
        {
            await killSwitch.Died.WaitAsync(over.Token);
            return await second.StartOperatorAsync(null, Options);
        });
        // Room for a restart on a slow machine, except where the deadline is to end it.
        if (ending == Ending.PodsChange)
        {
            await stage.PodAsync("db-0", stage.Agents[0].Node);
            stage.Agents[1].Script = new() { PrepareTime = TimeSpan.FromMilliseconds(250) }; // the pod comes before everything is frozen
            // Frozen when the pod came, it freezes once more with it.
            stage.Ledger.MostFreezes = 2;
        }

        var request = await stage.RequestAsync(s => s with
        {
            Targets = ending == Ending.PodsChange ? [.. s.Targets, Stage.Pods] : s.Targets,
            FreezeTimeoutSeconds = (int)Restart.TotalSeconds,
            DeadlineSeconds = ending == Ending.Expire ? 1 : (int)Restart.TotalSeconds,
        });
        if (ending == Ending.NodeFails)
        {
            Assert.Equal(Reasons.FreezeFailed, (await stage.PhaseAsync(request, FreezePhase.Failed)).Reason);
        }
        else if (ending == Ending.Expire)
        {
            // With a second to live a window may end before the successor has seen it open; it is never called intact.
            var status = await Eventually.GetAsync(
                async () => (await stage.GetAsync(request))!.Status is { Phase: >= FreezePhase.Thawed } s ? s : null, () => "an end\n" + stage.Said);
            Assert.True(status.Phase == FreezePhase.Expired || status is { Phase: FreezePhase.Failed, FrozenAt: null }, $"{status.Phase} {status.Reason}: {status.Message}\n{stage.Said}");
            Assert.Equal(ConditionStatus.False, Stage.Condition(status, ConditionTypes.WindowIntact).Status);
        }
        else
        {
            if (ending == Ending.PodsChange)
            {
                // With a claim of its own, on the other node: a window without it would have missed it.
                await Eventually.GetAsync(async () => (await stage.Cluster.NodeFreezes.ListAsync(InternalNames.DefaultNamespace)).Items.Count > 0 ? "plans" : null, () => "plans\n" + stage.Said);
                await stage.PodAsync("db-1", stage.Agents[1].Node);
            }

            await stage.PhaseAsync(request, FreezePhase.Frozen);
            if (ending == Ending.PodsChange)
            {
                var plans = (await stage.Cluster.NodeFreezes.ListAsync(InternalNames.DefaultNamespace)).Items;
                Assert.Equal(["db-0", "db-1"], plans.SelectMany(p => p.Spec.Volumes).Select(v => v.Claim).Order());
                await stage.RemovePodAsync("db-0");
                await stage.RemovePodAsync("db-1");
            }

            if (ending == Ending.Delete)
            {
                await stage.DeleteAsync(request);
                await stage.GoneAsync(request);
            }
            else
            {
                await stage.ThawAsync(request);
                var thawed = await stage.PhaseAsync(request, FreezePhase.Thawed);
                Assert.Equal(ConditionStatus.True, Stage.Condition(thawed, ConditionTypes.WindowIntact).Status);
            }

            if (ending != Ending.PodsChange) Assert.Equal(stage.Agents.Count, stage.Ledger.Freezes(request.Metadata.Uid));
        }

        await stage.CleanAsync();
        if (ending != Ending.Delete)
        {
            await Eventually.GetAsync(
                async () => (await stage.GetAsync(request))!.Metadata.Finalizers is null or [] ? "released" : null, () => "no finalizer\n" + stage.Said);
        }

        await over.CancelAsync();
        await stage.StopOperatorAsync(first);
        try
        {
            await stage.StopOperatorAsync(await successor);
        }
        catch (OperationCanceledException)
        {
            // It was not killed.
        }

        return killSwitch.Calls;
    }
}
