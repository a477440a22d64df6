namespace Quiesce.Chaos.Tests.Rounds;

/// <summary>One node.</summary>
/// <param name="AgentAbsences">When no agent could act.</param>
/// <param name="HolderAbsences">When the process that held the round's window could not.</param>
/// <param name="AgentKills">When an agent was killed.</param>
/// <param name="HolderKills">When a holder was killed, and none of those that may have replaced it.</param>
internal sealed record WatchedNode(
    IReadOnlyList<Absence> AgentAbsences, IReadOnlyList<Absence> HolderAbsences, IReadOnlyList<TimeSpan> AgentKills, IReadOnlyList<TimeSpan> HolderKills);
