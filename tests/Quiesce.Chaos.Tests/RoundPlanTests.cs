using Quiesce.Chaos.Tests.Rounds;

namespace Quiesce.Chaos.Tests;

/// <summary>A failed round can be run again, and a thousand meet everything.</summary>
public sealed class RoundPlanTests
{
    [Fact]
    public void A_seed_gives_the_same_round_each_time() =>
        Assert.All(Enumerable.Range(-50, 100), seed => Assert.Equal(RoundPlan.Of(seed).ToString(), RoundPlan.Of(seed).ToString()));

    [Fact]
    public void A_thousand_rounds_have_every_fault_many_times_and_some_rounds_without_any()
    {
        var plans = Enumerable.Range(0, 1000).Select(RoundPlan.Of).ToList();
        var faults = plans.SelectMany(p => p.Faults).CountBy(f => f.Kind).ToDictionary();
        Assert.All(Enum.GetValues<FaultKind>(), kind => Assert.True(faults.GetValueOrDefault(kind) >= 10, $"{kind}: {faults.GetValueOrDefault(kind)} times"));
        Assert.InRange(plans.Count(p => p.Faults.Count == 0), 20, 100);
        Assert.Contains(plans, p => p.Targets.Count == 3 && p.Targets.Select(t => t.Node).Distinct().Count() == 3);
        Assert.Contains(plans, p => p.Targets.Count == 3 && p.Targets.Select(t => t.Node).Distinct().Count() == 1);
        Assert.All(plans, p => Assert.Equal(p.Targets.Count, p.Targets.Select(t => t.Filesystem).Distinct().Count()));
        Assert.All(plans, p => Assert.All(p.Faults, f => Assert.InRange(f.At, TimeSpan.Zero, TimeSpan.FromSeconds(p.DeadlineSeconds + 1))));
    }
}
