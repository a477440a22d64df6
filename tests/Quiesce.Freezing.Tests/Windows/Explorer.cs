using System.Globalization;

namespace Quiesce.Freezing.Tests.Windows;

/// <summary>Goes through every order in which the events of a case can come, each state once.</summary>
internal sealed class Explorer
{
    private readonly Dictionary<UInt128, double> known = [];
    private readonly List<WorldEvent> path = [];
    private long steps;
    private long crashes;
    private long gaps;

    private Explorer()
    {
    }

    /// <summary>What was gone through.</summary>
    /// <param name="Interleavings">Complete orders of events, from the start to the last return.</param>
    /// <param name="States">States that differ.</param>
    /// <param name="Steps">Events that were tried.</param>
    /// <param name="Crashes">Deaths of the holder that were recovered from.</param>
    /// <param name="InTheGap">In how many of these another program's freeze was released, because it came between a call and its record.</param>
    internal sealed record Result(double Interleavings, long States, long Steps, long Crashes, long InTheGap)
    {
        public override string ToString() => string.Create(CultureInfo.InvariantCulture,
            $"{(Interleavings < 1_000_000_000 ? Interleavings.ToString("N0", CultureInfo.InvariantCulture) : Interleavings.ToString("E1", CultureInfo.InvariantCulture))} interleavings over {States:N0} states and {Steps:N0} steps, {Crashes:N0} crashes recovered");
    }

    /// <summary>Explores a case.</summary>
    /// <exception cref="InvariantException">A promise was not kept; the message carries the events that led there.</exception>
    internal static Result Explore(WorldOptions options)
    {
        var explorer = new Explorer();
        try
        {
            var interleavings = explorer.From(new World(new Machine(options)));
            return new Result(interleavings, explorer.known.Count, explorer.steps, explorer.crashes, explorer.gaps);
        }
        catch (InvariantException e)
        {
            throw new InvariantException($"{e.Message}\nafter: {string.Join(", ", explorer.path)}\nin: {options}\nfinished {explorer.known.Count:N0} states, {explorer.steps:N0} steps");
        }
    }

    private double From(World world)
    {
        var digest = world.Digest();
        if (known.TryGetValue(digest, out var interleavings)) return interleavings;
        Invariants.State(world);
        var (crashed, inTheGap) = Invariants.Crash(world);
        crashes += crashed;
        gaps += inTheGap;
        var possible = world.Possible();
        if (possible.Count == 0)
        {
            Invariants.End(world);
            interleavings = 1;
        }
        foreach (var e in possible)
        {
            path.Add(e);
            steps++;
            var next = world.Copy();
            next.Apply(e);
            interleavings += From(next);
            path.RemoveAt(path.Count - 1);
        }
        return known[digest] = interleavings;
    }
}
