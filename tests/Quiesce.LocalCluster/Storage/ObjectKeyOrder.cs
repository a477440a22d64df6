namespace Quiesce.Cluster.Storage;

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
