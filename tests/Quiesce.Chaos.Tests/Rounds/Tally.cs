using System.Globalization;

namespace Quiesce.Chaos.Tests.Rounds;

/// <summary>Adds up the rounds of a run. Safe for any number of threads.</summary>
internal sealed class Tally
{
    private readonly Lock gate = new();
    private readonly SortedDictionary<string, int> faults = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, int> ends = new(StringComparer.Ordinal);
    private TimeSpan? pastDeadline, pastReturn, afterAgentKill, afterHolderKill;
    private int agentKills, holderKills, helpless, freezes, leaks, violations, calm;

    /// <summary>Rounds so far.</summary>
    internal int Rounds { get; private set; }

    /// <summary>Rounds in which something was wrong.</summary>
    internal int Failed { get; private set; }

    internal void Add(RoundResult result)
    {
        lock (gate)
        {
            Rounds++;
            if (result.Wrong.Count > 0) Failed++;
            foreach (var kind in result.Done) faults[kind.ToString()] = faults.GetValueOrDefault(kind.ToString()) + 1;
            if (result.Done.Count == 0) calm++;
            ends[result.End] = ends.GetValueOrDefault(result.End) + 1;
            var judgement = result.Judgement;
            violations += judgement.Violations.Count;
            leaks += result.Leaks.Count;
            freezes += judgement.Freezes;
            if (judgement.PastReturn is not null) helpless++;
            if (judgement.AfterAgentKill is not null) agentKills++;
            if (judgement.AfterHolderKill is not null) holderKills++;
            Later(ref pastDeadline, judgement.PastDeadline);
            Later(ref pastReturn, judgement.PastReturn);
            Later(ref afterAgentKill, judgement.AfterAgentKill);
            Later(ref afterHolderKill, judgement.AfterHolderKill);
        }
    }

    /// <summary>How many of <see cref="Lines"/> come before the faults and ends by kind.</summary>
    internal const int Figures = 8;

    /// <summary>The figures, a line each.</summary>
    internal IReadOnlyList<string> Lines()
    {
        lock (gate)
        {
            return
            [
                Line($"rounds                                {Rounds}, of which {calm} met no fault and {Failed} failed"),
                Line($"freezes seen by the writers           {freezes}"),
                Line($"promises not kept                     {violations}"),
                Line($"leaks                                 {leaks}"),
                Line($"worst end of a freeze past deadline   {Milliseconds(pastDeadline)} (promised: 1000 ms)"),
                Line($"  with agent and holder both helpless {Milliseconds(pastReturn)} after the first that could act again, in {helpless} rounds"),
                Line($"worst thaw after SIGKILL of the agent  {Milliseconds(afterAgentKill)}, in {agentKills} rounds"),
                Line($"worst thaw after SIGKILL of the holder {Milliseconds(afterHolderKill)}, in {holderKills} rounds"),
                .. faults.Select(f => Line($"fault {f.Key,-31} {f.Value}")),
                .. ends.Select(e => Line($"ended as {e.Key,-28} {e.Value}")),
            ];
        }
    }

    private static string Line(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private static string Milliseconds(TimeSpan? span) => span is { } s ? string.Create(CultureInfo.InvariantCulture, $"{s.TotalMilliseconds:0} ms") : "none";

    private static void Later(ref TimeSpan? worst, TimeSpan? one)
    {
        if (one is not null && (worst is null || one > worst)) worst = one;
    }
}
