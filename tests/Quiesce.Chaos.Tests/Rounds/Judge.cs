using System.Globalization;
using Quiesce.Crds;

namespace Quiesce.Chaos.Tests.Rounds;

/// <summary>Holds what was seen of a round against the promises. Pure.</summary>
internal static class Judge
{
    /// <summary>The promise: nothing is frozen past its deadline and this.</summary>
    internal static readonly TimeSpan Grace = TimeSpan.FromSeconds(1);

    // Requests are looked at every few milliseconds, and what is looked at is older than the answer: only a freeze that goes on is one.
    private static readonly TimeSpan LookAge = TimeSpan.FromMilliseconds(100);

    internal static Judgement Of(Evidence evidence)
    {
        var violations = new List<string>();
        var targeted = evidence.Plan.Targets.Select(t => new Held(evidence.Filesystems[t.Filesystem], t.Filesystem, evidence.Nodes[t.Node])).ToList();
        var deadline = TimeSpan.FromSeconds(evidence.Plan.LongestDeadlineSeconds);
        TimeSpan? pastDeadline = null, pastReturn = null, afterAgentKill = null, afterHolderKill = null;
        foreach (var (filesystem, _, node) in targeted)
        {
            foreach (var stall in filesystem.Stalls)
            {
                var limit = Limit(stall.Begin + deadline, node);
                var helpless = limit > stall.Begin + deadline + Grace && stall.End > stall.Begin + deadline;
                if (stall.End > limit)
                    violations.Add(Line($"{filesystem.Name} stood still for {Seconds(stall.Length)}, {Seconds(stall.End - limit)} longer than {(helpless ? "an agent or holder that could act needed at most" : $"its deadline of {Seconds(deadline)} and {Seconds(Grace)}")}"));
                if (helpless) Later(ref pastReturn, stall.End - (limit - Grace));
                else Later(ref pastDeadline, stall.End - stall.Begin - deadline);
                foreach (var kill in node.AgentKills.Where(stall.Contains).Where(k => !node.HolderAbsences.Any(a => a.Overlaps(k, k + Grace))))
                {
                    Later(ref afterAgentKill, stall.End - kill);
                    if (stall.End > kill + Grace) violations.Add(Line($"{filesystem.Name} was thawed only {Seconds(stall.End - kill)} after the SIGKILL of the agent, with its holder alive"));
                }
                foreach (var kill in node.HolderKills.Where(stall.Contains).Where(k => !node.AgentAbsences.Any(a => a.Overlaps(k, k + Grace))))
                {
                    Later(ref afterHolderKill, stall.End - kill);
                    if (stall.End > kill + Grace) violations.Add(Line($"{filesystem.Name} was thawed only {Seconds(stall.End - kill)} after the SIGKILL of the holder, with its agent alive"));
                }
            }
        }
        var others = evidence.Filesystems.Where((_, i) => evidence.Plan.Targets.All(t => t.Filesystem != i)).ToList();
        foreach (var filesystem in others)
            violations.AddRange(filesystem.Stalls.Where(s => s.IsFreeze).Select(s => Line($"{filesystem.Name} stood still for {Seconds(s.Length)}, and nobody had asked for it")));
        violations.AddRange(End(evidence, targeted));
        violations.AddRange(Verdict(evidence, targeted));
        return new Judgement
        {
            Violations = violations,
            PastDeadline = pastDeadline,
            PastReturn = pastReturn,
            AfterAgentKill = afterAgentKill,
            AfterHolderKill = afterHolderKill,
            Noise = others.SelectMany(f => f.Stalls).Select(s => (TimeSpan?)s.Length).Max(),
            Freezes = targeted.Sum(t => t.Filesystem.Stalls.Count(s => s.IsFreeze)),
        };
    }

    // The latest a freeze may end: a second after its deadline, or after the moment from which agent or holder could act again, where that comes later.
    private static TimeSpan Limit(TimeSpan deadline, WatchedNode node)
    {
        var limit = deadline + Grace;
        foreach (var helpless in Absence.OfBoth(node.AgentAbsences, node.HolderAbsences))
            if (helpless.From <= limit && helpless.To > limit - Grace) limit = helpless.To == TimeSpan.MaxValue ? TimeSpan.MaxValue : helpless.To + Grace;
        return limit;
    }

