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

    /// <summary>How long the server is asked to keep one watch open; each watch asks for 1 to 2 times this.</summary>
    /// <remarks>Watches that were opened together, as by all agents when an API server has come back, end apart: after 5 to 10 minutes with the default, as client-go's do.</remarks>
    public TimeSpan WatchTimeout { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>How much later than that the server may be before the watch is given up as silent.</summary>
    public TimeSpan SilenceAllowance { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long a watch may say nothing at all, no bookmark either, before it is given up as silent; each watch waits for 1 to 1.5 times this.</summary>
    /// <remarks>
    /// A kube-apiserver sends a bookmark each minute. KEP-956 promises no interval, so silence is no fault: it costs a new watch, and a list where a watch has never said anything. A peer that is
    /// dead is noticed by the connection, within seconds; this is for one that lives and has lost the watch, or was asked for a version it will not have for long.
    /// </remarks>
    public TimeSpan LongestSilence { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>The longest that a watch with these limits can be without a word.</summary>
    internal TimeSpan SilenceBound => TimeSpan.FromTicks(Math.Min(((WatchTimeout * 2) + SilenceAllowance).Ticks, (LongestSilence * 1.5).Ticks));

    /// <summary>Pauses between attempts that fail.</summary>
    public Backoff Backoff { get; init; } = Backoff.Default;
}
