using System.Globalization;
using Quiesce.Chaos.Tests.Rounds;
using Quiesce.Chaos.Tests.Running;

namespace Quiesce.Chaos.Tests;

/// <summary>Some rounds of chaos, the same ones each time and a few that no run had before. <c>./test.sh --chaos 1000</c> runs many.</summary>
public sealed class ChaosTests(ITestOutputHelper output)
{
    private const int Known = 12;
    private const int New = 4;

    [Fact]
    public async Task Whatever_dies_stops_or_is_cut_off_nothing_stays_frozen_and_nothing_is_left_behind()
    {
        Programs.Require();
        var seed = Environment.TickCount;
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"rounds of seeds 1 to {Known}, and {New} from seed {seed}"));
        await using var field = await Field.CreateAsync(Field.DefaultLanes);
        var stories = new List<string>();
        var known = await ChaosRun.RunAsync(field.Lanes, 1, Known, Tell);
        var unknown = await ChaosRun.RunAsync(field.Lanes, seed, New, Tell);
        foreach (var line in known.Lines().Take(Tally.Figures)) Console.WriteLine($"[figure] chaos, {Known} known rounds: {line}");
        foreach (var line in unknown.Lines().Take(Tally.Figures)) Console.WriteLine($"[figure] chaos, {New} new rounds from seed {seed}: {line}");
        Assert.True(known.Failed + unknown.Failed == 0, string.Join('\n', stories));
        Assert.Equal(Known + New, known.Rounds + unknown.Rounds);

        void Tell(string text)
        {
            lock (stories) stories.Add(text);
        }
    }
}
