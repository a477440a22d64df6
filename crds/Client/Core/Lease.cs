using System.Text.Json.Serialization;
using k8s;
using k8s.Models;

namespace Quiesce.Crds.Client;

/// <summary>A lease of <c>coordination.k8s.io/v1</c>.</summary>
public sealed record Lease : IKubernetesObject<V1ObjectMeta>
{
    /// <inheritdoc/>
    public string ApiVersion { get; set; } = "coordination.k8s.io/v1";

    /// <inheritdoc/>
    public string Kind { get; set; } = "Lease";

    /// <inheritdoc/>
    public V1ObjectMeta Metadata { get; set; } = new();

    /// <summary>Who holds it.</summary>
    public LeaseSpec Spec { get; set; } = new();
}

/// <summary>Who holds a lease, since when and for how long.</summary>
public sealed record LeaseSpec
{
    /// <summary>The holder; null or empty when it was given up.</summary>
    public string? HolderIdentity { get; init; }

    /// <summary>Seconds after <see cref="RenewTime"/> before another may take it.</summary>
    public int? LeaseDurationSeconds { get; init; }

    /// <summary>When the holder took it, by the holder's clock.</summary>
    [JsonConverter(typeof(MicroTimeConverter))]
    public DateTimeOffset? AcquireTime { get; init; }

    /// <summary>When the holder last renewed it, by the holder's clock.</summary>
    [JsonConverter(typeof(MicroTimeConverter))]
    public DateTimeOffset? RenewTime { get; init; }

    /// <summary>How often it changed hands.</summary>
    public int? LeaseTransitions { get; init; }
}
