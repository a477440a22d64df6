namespace Quiesce.Crds.Client;

/// <summary>What a <see cref="ListWatch{T}"/> looks at, and its limits.</summary>
public sealed record ListWatchOptions
{
    /// <summary>The namespace; null for all, and for cluster-scoped kinds.</summary>
    public string? Namespace { get; init; }

    /// <summary>Such as <c>a=b,c</c>; null for all.</summary>
    public string? LabelSelector { get; init; }

    /// <summary>Such as <c>spec.nodeName=node-1</c>; null for all.</summary>
    public string? FieldSelector { get; init; }

    /// <summary>How long the server is asked to keep one watch open; each watch asks for 1 to 1.5 times this.</summary>
    public TimeSpan WatchTimeout { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>How much later than that the server may be before the watch is given up as silent.</summary>
    /// <remarks>Bookmarks cannot be relied on for this (KEP-956 promises no interval); the server's own end of the watch can.</remarks>
    public TimeSpan SilenceAllowance { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Pauses between attempts that fail.</summary>
    public Backoff Backoff { get; init; } = Backoff.Default;
}
