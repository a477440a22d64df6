namespace Quiesce.Cluster.Faults;

/// <summary>Which requests are meant: all those for which everything that is set holds.</summary>
public sealed record RequestMatch
{
    /// <summary>The verbs that change something.</summary>
    public static IReadOnlyList<string> WriteVerbs { get; } = ["create", "update", "patch", "delete", "deletecollection"];

    /// <summary>Every request.</summary>
    public static RequestMatch Any { get; } = new();

    /// <summary>Every request that would change a resource.</summary>
    public static RequestMatch Writes { get; } = new() { Verbs = WriteVerbs };

    /// <summary>One of these verbs; see <see cref="RecordedRequest.Verb"/>.</summary>
    public IReadOnlyList<string>? Verbs { get; init; }

    /// <summary>The plural, such as <c>freezerequests</c>.</summary>
    public string? Resource { get; init; }

    /// <summary><c>status</c>, or empty for the object itself.</summary>
    public string? Subresource { get; init; }

    /// <summary>The namespace in the path.</summary>
    public string? Namespace { get; init; }

    /// <summary>The object's name in the path.</summary>
    public string? Name { get; init; }

    /// <summary>A part of the <c>User-Agent</c> header.</summary>
    public string? UserAgent { get; init; }

    /// <summary>The bearer token: whoever asks with it.</summary>
    public string? Token { get; init; }

    /// <summary>Anything else.</summary>
    public Func<RecordedRequest, bool>? Where { get; init; }

    /// <summary>Requests of one verb on one kind.</summary>
    /// <param name="verb">See <see cref="RecordedRequest.Verb"/>.</param>
    /// <param name="resource">The plural; null for every kind.</param>
    public static RequestMatch Of(string verb, string? resource = null) => new() { Verbs = [verb], Resource = resource };

    /// <summary>Whether a request is meant.</summary>
    public bool Matches(RecordedRequest request) =>
        (Verbs is null || Verbs.Contains(request.Verb))
        && (Resource is null || Resource == request.Resource)
        && (Subresource is null || Subresource == request.Subresource)
        && (Namespace is null || Namespace == request.Namespace)
        && (Name is null || Name == request.Name)
        && (UserAgent is null || request.UserAgent.Contains(UserAgent, StringComparison.Ordinal))
        && (Token is null || Token == request.Token)
        && (Where is null || Where(request));
}
