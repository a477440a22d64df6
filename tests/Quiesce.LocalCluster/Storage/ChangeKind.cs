namespace Quiesce.Cluster.Storage;

/// <summary>What a write did.</summary>
internal enum ChangeKind
{
    Added,
    Modified,
    Deleted,
}
