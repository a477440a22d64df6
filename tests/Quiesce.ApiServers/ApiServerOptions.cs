using Quiesce.Cluster;

namespace Quiesce.ApiServers;

/// <summary>How an <see cref="ApiServerUnderTest"/> is started.</summary>
public sealed record ApiServerOptions
{
    /// <summary>Whether Quiesce's CRDs are installed before it is handed out.</summary>
    public bool InstallCrds { get; init; } = true;

    /// <summary>For a real server: the folder of etcd's data, which must exist and is left where it is; null for one that goes with the server.</summary>
    public string? EtcdFolder { get; init; }

    /// <summary>For the local cluster; a real server ignores them.</summary>
    public LocalClusterOptions Local { get; init; } = new();
}
