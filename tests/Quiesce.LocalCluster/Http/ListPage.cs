using Quiesce.Cluster.Storage;

namespace Quiesce.Cluster.Http;

/// <summary>One page of a list.</summary>
/// <param name="Revision">When the list was so.</param>
/// <param name="Items">The objects, in the version asked for.</param>
/// <param name="Continue">Token for the next page; null on the last.</param>
/// <param name="Remaining">How many follow; null if that is not known.</param>
internal sealed record ListPage(long Revision, IReadOnlyList<StoredObject> Items, string? Continue = null, long? Remaining = null);
