using Quiesce.Crds;

namespace Quiesce.Chaos.Tests.Rounds;

/// <summary>What was seen of a round, by the suite alone. Times are since the boot.</summary>
internal sealed record Evidence
{
    internal required RoundPlan Plan { get; init; }

    /// <summary>All filesystems of the lane, in its order.</summary>
    internal required IReadOnlyList<WatchedFilesystem> Filesystems { get; init; }

    /// <summary>All nodes of the lane, in its order.</summary>
    internal required IReadOnlyList<WatchedNode> Nodes { get; init; }

    /// <summary>The phases of the request, in the order they were seen, each with its first moment.</summary>
    internal IReadOnlyList<SeenPhase> Phases { get; init; } = [];

    /// <summary>When the request was seen to be gone, if it was.</summary>
    internal TimeSpan? GoneAt { get; init; }

    /// <summary>Right before the user's thaw was sent, if it was.</summary>
    internal TimeSpan? ThawAskedAt { get; init; }

    /// <summary>Right before the user's deletion was sent, if it was.</summary>
    internal TimeSpan? DeleteAskedAt { get; init; }

    /// <summary>When a stranger thawed which filesystem; only those calls that found it frozen.</summary>
    internal IReadOnlyList<(int Filesystem, TimeSpan At)> ForeignThaws { get; init; } = [];

    /// <summary>The final phase, if one was seen.</summary>
    internal SeenPhase? Final => Phases.FirstOrDefault(p => p.Phase >= FreezePhase.Thawed);
}
