using Quiesce.Crds;
using Quiesce.Operator.Nodes;

namespace Quiesce.Operator.Thawing;

/// <summary>Everything a decision about one ThawRequest rests on.</summary>
internal sealed record ThawState
{
    /// <summary>The request.</summary>
    public required ThawRequest Request { get; init; }

    /// <summary>Its NodeFreeze; null before it is created and after it is gone.</summary>
    public NodeFreeze? NodeFreeze { get; init; }

    /// <summary>The cluster.</summary>
    public ClusterView Cluster { get; init; } = ClusterView.Empty;

    /// <summary>The API server's refusal of a write that this request needs and that no retry would change.</summary>
    public Refusal? WriteRefused { get; init; }

    /// <summary>The operator's clock.</summary>
    public required DateTimeOffset Now { get; init; }

    /// <summary>The request's trace, for the NodeFreeze; null where there is none.</summary>
    public string? TraceParent { get; init; }

    /// <summary>The namespace of the internal objects.</summary>
    public string Namespace { get; init; } = InternalNames.DefaultNamespace;
}
