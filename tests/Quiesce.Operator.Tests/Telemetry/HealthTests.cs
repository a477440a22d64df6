using Quiesce.Telemetry;

namespace Quiesce.Operator.Tests.Telemetry;

/// <summary>What the probes answer.</summary>
public sealed class HealthTests
{
    [Fact]
    public void Nothing_is_wrong_where_nothing_is_checked() => Assert.Equal((null, null), (new Health().LivenessFault, new Health().ReadinessFault));

    [Fact]
    public void Every_fault_is_told_and_what_is_not_ready_may_be_alive()
    {
        var health = new Health();
        string? journal = "it is full";
        health.Ready("journal", () => journal);
        health.Ready("watch", () => "cut off");
        health.Live("watch", () => null);
        Assert.Equal((null, "journal: it is full\nwatch: cut off"), (health.LivenessFault, health.ReadinessFault));
        journal = null;
        Assert.Equal("watch: cut off", health.ReadinessFault);
    }
}
