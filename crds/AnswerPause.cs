namespace Quiesce.Crds;

/// <summary>How long a node keeps back its answer to a command that goes to many.</summary>
/// <remarks>
/// The command goes to all nodes at once, and whoever hears of it last stands still alone, or longer than the others. An API server that is busy with the answers of the first leaves the last
/// unheard for seconds: with 1,000 nodes on two processors five of eight windows had nodes that froze 1.3 to 4.5 s after the first. So every node gives it the time that it needs to
/// tell the others, and then a moment of its own. Only answers wait, never what is answered: a freeze, a thaw. Failures do not wait either.
/// </remarks>
public static class AnswerPause
{
    private const double MillisecondsForEachNode = 0.2;
    private const int MostNodes = 2_500;

    /// <summary>From 0.2 to 0.4 ms for each node, at random, and never more than 1 s; zero for a node alone.</summary>
    /// <param name="nodes">How many nodes the command goes to.</param>
    public static TimeSpan Next(int nodes) =>
#pragma warning disable CA5394 // Spreading answers out needs no secrecy.
        nodes <= 1 ? TimeSpan.Zero : TimeSpan.FromMilliseconds(Math.Min(nodes, MostNodes) * MillisecondsForEachNode * (1 + Random.Shared.NextDouble()));
#pragma warning restore CA5394
}
