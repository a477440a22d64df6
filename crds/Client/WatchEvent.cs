namespace Quiesce.Crds.Client;

/// <summary>What a <see cref="ListWatch{T}"/> tells, in order.</summary>
public abstract record WatchEvent<T>
{
    private WatchEvent()
    {
    }

    /// <summary>An object is there that was not there before.</summary>
    /// <param name="Item">As it is now.</param>
    public sealed record Added(T Item) : WatchEvent<T>;

    /// <summary>An object changed.</summary>
    /// <param name="Item">As it is now.</param>
    public sealed record Modified(T Item) : WatchEvent<T>;

    /// <summary>An object is gone, or is not selected any more.</summary>
    /// <param name="Item">As it was last known: on a deletion that was missed, older than its end.</param>
    public sealed record Deleted(T Item) : WatchEvent<T>;

    /// <summary>A list was completed: what is missing from it did not exist when it was read.</summary>
    /// <remarks>How it differs from what was known has been told just before, as <see cref="Added"/>, <see cref="Modified"/> and
    /// <see cref="Deleted"/>.</remarks>
    /// <param name="Items">Everything there is.</param>
    /// <param name="ResourceVersion">The version of the list.</param>
    public sealed record Synced(IReadOnlyList<T> Items, string ResourceVersion) : WatchEvent<T>;

    /// <summary>
    /// The server has opened a watch: what changes from here on is told as soon as it does. Told of every watch, the first and those that follow it; also of one that the server refuses in its
    /// first line, because its version is too old, and which is followed by a list at once.
    /// </summary>
    public sealed record Watching : WatchEvent<T>;

    /// <summary>Nothing can be said of the world since then; told once for each outage, which <see cref="Synced"/> ends.</summary>
    /// <param name="Since">When the server was last heard, by this process' clock.</param>
    /// <param name="Error">What is wrong.</param>
    public sealed record Disconnected(DateTimeOffset Since, KubernetesApiException Error) : WatchEvent<T>;
}
