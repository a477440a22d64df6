namespace Quiesce.Chaos.Tests.Rounds;

/// <summary>What became of a round.</summary>
/// <param name="Plan">What was to happen.</param>
/// <param name="Judgement">What is to be said of it.</param>
/// <param name="End">Final phase and reason of the request, as <c>Thawed HeldWithoutBreak</c>.</param>
/// <param name="Done">The faults that met something to do harm to.</param>
/// <param name="Leaks">What was left behind, a sentence each.</param>
/// <param name="Story">What happened, a line each.</param>
internal sealed record RoundResult(
    RoundPlan Plan, Judgement Judgement, string End, IReadOnlyList<FaultKind> Done, IReadOnlyList<string> Leaks, IReadOnlyList<string> Story)
{
    /// <summary>Everything that is wrong.</summary>
    internal IReadOnlyList<string> Wrong => [.. Judgement.Violations, .. Leaks];
}
