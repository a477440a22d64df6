using Quiesce.Crds;
using Quiesce.Operator.Freezing;

namespace Quiesce.Operator.Thawing;

/// <summary>What is to be done about a ThawRequest now.</summary>
internal sealed record ThawStep
{
    /// <summary>The next write; <see cref="ThawAction.None"/> when none is due.</summary>
    public ThawAction Action { get; init; }

    /// <summary>What <see cref="ThawAction.Create"/> creates.</summary>
    public NodeFreeze? NodeFreeze { get; init; }

    /// <summary>The status as it should be; null leaves it alone.</summary>
    public ThawRequestStatus? Status { get; init; }

    /// <summary>When to decide again if nothing happens before; null for never.</summary>
    public TimeSpan? RequeueAfter { get; init; }

    /// <summary>What is told as Events once it is written.</summary>
    public IReadOnlyList<Story> Stories { get; init; } = [];

    /// <summary>It rests on a node or an agent that is not there.</summary>
    public bool RestsOnAbsence { get; init; }
}

/// <summary>A write other than of the status.</summary>
internal enum ThawAction
{
    /// <summary>None.</summary>
    None,

    /// <summary>Put the backup label on the request.</summary>
    Label,

    /// <summary>Create the NodeFreeze.</summary>
    Create,

    /// <summary>Delete the NodeFreeze.</summary>
    DeleteNodeFreeze,

    /// <summary>Delete the request: its time to live is over.</summary>
    DeleteRequest,
}
