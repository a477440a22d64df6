namespace Quiesce.Cluster.Http;

/// <summary>What the cluster's options say about serving.</summary>
/// <param name="Clock">For timeouts, bookmarks and ages.</param>
/// <param name="WatchTimeout">Of a watch that names none.</param>
/// <param name="BookmarkInterval">Between bookmarks of one watch.</param>
internal sealed record ServingOptions(TimeProvider Clock, TimeSpan WatchTimeout, TimeSpan BookmarkInterval);
