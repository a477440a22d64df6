using Quiesce.Chaos.Tests.Observing;
using Quiesce.Chaos.Tests.Rounds;
using Quiesce.Crds;

namespace Quiesce.Chaos.Tests;

/// <summary>The judge finds each broken promise, and nothing where all were kept: one filesystem on one node, a deadline of 2 s, frozen from second 10 on.</summary>
public sealed class JudgeTests
{
    private static readonly Evidence Expired = Window(10, 12.05) with { Phases = [Seen(10.1, FreezePhase.Frozen), Seen(12.1, FreezePhase.Expired)] };

    private static readonly Evidence Thawed = Window(10, 11.52) with
    {
        Phases = [Seen(10.1, FreezePhase.Frozen), Seen(11.6, FreezePhase.Thawed, intact: ConditionStatus.True)],
        ThawAskedAt = At(11.5),
    };

    private static readonly Fault SomeFault = new(FaultKind.StopOperator, TimeSpan.Zero, 0, null);

    /// <summary>As <see cref="Expired"/>, in a round with a fault: without one it may not end as anything but what was asked.</summary>
    private static readonly Evidence Faulty = Expired with { Plan = Plan with { Faults = [SomeFault] } };

    [Fact]
    public void Windows_that_end_at_the_deadline_or_as_asked_are_fine_and_measured()
    {
        Assert.Empty(Judge.Of(Expired).Violations);
        Assert.Equal(50, Judge.Of(Expired).PastDeadline!.Value.TotalMilliseconds);
        Assert.Empty(Judge.Of(Thawed).Violations);
        Assert.Equal(1, Judge.Of(Thawed).Freezes);
    }

    [Fact]
    public void A_freeze_that_outlasts_deadline_and_a_second_is_found()
    {
        Assert.Empty(Judge.Of(Expired with { Filesystems = Stalls((10, 12.99)), Phases = [Seen(13.1, FreezePhase.Expired)] }).Violations);
        Assert.Contains("longer than its deadline of 2.000 s", Only(Expired with { Filesystems = Stalls((10, 13.01)), Phases = [Seen(13.1, FreezePhase.Expired)] }), StringComparison.Ordinal);
    }

    [Fact]
    public void While_agent_and_holder_can_both_do_nothing_the_second_counts_from_the_first_that_can_again()
    {
        var helpless = Faulty with { Nodes = [Node([new(At(11), At(15))], [new(At(10.5), At(20))])], Filesystems = Stalls((10, 15.9)), Phases = [Seen(16, FreezePhase.Broken)] };
        Assert.Empty(Judge.Of(helpless).Violations);
        Assert.Equal(900, Judge.Of(helpless).PastReturn!.Value.TotalMilliseconds);
        Assert.Null(Judge.Of(helpless).PastDeadline);
        Assert.Contains("than an agent or holder that could act needed at most", Only(helpless with { Filesystems = Stalls((10, 16.1)), Phases = [Seen(17, FreezePhase.Broken)] }), StringComparison.Ordinal);
    }

    [Fact]
    public void The_absence_of_one_of_them_alone_excuses_nothing()
    {
        var late = Faulty with { Filesystems = Stalls((10, 13.5)), Phases = [Seen(14, FreezePhase.Broken)] };
        Assert.Contains("its deadline", Only(late with { Nodes = [Node([new(At(10.5), At(20))], [])] }), StringComparison.Ordinal);
        Assert.Contains("its deadline", Only(late with { Nodes = [Node([], [new(At(10.5), TimeSpan.MaxValue)])] }), StringComparison.Ordinal);
        Assert.Contains("its deadline", Only(late with { Nodes = [Node([new(At(10.2), At(10.4))], [new(At(10.5), TimeSpan.MaxValue)])] }), StringComparison.Ordinal);
        Assert.Contains("its deadline", Only(late with { Nodes = [Node([new(At(10.2), At(10.4))], [new(At(10.3), TimeSpan.MaxValue)])] }), StringComparison.Ordinal); // over long before
    }

    [Fact]
    public void A_death_is_answered_within_a_second_by_the_one_that_lives()
    {
        var broken = Faulty with { Filesystems = Stalls((10, 10.6)), Phases = [Seen(10.1, FreezePhase.Frozen), Seen(11, FreezePhase.Broken)] };
        Assert.Equal(100, Judge.Of(broken with { Nodes = [Node([new(At(10.5), At(12))], [], agentKills: [At(10.5)])] }).AfterAgentKill!.Value.TotalMilliseconds);
        Assert.Equal(100, Judge.Of(broken with { Nodes = [Node([], [new(At(10.5), TimeSpan.MaxValue)], holderKills: [At(10.5)])] }).AfterHolderKill!.Value.TotalMilliseconds);
        var late = broken with { Filesystems = Stalls((10, 11.6)), Phases = [Seen(12, FreezePhase.Broken)] };
        Assert.Contains("SIGKILL of the agent", Only(late with { Nodes = [Node([new(At(10.5), At(12))], [], agentKills: [At(10.5)])] }), StringComparison.Ordinal);
        Assert.Contains("SIGKILL of the holder", Only(late with { Nodes = [Node([], [new(At(10.5), TimeSpan.MaxValue)], holderKills: [At(10.5)])] }), StringComparison.Ordinal);
    }

