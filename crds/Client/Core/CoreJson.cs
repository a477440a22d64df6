using System.Text.Json.Serialization;

namespace Quiesce.Crds.Client;

/// <summary>Source-generated JSON of the few built-in kinds Quiesce reads or writes, and of the protocol around objects.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ApiStatus))]
[JsonSerializable(typeof(BookmarkObject))]
[JsonSerializable(typeof(ApiGroup))]
[JsonSerializable(typeof(Node))]
[JsonSerializable(typeof(Pod))]
[JsonSerializable(typeof(PersistentVolumeClaim))]
[JsonSerializable(typeof(PersistentVolume))]
[JsonSerializable(typeof(Lease))]
[JsonSerializable(typeof(Event))]
[JsonSerializable(typeof(ResourceList<Node>))]
[JsonSerializable(typeof(ResourceList<Pod>))]
[JsonSerializable(typeof(ResourceList<PersistentVolumeClaim>))]
[JsonSerializable(typeof(ResourceList<PersistentVolume>))]
[JsonSerializable(typeof(ResourceList<Lease>))]
[JsonSerializable(typeof(ResourceList<Event>))]
internal sealed partial class CoreJson : JsonSerializerContext;

/// <summary>What the server says of a group, as far as it is read.</summary>
internal sealed record ApiGroup
{
    public ApiGroupVersion? PreferredVersion { get; init; }
}

/// <summary>A version of a group.</summary>
internal sealed record ApiGroupVersion
{
    public string? Version { get; init; }
}

/// <summary>What a bookmark carries.</summary>
internal sealed record BookmarkObject
{
    public k8s.Models.V1ObjectMeta? Metadata { get; init; }
}
