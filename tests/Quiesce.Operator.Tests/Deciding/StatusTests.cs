using System.Text.Json;
using Quiesce.Crds;
using static Quiesce.Operator.Tests.Deciding.World;

namespace Quiesce.Operator.Tests.Deciding;

/// <summary>What a status says, and how much.</summary>
public sealed class StatusTests
{
    private static FilesystemStatus[] Filesystems(int count, double milliseconds = 1) =>
        [.. Enumerable.Range(0, count).Select(i => new FilesystemStatus { Path = $"/srv/{i}", State = FilesystemState.Frozen, FreezeMilliseconds = milliseconds })];

    [Fact]
    public void A_status_can_be_written_whatever_the_paths_and_messages_of_its_filesystems_are()
    {
        string[] nodes = [.. Enumerable.Range(0, 100).Select(i => $"node-{i}")];
        var world = With(nodes).Settle();
        FilesystemStatus[] huge =
        [
            .. Enumerable.Range(0, 64).Select(i => new FilesystemStatus { Path = $"/{new string('p', 4_000)}/{i}", Source = new string('s', 4_000), State = FilesystemState.Failed, Reason = Reasons.PathNotFound, Message = new string('m', 40_000) }),
        ];
        foreach (var node in nodes) world.Report(node, NodeFreezePhase.Failed, Reasons.PathNotFound, filesystems: huge);
        world.Settle();
        Assert.Equal(FreezePhase.Failed, world.Status.Phase);
        // etcd's limit, with room for what the API server adds; and all that is left out is counted.
        Assert.InRange(JsonSerializer.SerializeToUtf8Bytes(world.Request, CrdsJson.Default.FreezeRequest).Length, 100_000, 1_300_000);
        Assert.All(world.Status.Nodes, n => Assert.Equal(64, n.Filesystems.Count + n.FilesystemsOmitted));
        Assert.All(world.Status.Conditions, c => Assert.InRange(c.Message.Length, 0, Bounds.MessageLength));
    }

    [Fact]
    public void All_five_conditions_are_always_there_and_of_the_current_generation()
    {
        var world = With("a", "b");
        string[] all = [ConditionTypes.Accepted, ConditionTypes.Frozen, ConditionTypes.Thawed, ConditionTypes.WindowIntact, ConditionTypes.Finished];
        void Check()
        {
            if (world.Request.Status is not { } status) return;
            Assert.Equal(all, status.Conditions.Select(c => c.Type));
            Assert.All(status.Conditions, c => Assert.Equal(world.Request.Metadata.Generation, c.ObservedGeneration));
            Assert.Equal(world.Request.Metadata.Generation, status.ObservedGeneration);
        }

        foreach (var next in new Action[]
        {
            () => { }, () => world.Report(NodeFreezePhase.Prepared, "a", "b"), () => world.Report(NodeFreezePhase.Frozen, "a", "b"),
            () => world.Spec(s => s with { DeadlineSeconds = 30 }), () => world.Spec(s => s with { DesiredState = DesiredState.Thawed }),
            () => world.Report(NodeFreezePhase.Thawed, "a", "b"),
        })
        {
            next();
            world.Settle();
            Check();
        }

        Assert.Equal(FreezePhase.Thawed, world.Status.Phase);
    }

    [Fact]
    public void A_condition_keeps_its_time_until_its_status_changes()
    {
        var world = With("node-1").Settle().Advance(1).Report(NodeFreezePhase.Frozen, "node-1").Settle();
        Assert.Equal(Start.AddSeconds(1), world.Condition(ConditionTypes.Frozen).LastTransitionTime);
        Assert.Equal(Start, world.Condition(ConditionTypes.Accepted).LastTransitionTime);
        Assert.Equal(Start, world.Condition(ConditionTypes.Finished).LastTransitionTime);
        world.Advance(1).Thaw().Advance(1).Report(NodeFreezePhase.Thawed, "node-1").Settle();
        Assert.Equal(Start.AddSeconds(2), world.Condition(ConditionTypes.Frozen).LastTransitionTime);
        Assert.Equal(Start.AddSeconds(3), world.Condition(ConditionTypes.Finished).LastTransitionTime);
    }

