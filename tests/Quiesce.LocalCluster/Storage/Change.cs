namespace Quiesce.Cluster.Storage;

/// <summary>One write.</summary>
/// <param name="Kind">What it did.</param>
/// <param name="Object">The object after it; for a deletion its last content, with the revision of the deletion.</param>
/// <param name="Previous">The object before it; null for a creation.</param>
internal sealed record Change(ChangeKind Kind, StoredObject Object, StoredObject? Previous)
{
    public long Revision => Object.Revision;
}
