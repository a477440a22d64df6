using Quiesce.Cluster.Faults;

namespace Quiesce.Cluster;

/// <summary>How a <see cref="LocalCluster"/> is to be.</summary>
public sealed record LocalClusterOptions
{
    /// <summary>TCP port on 127.0.0.1; 0 takes a free one.</summary>
    public int Port { get; init; }

    /// <summary>Timestamps, ages, watch timeouts and bookmarks go by it.</summary>
    public TimeProvider Clock { get; init; } = TimeProvider.System;

    /// <summary>How many writes can be watched from afterwards; what is older is answered with 410.</summary>
    public int HistoryLimit { get; init; } = 10_000;

    /// <summary>How long a watch lasts that names no <c>timeoutSeconds</c>.</summary>
    public TimeSpan WatchTimeout { get; init; } = TimeSpan.FromMinutes(30);

    /// <summary>Time between two bookmarks of one watch. A real server sends one a minute.</summary>
    public TimeSpan BookmarkInterval { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Called after every request, on the thread that served it.</summary>
    public Action<RecordedRequest>? OnServed { get; init; }
}
