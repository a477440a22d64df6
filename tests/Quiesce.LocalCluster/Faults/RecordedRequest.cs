namespace Quiesce.Cluster.Faults;

/// <summary>One request that reached the server.</summary>
public sealed class RecordedRequest
{
    internal RecordedRequest()
    {
    }

    /// <summary>Position among all requests since the start, from 1.</summary>
    public required long Number { get; init; }

    /// <summary>When it came, by the cluster's clock.</summary>
    public required DateTimeOffset At { get; init; }

    /// <summary><c>get</c>, <c>list</c>, <c>watch</c>, <c>create</c>, <c>update</c>, <c>patch</c>, <c>delete</c>, <c>deletecollection</c>; for what is no resource the HTTP method in lower case.</summary>
    public required string Verb { get; init; }

    /// <summary>API group; empty for the core group and for what is no resource.</summary>
    public required string Group { get; init; }

    /// <summary>The plural, such as <c>freezerequests</c>; empty for what is no resource.</summary>
    public required string Resource { get; init; }

    /// <summary><c>status</c>, or empty for the object itself.</summary>
    public required string Subresource { get; init; }

    /// <summary>Empty for cluster-scoped kinds and for all namespaces.</summary>
    public required string Namespace { get; init; }

    /// <summary>Empty where the path names no object (creations among them).</summary>
    public required string Name { get; init; }

    /// <summary>The path without the query.</summary>
    public required string Path { get; init; }

    /// <summary>With its question mark; empty if there is none.</summary>
    public required string Query { get; init; }

    /// <summary>Who asked.</summary>
    public required string UserAgent { get; init; }

    /// <summary>The bearer token it came with; empty without one.</summary>
    public string Token { get; init; } = "";

    /// <summary>The answer's HTTP status; 0 while it runs, and when the connection was cut instead.</summary>
    public int StatusCode { get; internal set; }

    /// <summary>Whether a fault was injected.</summary>
    public bool Faulted { get; internal set; }

    /// <summary>Whether it would change something.</summary>
    public bool IsWrite => RequestMatch.WriteVerbs.Contains(Verb) && Resource.Length > 0;

    /// <inheritdoc/>
    public override string ToString() =>
        $"{Number} {Verb} {(Resource.Length == 0 ? Path : Subresource.Length == 0 ? Resource : $"{Resource}/{Subresource}")} {Namespace}/{Name} {StatusCode}{(Faulted ? " (fault)" : "")}";
}
