using Quiesce.Crds;
using Quiesce.Operator.Telemetry;

namespace Quiesce.Operator.Tests.Telemetry;

/// <summary>What is counted over the nodes' reports.</summary>
public sealed class NodeCountsTests
{
    private static readonly DateTime Start = new(2026, 3, 1, 12, 0, 0, DateTimeKind.Utc);

    private static NodeFreeze Of(string node, NodeFreezeStatus? status, int age = 0) => new()
    {
        Metadata = new() { Name = $"{node}-{age}", CreationTimestamp = Start.AddSeconds(-age) },
        Spec = new() { NodeName = node, Request = new() { Namespace = "shop", Name = "nightly", Uid = "0d5e" } },
        Status = status,
    };

    private static NodeFreezeStatus Stuck(NodeFreezePhase phase, params string[] reasons) =>
        new() { Phase = phase, Filesystems = [.. reasons.Select(r => new FilesystemStatus { Path = "/srv", State = FilesystemState.Stuck, Reason = r }), new() { Path = "/", State = FilesystemState.Thawed }] };

    [Fact]
    public void Stuck_calls_are_counted_by_kind_over_all_nodes() => Assert.Equal(
        (1, 2),
        NodeCounts.Stuck(
        [
            Of("a", null), Of("b", Stuck(NodeFreezePhase.Thawing, Reasons.FreezeStuck, Reasons.ThawStuck)), Of("c", Stuck(NodeFreezePhase.Thawing, Reasons.ThawStuck)),
            Of("d", Stuck(NodeFreezePhase.Failed, Reasons.ThawStuck)),
        ]));

    [Fact]
    public void A_linux_node_without_a_ready_agent_counts_and_one_of_another_system_does_not()
    {
        static Dictionary<string, string> Os(string os) => new() { ["kubernetes.io/os"] = os };
        var nodes = new Dictionary<string, IReadOnlyDictionary<string, string>> { ["a"] = Os("linux"), ["b"] = Os("linux"), ["c"] = Os("windows"), ["d"] = new Dictionary<string, string>() };
        Assert.Equal(2, NodeCounts.WithoutAgent(new(nodes, new HashSet<string> { "a" })));
    }

    [Fact]
    public void An_unprotected_node_counts_once_and_by_its_newest_word() => Assert.Equal(
        2,
        NodeCounts.Unprotected(
        [
            Of("silent", new()), Of("a", new() { HolderProtected = false }), Of("a", new() { HolderProtected = false }, age: 5), Of("b", new() { HolderProtected = true }),
            Of("mended", new() { HolderProtected = true }), Of("mended", new() { HolderProtected = false }, age: 5),
            Of("broken", new() { HolderProtected = false }), Of("broken", new() { HolderProtected = true }, age: 5), Of("broken", new(), age: -5),
        ]));
}
