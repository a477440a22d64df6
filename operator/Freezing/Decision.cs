using Quiesce.Crds;

namespace Quiesce.Operator.Freezing;

/// <summary>What is to be done about a request now.</summary>
internal sealed record Decision
{
    /// <summary>The next write; null when none is due. After it, decide again.</summary>
    public FreezeAction? Action { get; init; }

    /// <summary>The status as it should be, written when no action is due; null leaves it alone.</summary>
    public FreezeRequestStatus? Status { get; init; }

    /// <summary>When to decide again if nothing happens before; null for never.</summary>
    public TimeSpan? RequeueAfter { get; init; }

    /// <summary>What is told as Events once the action or the status is written.</summary>
    public IReadOnlyList<Story> Stories { get; init; } = [];

    /// <summary>Nothing was decided: the pods and claims of the request are to be read first.</summary>
    public bool NeedsWorkloads { get; init; }

    /// <summary>It rests on a node or an agent that is not there: worth a look at the API server itself, whose word a cache may not have yet.</summary>
    public bool RestsOnAbsence { get; init; }
}
