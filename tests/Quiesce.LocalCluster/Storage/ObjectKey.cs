namespace Quiesce.Cluster.Storage;

/// <summary>Where one object is stored.</summary>
/// <param name="Collection">The stored kind, <c>plural.group</c>; the same for all versions of a kind.</param>
/// <param name="Namespace">Empty for cluster-scoped kinds.</param>
/// <param name="Name">The object's name.</param>
internal readonly record struct ObjectKey(string Collection, string Namespace, string Name);
