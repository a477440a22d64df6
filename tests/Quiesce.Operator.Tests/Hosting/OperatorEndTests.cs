using Quiesce.Cluster.Faults;
using Quiesce.Crds;
using Quiesce.Crds.Client;

namespace Quiesce.Operator.Tests.Hosting;

/// <summary>The program ends when it is told to, and says that it ended as it was told.</summary>
public sealed class OperatorEndTests
{
    [Fact]
    public async Task A_leader_ends_in_order_though_the_api_server_does_not_take_the_lease_back()
    {
        await using var cluster = await TestCluster.StartAsync();
        var faults = cluster.Server.Faults;
        await using var process = OperatorProcess.Start(cluster, ">/dev/null", "--leader-elect");
        var leases = new ResourceClient<Lease>(cluster.Connection, Kinds.Leases);
        await Eventually.GetAsync(
            async () => (await leases.GetAsync(InternalNames.DefaultNamespace, "quiesce-operator", CancellationToken.None))?.Spec.HolderIdentity, () => $"a leader; exited: {process.HasExited}");

        // To give it back, it is read first.
        using var silence = faults.Inject(RequestMatch.Of("get", "leases") with { UserAgent = "quiesce-operator" }, FaultEffect.Delay(TimeSpan.FromMinutes(5)));
        Assert.Equal(0, await process.StopAsync());
        Assert.Equal(1, silence.Hits);
    }
}
