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

    [Fact]
    public async Task The_status_of_a_thousand_nodes_with_eight_filesystems_each_is_bounded_and_taken_by_the_API_server()
    {
        var names = Enumerable.Range(0, 1000).Select(i => $"{new string('n', 50)}-{i}").ToArray();
        var world = Deciding.World.With(names[..64]);
        // Nothing of it is shorter than it may well be.
        foreach (var name in names) world.AddNode(name, agent: true, ("pool", "db"));
        world.Spec(s => s with { Targets = [new() { AllFilesystems = new() { NodeSelector = new() { MatchLabels = new Dictionary<string, string> { ["pool"] = "db" } } } }] }).Settle();
        foreach (var name in names) world.Report(name, NodeFreezePhase.Prepared);
        world.Settle();
        var filesystems = Enumerable.Range(0, 8).Select(i => new FilesystemStatus
        {
            Path = $"/var/lib/kubelet/pods/{Guid.NewGuid()}/volumes/kubernetes.io~csi/pvc-{Guid.NewGuid()}/mount",
            Claim = $"data-{new string('c', 60)}-{i}",
            State = FilesystemState.Frozen,
            Type = "ext4",
            Source = $"/dev/mapper/{new string('d', 80)}-{i}",
            Device = "253:1234",
            FlushMilliseconds = 123.456,
            FlushedAt = new(2026, 11, 20, 10, 0, 0, 123, 456, TimeSpan.Zero),
            FrozenAt = new(2026, 11, 20, 10, 0, 1, 123, 456, TimeSpan.Zero),
            FreezeMilliseconds = 123.456,
            HeldMilliseconds = 123456.789,
            ThawMilliseconds = 1.234,
        }).ToArray();
        foreach (var name in names) world.Report(name, NodeFreezePhase.Frozen, frozen: 8, filesystems: filesystems);
        world.Settle();
        Assert.Equal((FreezePhase.Frozen, 1000, 8000), (world.Status.Phase, world.Status.NodesFrozen, world.Status.FrozenFilesystems));
        Assert.Equal((100, 900), (world.Status.Nodes.Count, world.Status.NodesOmitted));

        var size = System.Text.Json.JsonSerializer.SerializeToUtf8Bytes(world.Status, CrdsJson.Default.FreezeRequestStatus).Length;
        output.WriteLine($"[figure] status of 1,000 nodes with 8 filesystems each: {size / 1024} KiB");
        Assert.InRange(size, 1, 1_000_000); // etcd refuses a request above 1.5 MiB

        await using var stage = await Stage.SetAsync(1, withOperator: false);
        var request = await stage.RequestAsync();
        var written = await stage.Cluster.FreezeRequests.PatchStatusAsync(request, request with { Status = world.Status }, CancellationToken.None);
        Assert.Equal(100, written.Status!.Nodes.Count);
        Assert.All(written.Status.Nodes, node => Assert.Equal(8, node.Filesystems.Count));
    }
}
