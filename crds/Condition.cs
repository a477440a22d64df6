namespace Quiesce.Crds;

/// <summary>A condition in the shape of <c>metav1.Condition</c>.</summary>
public sealed record Condition
{
    /// <summary>CamelCase name, one of <see cref="ConditionTypes"/>.</summary>
    public required string Type { get; init; }

    /// <summary><c>True</c>, <c>False</c> or <c>Unknown</c>.</summary>
    public required string Status { get; init; }

    /// <summary>CamelCase reason, one of <see cref="Reasons"/>; every one is explained in <c>docs/reasons.md</c>.</summary>
    public required string Reason { get; init; }

    /// <summary>A sentence that names the object, the reason and what to do next.</summary>
    public string Message { get; init => field = Bounds.Message(value) ?? ""; } = "";

    /// <summary>When <see cref="Status"/> last changed.</summary>
    public required DateTimeOffset LastTransitionTime { get; init; }

    /// <summary>The generation of the spec this condition speaks of; <c>kubectl wait</c> ignores older ones.</summary>
    public long ObservedGeneration { get; init; }
}

/// <summary>The condition types of FreezeRequest and ThawRequest.</summary>
public static class ConditionTypes
{
    /// <summary>The request was understood and resolved to nodes that can serve it.</summary>
    public const string Accepted = "Accepted";

    /// <summary>Every freezable filesystem of the request is frozen, on every node.</summary>
    public const string Frozen = "Frozen";

    /// <summary>Nothing is held any more, and something was.</summary>
    public const string Thawed = "Thawed";

    /// <summary>The verdict: held without a break from the moment all were frozen until the thaw was asked for.</summary>
    public const string WindowIntact = "WindowIntact";

    /// <summary>The request has reached a final phase.</summary>
    public const string Finished = "Finished";

    /// <summary>The processes that hold the window are beyond the reach of what kills or pauses the agents; not set before a node has said.</summary>
    public const string HolderProtected = "HolderProtected";

    /// <summary>
    /// A freeze or thaw call does not return, also after a final phase; False when the last one has been released, and not set if
    /// there never was one.
    /// </summary>
    public const string FilesystemStuck = "FilesystemStuck";

    /// <summary>The hold may last longer than a liveness probe of an affected pod bears; not set where it may not.</summary>
    public const string ProbeMayKill = "ProbeMayKill";

    /// <summary>Whether every hook succeeded whose failure counts (<c>onError: Fail</c>); set once one has ended.</summary>
    public const string HooksSucceeded = "HooksSucceeded";

    /// <summary>The hold may last so long that the kernel tells of hung tasks; not set where it may not.</summary>
    public const string LongHold = "LongHold";
}

/// <summary>The three values of a condition's status.</summary>
public static class ConditionStatus
{
    /// <summary>It holds.</summary>
    public const string True = "True";

    /// <summary>It does not hold.</summary>
    public const string False = "False";

    /// <summary>It cannot be said yet.</summary>
    public const string Unknown = "Unknown";
}
