using System.Globalization;

namespace Quiesce.Freezing.Tests.Windows;

/// <summary>Goes through every order in which the events of a case can come, each state once.</summary>
internal sealed class Explorer
{
    private readonly Dictionary<UInt128, double> known = [];
    private readonly List<WorldEvent> path = [];
    private long steps;
    private CrashCount crashes;

    private Explorer()
    {
    }

    /// <summary>What was gone through.</summary>
    /// <param name="Interleavings">Complete orders of events, from the start to the last return.</param>
    /// <param name="States">States that differ.</param>
    /// <param name="Steps">Events that were tried.</param>
    /// <param name="Crashes">Deaths that were recovered from.</param>
    internal sealed record Result(double Interleavings, long States, long Steps, CrashCount Crashes)
    {
        public override string ToString() => string.Create(CultureInfo.InvariantCulture,
            $"{(Interleavings < 1_000_000_000 ? Interleavings.ToString("N0", CultureInfo.InvariantCulture) : Interleavings.ToString("E1", CultureInfo.InvariantCulture))} interleavings over {States:N0} states and {Steps:N0} steps, {Crashes.Holders:N0} deaths of holders and {Crashes.Recoveries:N0} of recoveries made good");
    }

    /// <summary>Explores a case.</summary>
    /// <exception cref="InvariantException">A promise was not kept; the message carries the events that led there.</exception>
    internal static Result Explore(WorldOptions options)
    {
        var explorer = new Explorer();
        try
        {
            var interleavings = explorer.From(new World(new Machine(options)));
            return new Result(interleavings, explorer.known.Count, explorer.steps, explorer.crashes);
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
        crashes += Invariants.Crash(world);
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
