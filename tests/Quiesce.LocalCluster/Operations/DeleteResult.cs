using Quiesce.Cluster.Storage;

namespace Quiesce.Cluster.Operations;

/// <summary>What a deletion left behind.</summary>
/// <param name="Object">The object, at its last version or marked as being deleted.</param>
/// <param name="Gone">False while finalizers hold it.</param>
internal sealed record DeleteResult(StoredObject Object, bool Gone);
