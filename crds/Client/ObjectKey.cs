using k8s;
using k8s.Models;

namespace Quiesce.Crds.Client;

/// <summary>Names one object of a kind: all that a reconcile is given.</summary>
/// <param name="Namespace">The namespace; null for cluster-scoped kinds.</param>
/// <param name="Name">The name.</param>
public readonly record struct ObjectKey(string? Namespace, string Name)
{
    /// <summary>The key of an object.</summary>
    public static ObjectKey Of(IKubernetesObject<V1ObjectMeta> o) =>
        new(string.IsNullOrEmpty(o.Metadata.NamespaceProperty) ? null : o.Metadata.NamespaceProperty, o.Metadata.Name);

    /// <summary><c>namespace/name</c>, or the name alone.</summary>
    public override string ToString() => Namespace is null ? Name : $"{Namespace}/{Name}";
}
