using Quiesce.Chaos.Tests.Observing;

namespace Quiesce.Chaos.Tests.Rounds;

/// <summary>One filesystem.</summary>
/// <param name="Name">For people.</param>
/// <param name="Stalls">When it took no writes.</param>
internal sealed record WatchedFilesystem(string Name, IReadOnlyList<Stall> Stalls);