    private static IEnumerable<string> End(Evidence evidence, IReadOnlyList<Held> targeted)
    {
        if ((evidence.Final?.At ?? evidence.GoneAt) is not { } end)
        {
            yield return $"the request has no final phase; the last one seen was {(evidence.Phases.Count > 0 ? evidence.Phases[^1].Phase.ToString() : "none")}";
            yield break;
        }
        foreach (var (filesystem, _, _) in targeted)
        {
            foreach (var stall in filesystem.Stalls.Where(s => s.IsFreeze))
            {
                // Where a NodeFreeze was deleted by hand nobody hears of that node any more, and the request says so: it does not know.
                if (stall.Begin > end && evidence.Final?.Thawed != ConditionStatus.Unknown) yield return Line($"{filesystem.Name} was frozen again for {Seconds(stall.Length)}, {Seconds(stall.Begin - end)} after the request's end");
                else if (stall.End > end + LookAge && evidence.Final is { Phase: FreezePhase.Thawed or FreezePhase.Expired } final)
                    yield return Line($"{filesystem.Name} was frozen for {Seconds(stall.End - end)} after the request had ended as {final.Phase}");
            }
        }
    }

    private static IEnumerable<string> Verdict(Evidence evidence, IReadOnlyList<Held> targeted)
    {
        if (evidence.Final is not { } final) yield break;
        var intact = final.Intact == ConditionStatus.True;
        if (intact != (final.Phase == FreezePhase.Thawed)) yield return $"the request ended as {final.Phase} with WindowIntact={final.Intact}";
        if (intact && Earlier(evidence.ThawAskedAt, evidence.DeleteAskedAt) is null) yield return "WindowIntact=True, and nobody had asked for the thaw";
        // A window that was opened and thawed in one breath may be shorter than a look.
        if (intact && Earlier(evidence.ThawAskedAt, evidence.DeleteAskedAt) is { } asked && evidence.Phases.FirstOrDefault(p => p.Phase == FreezePhase.Frozen)?.At is { } open && open < asked)
        {
            foreach (var (filesystem, index, _) in targeted)
            {
                if (!filesystem.Stalls.Any(s => s.Begin <= open && s.End >= asked))
                    yield return Line($"WindowIntact=True, but {filesystem.Name} did not stand still from Frozen to the thaw, {Seconds(asked - open)} later");
                foreach (var (_, at) in evidence.ForeignThaws.Where(t => t.Filesystem == index && t.At > open && t.At < asked))
                    yield return Line($"WindowIntact=True, but a stranger thawed {filesystem.Name} {Seconds(asked - at)} before the thaw");
            }
        }
        if (evidence.Plan.Faults.Count == 0 && evidence.Plan.DeleteAt is null && Calm(evidence) is { } otherwise) yield return otherwise;
    }

    // Without a fault it must end as it was asked to: chaos that breaks everything proves nothing.
    private static string? Calm(Evidence evidence)
    {
        var frozen = evidence.Phases.FirstOrDefault(p => p.Phase == FreezePhase.Frozen)?.At;
        var final = evidence.Final!;
        FreezePhase? expected = evidence.ThawAskedAt is not { } asked ? FreezePhase.Expired
            : frozen is { } at && at < asked && asked < at + TimeSpan.FromSeconds(evidence.Plan.DeadlineSeconds * 0.6) ? FreezePhase.Thawed
            : null; // the thaw met the freeze or the deadline
        return expected is { } phase && phase != final.Phase ? $"no fault, and it ended as {final.Phase}, {final.Reason}: {final.Message}; expected {phase}" : null;
    }

    private static TimeSpan? Earlier(TimeSpan? one, TimeSpan? other) => one is null || other < one ? other : one;

    private static void Later(ref TimeSpan? worst, TimeSpan one)
    {
        if (worst is null || one > worst) worst = one;
    }

    private static string Seconds(TimeSpan span) => string.Create(CultureInfo.InvariantCulture, $"{span.TotalSeconds:0.000} s");

    private static string Line(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private sealed record Held(WatchedFilesystem Filesystem, int Index, WatchedNode Node);
}
