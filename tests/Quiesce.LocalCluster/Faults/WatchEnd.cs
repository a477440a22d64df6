namespace Quiesce.Cluster.Faults;

/// <summary>How a running watch is told to stop.</summary>
internal enum WatchEnd
{
    /// <summary>The response ends.</summary>
    Orderly,

    /// <summary>The connection is closed in the middle of the response.</summary>
    Cut,

    /// <summary>An <c>ERROR</c> event with 410, then the response ends.</summary>
    Expired,
}
