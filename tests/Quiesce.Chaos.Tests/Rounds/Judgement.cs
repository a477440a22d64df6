namespace Quiesce.Chaos.Tests.Rounds;

/// <summary>What is to be said of a round.</summary>
internal sealed record Judgement
{
    /// <summary>Promises that were not kept, a sentence each.</summary>
    internal required IReadOnlyList<string> Violations { get; init; }

    /// <summary>How long past its deadline the worst freeze lasted, negative for before; null where nothing was frozen. Freezes that nobody could end are not in it.</summary>
    internal TimeSpan? PastDeadline { get; init; }

    /// <summary>Where agent and holder could both do nothing past the deadline: how long after the first of them could again the worst freeze lasted.</summary>
    internal TimeSpan? PastReturn { get; init; }

    /// <summary>The longest time from the SIGKILL of an agent whose holder could act to the thaw.</summary>
    internal TimeSpan? AfterAgentKill { get; init; }

    /// <summary>The longest time from the SIGKILL of a holder whose agent could act to the thaw.</summary>
    internal TimeSpan? AfterHolderKill { get; init; }

    /// <summary>The longest stall of a filesystem that was not in the request: what the machine itself does to a writer. Null where there was none.</summary>
    internal TimeSpan? Noise { get; init; }

    /// <summary>Freezes seen.</summary>
    internal int Freezes { get; init; }
}
