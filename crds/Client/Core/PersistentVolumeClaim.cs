using k8s;
using k8s.Models;

namespace Quiesce.Crds.Client;

/// <summary>A claim, as far as Quiesce reads it: which volume it is bound to.</summary>
public sealed record PersistentVolumeClaim : IKubernetesObject<V1ObjectMeta>
{
    /// <inheritdoc/>
    public string ApiVersion { get; set; } = "v1";

    /// <inheritdoc/>
    public string Kind { get; set; } = "PersistentVolumeClaim";

    /// <inheritdoc/>
    public V1ObjectMeta Metadata { get; set; } = new();

    /// <summary>The wish.</summary>
    public PersistentVolumeClaimSpec? Spec { get; set; }

    /// <summary>How it is.</summary>
    public PersistentVolumeClaimStatus? Status { get; set; }
}

/// <summary>What a claim asks for.</summary>
public sealed record PersistentVolumeClaimSpec
{
    /// <summary>The volume it is bound to; null or empty before.</summary>
    public string? VolumeName { get; init; }

    /// <summary><c>Filesystem</c>, which is the default, or <c>Block</c>.</summary>
    public string? VolumeMode { get; init; }
}

/// <summary>How a claim is.</summary>
public sealed record PersistentVolumeClaimStatus
{
    /// <summary><c>Pending</c>, <c>Bound</c> or <c>Lost</c>.</summary>
    public string? Phase { get; init; }
}
