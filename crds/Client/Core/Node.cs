using k8s;
using k8s.Models;

namespace Quiesce.Crds.Client;

/// <summary>A node, as far as Quiesce reads it: its name and labels.</summary>
public sealed record Node : IKubernetesObject<V1ObjectMeta>
{
    /// <inheritdoc/>
    public string ApiVersion { get; set; } = "v1";

    /// <inheritdoc/>
    public string Kind { get; set; } = "Node";

    /// <inheritdoc/>
    public V1ObjectMeta Metadata { get; set; } = new();
}
