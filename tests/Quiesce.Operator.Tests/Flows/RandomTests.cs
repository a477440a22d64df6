using System.Globalization;
using Quiesce.Crds;

namespace Quiesce.Operator.Tests.Flows;

/// <summary>Twenty nodes on which anything goes wrong at random, requests over any of them at once, watches that are cut and lag, and nodes that vanish.</summary>
public sealed class RandomTests(ITestOutputHelper output)
{
    private const int Nodes = 20;
    private const int Waves = 6;
    private const int RequestsInAWave = 5;

    [Fact]
    public async Task Whatever_goes_wrong_a_request_is_reported_Frozen_only_when_all_were_and_everything_is_released_in_time()
    {
        var seed = Environment.GetEnvironmentVariable("QUIESCE_SEED") is { Length: > 0 } given ? int.Parse(given, CultureInfo.InvariantCulture) : Environment.TickCount;
        output.WriteLine($"again with: QUIESCE_SEED={seed}");
        await using var stage = await Stage.SetAsync(Nodes);
        Assert.SkipUnless(stage.Cluster.IsLocal, "faults are injected into the local cluster only");
        using var stop = new CancellationTokenSource();
        var trouble = TroubleAsync(stage, new Random(seed), stop.Token);
        var outcomes = new Dictionary<string, int>();
        for (var wave = 0; wave < Waves; wave++)
        {
            var random = new Random(unchecked((seed * 31) + wave));
            foreach (var agent in stage.Agents) agent.Script = Draw(random);
            // Waves of their own, so that a node belongs to one request: what two on one node do to each other is tried elsewhere.
            var nodes = stage.Agents.Select(a => a.Node).OrderBy(_ => random.Next()).Chunk(Nodes / RequestsInAWave).Take(RequestsInAWave).ToArray();
            var ends = nodes.Select(names => OneAsync(stage, [.. names.Take(random.Next(1, names.Length + 1))], random.Next())).ToArray();
            var vanishing = random.Next(Nodes * 2);
            if (vanishing < Nodes) await VanishAsync(stage, vanishing, TimeSpan.FromMilliseconds(random.Next(1500)));
            foreach (var end in await Task.WhenAll(ends)) outcomes[end] = outcomes.GetValueOrDefault(end) + 1;
            if (vanishing < Nodes) await stage.AddAgentAsync($"node-again-{wave}");
        }

        await stop.CancelAsync();
        await trouble;
        await stage.CleanAsync();
        output.WriteLine($"[figure] {Waves * RequestsInAWave} random requests over {Nodes} nodes: {string.Join(", ", outcomes.OrderByDescending(o => o.Value).Select(o => $"{o.Value} {o.Key}"))}");
    }

    private static async Task<string> OneAsync(Stage stage, string[] nodes, int seed)
    {
        var random = new Random(seed);
        var (timeout, deadline, thawAfter) = (random.Next(1, 3), random.Next(1, 4), TimeSpan.FromMilliseconds(random.Next(4000)));
        var request = await stage.RequestAsync(s => s with
        {
            Targets = [.. nodes.Select(node => new FreezeTarget { HostPath = new() { Path = "/srv", NodeName = node } })],
            FreezeTimeoutSeconds = timeout,
            DeadlineSeconds = deadline,
        });
        var uid = request.Metadata.Uid;
        var began = TimeProvider.System.GetTimestamp();
        var asked = false;
        // Freeze timeout, deadline and grace, and once more the freeze timeout where a node is not told that all are frozen; and a slow machine.
        var bound = TimeSpan.FromSeconds((2 * timeout) + deadline + 5 + 10);
        while (true)
        {
            var status = (await stage.GetAsync(request))!.Status;
            if (status?.Phase == FreezePhase.Frozen)
            {
                Assert.Equal(nodes.Length, stage.Ledger.Freezes(uid));
                Assert.Equal(nodes.Length, status.NodesFrozen);
            }

            if (status?.Phase >= FreezePhase.Thawed)
            {
                var intact = Stage.Condition(status, ConditionTypes.WindowIntact).Status == ConditionStatus.True;
                Assert.Equal(status.Phase == FreezePhase.Thawed, intact);
                if (intact) Assert.True(asked && stage.Ledger.Freezes(uid) == nodes.Length, $"{uid}: intact, with {stage.Ledger.Freezes(uid)} of {nodes.Length} frozen");
                if (Stage.Condition(status, ConditionTypes.Thawed).Status != ConditionStatus.Unknown) Assert.Equal(0, stage.Ledger.HoldingFor(uid));
                return status.Phase == FreezePhase.Thawed ? "Thawed" : $"{status.Phase} {status.Reason}";
            }

            Assert.True(TimeProvider.System.GetElapsedTime(began) < bound, $"{uid} has not ended after {bound}: {status?.Phase}, {status?.Reason}: {status?.Message}\n{stage.Said}");
            if (!asked && TimeProvider.System.GetElapsedTime(began) > thawAfter)
            {
                await stage.ThawAsync(request);
                asked = true;
            }

            await Task.Delay(10);
        }
    }

    private static AgentScript Draw(Random random)
    {
        bool Chance(int percent) => random.Next(100) < percent;
        TimeSpan UpTo(int milliseconds) => TimeSpan.FromMilliseconds(random.Next(milliseconds));
        return new()
        {
            PrepareTime = Chance(40) ? UpTo(600) : TimeSpan.Zero,
            FreezeTime = Chance(40) ? UpTo(300) : TimeSpan.Zero,
            FailsToPrepare = Chance(4) ? Reasons.PathNotFound : null,
            FailsToFreeze = Chance(6) ? Reasons.AlreadyFrozen : null,
            BreaksAtThaw = Chance(4) ? Reasons.ThawedByOther : null,
            IsSilent = Chance(3),
            FallsSilentWhenFrozen = Chance(4),
        };
    }

    private static async Task VanishAsync(Stage stage, int index, TimeSpan after)
    {
        await Task.Delay(after);
        var node = stage.Agents[index].Node;
        await stage.KillAgentAsync(index);
        await stage.Cluster.RemoveAgentPodAsync(node);
        await stage.Cluster.RemoveNodeAsync(node);
    }

    private static async Task TroubleAsync(Stage stage, Random random, CancellationToken stop)
    {
        var faults = stage.Cluster.Server.Faults;
        while (!stop.IsCancellationRequested)
        {
            _ = random.Next(4) switch { 0 => faults.DropWatches(), 1 => faults.EndWatches(), 2 => faults.ExpireWatches(), _ => 0 };
            await Task.Delay(random.Next(50, 400), stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