    [Fact]
    public void A_freeze_after_the_end_is_found_and_one_that_outlasts_it()
    {
        Assert.Contains("frozen again", Only(Expired with { Filesystems = Stalls((10, 12.05), (12.2, 13)) }), StringComparison.Ordinal);
        var unknown = Faulty with { Filesystems = Stalls((12.2, 13)), Phases = [Seen(12.1, FreezePhase.Failed)] };
        Assert.Contains("frozen again", Only(unknown), StringComparison.Ordinal);
        Assert.Empty(Judge.Of(unknown with { Phases = [Seen(12.1, FreezePhase.Failed) with { Thawed = ConditionStatus.Unknown }] }).Violations);
        Assert.Contains("after the request had ended as Expired", Only(Expired with { Filesystems = Stalls((10, 12.3)) }), StringComparison.Ordinal);
    }

    [Fact]
    public void An_intact_window_without_an_unbroken_stall_is_a_lie()
    {
        var lie = "did not stand still from Frozen to the thaw";
        Assert.Contains(lie, Only(Thawed with { Filesystems = Stalls((10, 10.8), (10.85, 11.52)) }), StringComparison.Ordinal);
        Assert.Contains(lie, Only(Thawed with { Filesystems = Stalls((10, 11.4)) }), StringComparison.Ordinal);
        Assert.Contains(lie, Only(Thawed with { Filesystems = Stalls((10.3, 11.52)) }), StringComparison.Ordinal);
        Assert.Contains(Judge.Of(Thawed with { ForeignThaws = [(0, At(11))] }).Violations, v => v.Contains("a stranger thawed", StringComparison.Ordinal));
        Assert.Contains("nobody had asked", Only(Thawed with { ThawAskedAt = null, Plan = Plan with { Faults = [SomeFault] } }), StringComparison.Ordinal);
    }

    [Fact]
    public void Phase_and_verdict_agree()
    {
        Assert.Contains("Expired with WindowIntact=True", Judge.Of(Expired with { Phases = [Seen(12.1, FreezePhase.Expired, intact: ConditionStatus.True)] }).Violations[0], StringComparison.Ordinal);
        Assert.Contains("Thawed with WindowIntact=False", Only(Thawed with { Phases = [Seen(10.1, FreezePhase.Frozen), Seen(11.6, FreezePhase.Thawed)] }), StringComparison.Ordinal);
    }

    [Fact]
    public void A_request_without_an_end_is_found_and_one_that_is_gone_has_ended()
    {
        Assert.Contains("no final phase; the last one seen was Frozen", Only(Expired with { Phases = [Seen(10.1, FreezePhase.Frozen)] }), StringComparison.Ordinal);
        Assert.Empty(Judge.Of(Expired with { Phases = [], GoneAt = At(12.1) }).Violations);
    }

    [Fact]
    public void A_freeze_of_what_was_not_asked_for_is_found() =>
        Assert.Contains("nobody had asked for it", Only(Expired with { Filesystems = [.. Expired.Filesystems, new("other", [new(At(10), At(11))])] }), StringComparison.Ordinal);

    [Fact]
    public void Without_a_fault_a_request_that_is_thawed_in_time_must_end_so()
    {
        var broken = Expired with { ThawAskedAt = At(10.5), Filesystems = Stalls((10, 10.52)), Phases = [Seen(10.1, FreezePhase.Frozen), Seen(10.6, FreezePhase.Broken)] };
        Assert.Contains("expected Thawed", Only(broken), StringComparison.Ordinal);
        Assert.Empty(Judge.Of(broken with { Plan = Plan with { Faults = [SomeFault] } }).Violations);
    }

    private static RoundPlan Plan => new() { Seed = 0, Targets = [new Target(0, 0)], DeadlineSeconds = 2 };

    private static string Only(Evidence evidence) => Assert.Single(Judge.Of(evidence).Violations);

    private static Evidence Window(double begin, double end) => new() { Plan = Plan, Filesystems = Stalls((begin, end)), Nodes = [Node([], [])] };

    private static IReadOnlyList<WatchedFilesystem> Stalls(params (double Begin, double End)[] stalls) => [new("fs0", [.. stalls.Select(s => new Stall(At(s.Begin), At(s.End)))])];

    private static WatchedNode Node(IReadOnlyList<Absence> agent, IReadOnlyList<Absence> holder, IReadOnlyList<TimeSpan>? agentKills = null, IReadOnlyList<TimeSpan>? holderKills = null) =>
        new(agent, holder, agentKills ?? [], holderKills ?? []);

    private static SeenPhase Seen(double at, FreezePhase phase, string intact = ConditionStatus.False) => new(At(at), phase, "Reason", intact, ConditionStatus.True, "message");

    private static TimeSpan At(double seconds) => TimeSpan.FromSeconds(seconds);
}
