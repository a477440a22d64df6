using System.Diagnostics;
using Quiesce.Crds;

namespace Quiesce.Operator.Tests.Flows;

/// <summary>Many nodes in one window.</summary>
public sealed class ScaleTests(ITestOutputHelper output)
{
    [Fact]
    public async Task A_hundred_nodes_freeze_and_thaw_together()
    {
        await using var stage = await Stage.SetAsync(100);
        var clock = Stopwatch.StartNew();
        var request = await stage.RequestAsync(s => s with
        {
            Targets = [new() { AllFilesystems = new() { NodeSelector = new() { MatchLabels = new Dictionary<string, string> { ["pool"] = "db" } } } }],
            FreezeTimeoutSeconds = 60,
            DeadlineSeconds = 120,
        });
        var frozen = await stage.PhaseAsync(request, FreezePhase.Frozen);
        output.WriteLine($"frozen after {clock.ElapsedMilliseconds} ms, skew {frozen.SkewMilliseconds} ms");
        Assert.Equal((100, 200), (frozen.NodesFrozen, frozen.FrozenFilesystems));
        clock.Restart();
        await stage.ThawAsync(request);
        var thawed = await stage.PhaseAsync(request, FreezePhase.Thawed);
        output.WriteLine($"thawed after {clock.ElapsedMilliseconds} ms");
        Assert.Equal(100, thawed.NodesThawed);
        await stage.CleanAsync();
        if (stage.Cluster.IsLocal)
        {
            var writes = stage.Cluster.Server.Requests.Matching(new() { Verbs = ["patch"], Resource = "freezerequests", UserAgent = "quiesce-operator" });
            output.WriteLine($"{writes.Count} writes of the request");
            Assert.InRange(writes.Count, 5, 20);
        }
    }
}
