using System.Globalization;

namespace Quiesce.Chaos.Tests.Rounds;

/// <summary>Adds up the rounds of a run. Safe for any number of threads.</summary>
internal sealed class Tally
{
    private readonly Lock gate = new();
    private readonly SortedDictionary<string, int> faults = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, int> ends = new(StringComparer.Ordinal);
    private readonly Worst pastDeadline = new(), pastReturn = new(), afterAgentKill = new(), afterHolderKill = new(), noise = new();
    private int freezes, leaks, violations, calm;

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
            pastDeadline.Add(judgement.PastDeadline, result.Plan.Seed);
            pastReturn.Add(judgement.PastReturn, result.Plan.Seed);
            afterAgentKill.Add(judgement.AfterAgentKill, result.Plan.Seed);
            afterHolderKill.Add(judgement.AfterHolderKill, result.Plan.Seed);
            noise.Add(judgement.Noise, result.Plan.Seed);
        }
    }

    /// <summary>How many of <see cref="Lines"/> come before the faults and ends by kind.</summary>
    internal const int Figures = 9;

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
                Line($"worst end of a freeze past deadline   {pastDeadline}; promised: 1000 ms"),
                Line($"  with agent and holder both helpless {pastReturn}, counted from the first that could act again; promised: 1000 ms"),
                Line($"worst thaw after SIGKILL of the agent  {afterAgentKill}"),
                Line($"worst thaw after SIGKILL of the holder {afterHolderKill}"),
                Line($"worst stall of a filesystem not frozen {noise}: what this machine adds to the times above"),
                .. faults.Select(f => Line($"fault {f.Key,-31} {f.Value}")),
                .. ends.Select(e => Line($"ended as {e.Key,-28} {e.Value}")),
            ];
        }
    }

    private static string Line(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    /// <summary>The longest of some times, and the round it was in.</summary>
    private sealed class Worst
    {
        private TimeSpan longest;
        private int seed;
        private int rounds;

        internal void Add(TimeSpan? time, int of)
        {
            if (time is not { } t) return;
            if (rounds++ == 0 || t > longest) (longest, seed) = (t, of);
        }

        public override string ToString() =>
            rounds == 0 ? "none" : string.Create(CultureInfo.InvariantCulture, $"{longest.TotalMilliseconds:0} ms (seed {seed}, the worst of {rounds} rounds)");
    }
}
