using System.Diagnostics;
using System.Globalization;
using Quiesce.Chaos.Tests.Running;

namespace Quiesce.Chaos.Tests.Rounds;

/// <summary>Runs rounds on several lanes side by side. The seed of a round is that of the run and its number, whichever lane comes to it.</summary>
internal sealed class ChaosRun
{
    private readonly int seed;
    private readonly int rounds;
    private readonly Action<string> say;
    private readonly Stopwatch age = Stopwatch.StartNew();
    private int next = -1;

    private ChaosRun(int seed, int rounds, Action<string> say) => (this.seed, this.rounds, this.say) = (seed, rounds, say);

    /// <summary>Runs them all; a round that fails is told at once, with how to run it again.</summary>
    /// <param name="lanes">Where.</param>
    /// <param name="seed">Of the run.</param>
    /// <param name="rounds">How many.</param>
    /// <param name="say">Where to tell it; called from any thread.</param>
    internal static async Task<Tally> RunAsync(IReadOnlyList<Lane> lanes, int seed, int rounds, Action<string> say)
    {
        var run = new ChaosRun(seed, rounds, say);
        var tally = new Tally();
        await Task.WhenAll(lanes.Select(lane => run.OnLaneAsync(lane, tally)));
        return tally;
    }

    private async Task OnLaneAsync(Lane lane, Tally tally)
    {
        await Task.Yield();
        while (Interlocked.Increment(ref next) is var number && number < rounds)
        {
            var plan = RoundPlan.Of(unchecked(seed + number));
            try
            {
                var result = await Round.RunAsync(lane, plan);
                tally.Add(result);
                if (result.Wrong.Count > 0) Tell(plan, result.Wrong, result.Story);
                else if (tally.Rounds % 50 == 0) say(string.Create(CultureInfo.InvariantCulture, $"{tally.Rounds} rounds, {tally.Failed} failed, {age.Elapsed.TotalSeconds:0} s"));
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                Tell(plan, [e.ToString()], []);
                throw; // the lane is in an unknown state
            }
        }
    }

    private void Tell(RoundPlan plan, IReadOnlyList<string> wrong, IReadOnlyList<string> story) => say(string.Join('\n',
        [
            "",
            string.Create(CultureInfo.InvariantCulture, $"FAILED  again with: ./test.sh --chaos 1 --seed {plan.Seed}"),
            $"  {plan}",
            .. wrong.Select(w => $"  wrong: {w}"),
            .. story.Select(l => $"  {l}"),
            "",
        ]));
}
