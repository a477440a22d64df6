namespace Quiesce.Cluster.Storage;

/// <summary>Where one object is stored.</summary>
/// <param name="Collection">The stored kind, <c>plural.group</c>; the same for all versions of a kind.</param>
/// <param name="Namespace">Empty for cluster-scoped kinds.</param>
/// <param name="Name">The object's name.</param>
internal readonly record struct ObjectKey(string Collection, string Namespace, string Name);

/// <summary>The order in which lists are answered: by namespace, then by name, byte by byte, as etcd sorts its keys.</summary>
internal sealed class ObjectKeyOrder : IComparer<ObjectKey>
{
    public static readonly ObjectKeyOrder Instance = new();

    public int Compare(ObjectKey x, ObjectKey y)
    {
        var byNamespace = string.CompareOrdinal(x.Namespace, y.Namespace);
        return byNamespace != 0 ? byNamespace : string.CompareOrdinal(x.Name, y.Name);
    }
}
