namespace Quiesce.Cluster.Storage;

/// <summary>What there was at one revision.</summary>
internal sealed record Snapshot(long Revision, IReadOnlyList<StoredObject> Objects);
