using System.Text.Json;
using System.Text.Json.Serialization;
using k8s;
using k8s.Models;

namespace Quiesce.Crds.Client;

/// <summary>A volume, as far as Quiesce reads it: whose it is and how kubelet mounts it.</summary>
public sealed record PersistentVolume : IKubernetesObject<V1ObjectMeta>
{
    /// <inheritdoc/>
    public string ApiVersion { get; set; } = "v1";

    /// <inheritdoc/>
    public string Kind { get; set; } = "PersistentVolume";

    /// <inheritdoc/>
    public V1ObjectMeta Metadata { get; set; } = new();

    /// <summary>What it is.</summary>
    public PersistentVolumeSpec? Spec { get; set; }
}

/// <summary>What a volume is.</summary>
public sealed record PersistentVolumeSpec
{
    /// <summary>The claim it is bound to.</summary>
    public ObjectReference? ClaimRef { get; init; }

    /// <summary>A folder or device of one node.</summary>
    public PathVolumeSource? Local { get; init; }

    /// <summary>A folder of whatever node the pod runs on.</summary>
    public PathVolumeSource? HostPath { get; init; }

    /// <summary>A volume of a driver outside the tree, by the driver's name.</summary>
    public FlexVolumeSource? FlexVolume { get; init; }

    /// <summary>Every other member, among them the one that says of which kind the volume is.</summary>
    [JsonExtensionData]
    public Dictionary<string, JsonElement>? Other { get; set; }

    /// <summary>Whether it has a member, such as <c>csi</c>.</summary>
    public bool Has(string member) => Other?.ContainsKey(member) is true;
}

/// <summary>A volume that is a path of a node.</summary>
public sealed record PathVolumeSource
{
    /// <summary>The path.</summary>
    public required string Path { get; init; }
}

/// <summary>A volume of a FlexVolume driver.</summary>
public sealed record FlexVolumeSource
{
    /// <summary>Such as <c>example.com/driver</c>.</summary>
    public required string Driver { get; init; }
}
