namespace Quiesce.Crds.Client;

/// <summary>The limits of one connection to the API server.</summary>
public sealed record ConnectionOptions
{
    /// <summary>Longest wait for a TCP and TLS connection.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Longest wait for an answer, and for the headers of a watch.</summary>
    public TimeSpan RequestTimeout { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>Quiet time with requests under way before the peer is asked, by HTTP/2 ping or TCP keep-alive, whether it lives.</summary>
    /// <remarks>With <see cref="KeepAliveTimeout"/> it bounds how long a dead peer goes unnoticed; the library's: 3 min and 30 s.</remarks>
    public TimeSpan KeepAliveDelay { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Longest wait for the peer's answer to that question.</summary>
    public TimeSpan KeepAliveTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>The <c>User-Agent</c>, by which audit logs and API priority rules know the program.</summary>
    public string UserAgent { get; init; } = "quiesce";
}
