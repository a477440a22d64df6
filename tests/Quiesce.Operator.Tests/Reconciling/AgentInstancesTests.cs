using Quiesce.Crds;
using Quiesce.Operator.Reconciling;

namespace Quiesce.Operator.Tests.Reconciling;

/// <summary>Reports that come from another process than before.</summary>
public sealed class AgentInstancesTests
{
    private readonly AgentInstances _instances = new();

    private IReadOnlySet<string> Report(NodeFreezePhase phase, string? instance, string boot = "boot", string request = "r") => _instances.Restarted(
        request,
        [
            new()
            {
                Metadata = new() { Uid = "1" },
                Spec = new() { NodeName = "node-1", Request = new() { Namespace = "", Name = "r", Uid = request } },
                Status = new() { Phase = phase, AgentInstance = instance, BootID = boot },
            },
        ]);

    [Fact]
    public void The_same_process_is_no_restart()
    {
        Assert.Empty(Report(NodeFreezePhase.Prepared, "a"));
        Assert.Empty(Report(NodeFreezePhase.Frozen, "a"));
    }

    [Fact]
    public void Another_process_or_another_boot_is_one_and_stays_one()
    {
        Report(NodeFreezePhase.Prepared, "a");
        Assert.Equal(["node-1"], Report(NodeFreezePhase.Frozen, "b"));
        Assert.Equal(["node-1"], Report(NodeFreezePhase.Thawed, "b"));
        Report(NodeFreezePhase.Prepared, "a", request: "s");
        Assert.Equal(["node-1"], Report(NodeFreezePhase.Frozen, "a", "another boot", "s"));
    }

    [Fact]
    public void Before_prepared_any_process_may_begin_anew()
    {
        Report(NodeFreezePhase.Preparing, "a");
        Assert.Empty(Report(NodeFreezePhase.Prepared, "b"));
    }

    [Fact]
    public void A_request_that_is_forgotten_is_seen_for_the_first_time()
    {
        Report(NodeFreezePhase.Prepared, "a");
        _instances.Forget("r");
        Assert.Empty(Report(NodeFreezePhase.Frozen, "b"));
    }
}