    [Fact]
    public void At_most_100_nodes_are_listed_failed_and_slowest_first()
    {
        var nodes = Enumerable.Range(0, 150).Select(i => $"node-{i:D3}").ToArray();
        var world = With();
        foreach (var node in nodes) world.AddNode(node);
        world.Spec(s => s with { Targets = [new() { AllFilesystems = new() { NodeSelector = new() } }] }).Settle().Report(NodeFreezePhase.Prepared, nodes).Settle();
        world.Report(NodeFreezePhase.Frozen, nodes);
        world.Report("node-140", NodeFreezePhase.Frozen, filesystems: Filesystems(1, 70));
        world.Report("node-141", NodeFreezePhase.Frozen, filesystems: Filesystems(1, 90));
        world.Report("node-149", NodeFreezePhase.Failed, Reasons.FreezeFailed).Settle();
        Assert.Equal((150, 100, 50), (world.Status.NodeCount, world.Status.Nodes.Count, world.Status.NodesOmitted));
        Assert.Equal(["node-149", "node-141", "node-140", "node-000"], world.Status.Nodes.Take(4).Select(n => n.Name));
    }

    [Fact]
    public void Nodes_that_are_behind_are_listed_before_those_that_are_done()
    {
        var world = With("a", "b", "c").Settle().Report(NodeFreezePhase.Prepared, "a", "c").Settle();
        Assert.Equal(["b", "a", "c"], world.Status.Nodes.Select(n => n.Name));
    }

    [Fact]
    public void Filesystems_are_bounded_for_each_node_and_altogether_so_that_the_object_fits()
    {
        var nodes = Enumerable.Range(0, 100).Select(i => $"node-{i:D3}").ToArray();
        var world = With();
        foreach (var node in nodes) world.AddNode(node);
        world.Spec(s => s with { Targets = [new() { AllFilesystems = new() { NodeSelector = new() } }] }).Settle();
        foreach (var node in nodes)
        {
            world.Report(node, NodeFreezePhase.Prepared, frozen: 64, filesystems: [.. Filesystems(64).Select(f => f with { Type = "ext4", Source = "/dev/mapper/volume-group-with-a-name", Device = "253:128", FlushMilliseconds = 12.345, FlushedAt = TimeProvider.System.GetUtcNow(), FrozenAt = TimeProvider.System.GetUtcNow(), HeldMilliseconds = 12345.678, ThawMilliseconds = 1.234 })]);
        }

        world.Settle();
        Assert.Equal(2000, world.Status.Nodes.Sum(n => n.Filesystems.Count));
        Assert.Equal((100 * 64) - 2000, world.Status.Nodes.Sum(n => n.FilesystemsOmitted));
        Assert.True(JsonSerializer.SerializeToUtf8Bytes(world.Request, CrdsJson.Default.FreezeRequest).Length < 1_000_000);
    }

    [Fact]
    public void What_a_node_left_out_is_counted()
    {
        var world = With("node-1").Settle();
        world.Report("node-1", NodeFreezePhase.Frozen, frozen: 70, filesystems: Filesystems(64));
        world.Plans["node-1"] = world.Plans["node-1"] with { Status = world.Plans["node-1"].Status! with { FilesystemsOmitted = 6 } };
        world.Settle();
        Assert.Equal((64, 6, 70), (world.Status.Nodes[0].Filesystems.Count, world.Status.Nodes[0].FilesystemsOmitted, world.Status.FrozenFilesystems));
    }

    [Fact]
    public void Deciding_again_changes_nothing()
    {
        var world = With("a", "b").Freeze();
        world.Writes.Clear();
        world.Settle().Advance(1).Settle();
        Assert.Empty(world.Writes);
    }
}
