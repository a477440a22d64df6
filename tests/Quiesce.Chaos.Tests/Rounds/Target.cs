namespace Quiesce.Chaos.Tests.Rounds;

/// <summary>One filesystem of a request, on one node.</summary>
/// <param name="Filesystem">Which of the lane's.</param>
/// <param name="Node">Which of the lane's.</param>
internal readonly record struct Target(int Filesystem, int Node);
