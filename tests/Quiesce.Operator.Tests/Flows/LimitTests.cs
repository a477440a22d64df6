using Quiesce.Crds;

namespace Quiesce.Operator.Tests.Flows;

/// <summary>What one namespace may take for itself.</summary>
public sealed class LimitTests
{
    [Fact]
    public async Task Of_many_requests_at_once_as_many_are_carried_out_as_the_installation_allows_and_another_namespace_has_its_own()
    {
        await using var stage = await Stage.SetAsync(6, withOperator: false);
        var requests = new List<FreezeRequest>();
        // There before the operator is, so that it meets them all at once.
        foreach (var agent in stage.Agents.Take(5)) requests.Add(await stage.RequestAsync(s => s with { DeadlineSeconds = 60, Targets = [new() { HostPath = new() { Path = "/srv", NodeName = agent.Node } }] }));
        await stage.StartOperatorAsync(options: o => o with { MaxRequestsPerNamespace = 3 });
        var ends = new List<FreezeRequestStatus>();
        foreach (var request in requests)
        {
            ends.Add(await Eventually.GetAsync(
                async () => (await stage.GetAsync(request))!.Status is { Phase: FreezePhase.Frozen or >= FreezePhase.Thawed } s ? s : null, () => "frozen or refused\n" + stage.Said));
        }

        Assert.Equal(3, ends.Count(s => s.Phase == FreezePhase.Frozen));
        Assert.All(ends.Where(s => s.Phase != FreezePhase.Frozen), s => Assert.Equal((FreezePhase.Failed, Reasons.TooManyRequests), (s.Phase, s.Reason)));

        await stage.Cluster.CreateNamespaceAsync("elsewhere");
        stage.Namespace = "elsewhere";
        var other = await stage.RequestAsync(s => s with { DeadlineSeconds = 60, Targets = [new() { HostPath = new() { Path = "/srv", NodeName = stage.Agents[5].Node } }] });
        await stage.PhaseAsync(other, FreezePhase.Frozen);
        stage.Namespace = "shop";

        // One that has ended makes room.
        var ended = requests[ends.FindIndex(s => s.Phase == FreezePhase.Frozen)];
        await stage.ThawAsync(ended);
        await stage.PhaseAsync(ended, FreezePhase.Thawed);
        var next = await stage.RequestAsync(s => s with { Targets = [new() { HostPath = new() { Path = "/srv", NodeName = ended.Spec.Targets[0].HostPath!.NodeName } }] });
        await stage.PhaseAsync(next, FreezePhase.Frozen);
        // None of this stands in the way of a thaw or a deletion.
        foreach (var request in requests.Append(next).Append(other)) await stage.DeleteAsync(request);
        await stage.CleanAsync();
    }
}
