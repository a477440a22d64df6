using Quiesce.Cluster.Storage;

namespace Quiesce.Cluster.Operations;

/// <summary>What a write left behind.</summary>
/// <param name="Object">The object in its stored form.</param>
/// <param name="Created">Whether it is new.</param>
/// <param name="Warnings">For <c>Warning</c> headers.</param>
internal sealed record WriteResult(StoredObject Object, bool Created, IReadOnlyList<string> Warnings);
