using System.Text.Json.Serialization.Metadata;
using k8s;
using k8s.Models;

namespace Quiesce.Crds.Client;

/// <summary>A kind of object: where it is found and how it is read and written.</summary>
/// <param name="type">Where it is found.</param>
/// <param name="json">The source-generated JSON of one object.</param>
/// <param name="listJson">The source-generated JSON of a list.</param>
public sealed class ResourceKind<T>(ResourceType type, JsonTypeInfo<T> json, JsonTypeInfo<ResourceList<T>> listJson)
    where T : class, IKubernetesObject<V1ObjectMeta>
{
    /// <summary>Where it is found.</summary>
    public ResourceType Type => type;

    /// <summary>The JSON of one object, in which its managed fields are skipped: nothing here reads them, and they are up to half of an object.</summary>
    public JsonTypeInfo<T> Json { get; } = WithoutManagedFields.Of(json);

    /// <summary>The JSON of a list of such objects.</summary>
    public JsonTypeInfo<ResourceList<T>> ListJson { get; } = WithoutManagedFields.Of(listJson);
}

/// <summary>Every kind Quiesce reads or writes.</summary>
public static class Kinds
{
    /// <summary>FreezeRequest.</summary>
    public static ResourceKind<FreezeRequest> FreezeRequests { get; } =
        new(FreezeRequest.Type, CrdsJson.Default.FreezeRequest, CrdsJson.Default.ResourceListFreezeRequest);

    /// <summary>ThawRequest.</summary>
    public static ResourceKind<ThawRequest> ThawRequests { get; } =
        new(ThawRequest.Type, CrdsJson.Default.ThawRequest, CrdsJson.Default.ResourceListThawRequest);

    /// <summary>FreezeWindow.</summary>
    public static ResourceKind<FreezeWindow> FreezeWindows { get; } =
        new(FreezeWindow.Type, CrdsJson.Default.FreezeWindow, CrdsJson.Default.ResourceListFreezeWindow);

    /// <summary>NodeFreeze.</summary>
    public static ResourceKind<NodeFreeze> NodeFreezes { get; } =
        new(NodeFreeze.Type, CrdsJson.Default.NodeFreeze, CrdsJson.Default.ResourceListNodeFreeze);

    /// <summary>Node.</summary>
    public static ResourceKind<Node> Nodes { get; } =
        new(new("", "v1", "Node", "nodes", Namespaced: false), CoreJson.Default.Node, CoreJson.Default.ResourceListNode);

    /// <summary>Pod.</summary>
    public static ResourceKind<Pod> Pods { get; } =
        new(new("", "v1", "Pod", "pods", Namespaced: true), CoreJson.Default.Pod, CoreJson.Default.ResourceListPod);

    /// <summary>PersistentVolumeClaim.</summary>
    public static ResourceKind<PersistentVolumeClaim> PersistentVolumeClaims { get; } = new(
        new("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims", Namespaced: true),
        CoreJson.Default.PersistentVolumeClaim,
        CoreJson.Default.ResourceListPersistentVolumeClaim);

    /// <summary>PersistentVolume.</summary>
    public static ResourceKind<PersistentVolume> PersistentVolumes { get; } = new(
        new("", "v1", "PersistentVolume", "persistentvolumes", Namespaced: false),
        CoreJson.Default.PersistentVolume,
        CoreJson.Default.ResourceListPersistentVolume);

    /// <summary>Lease.</summary>
    public static ResourceKind<Lease> Leases { get; } =
        new(
            new("coordination.k8s.io", "v1", "Lease", "leases", Namespaced: true),
            CoreJson.Default.Lease,
            CoreJson.Default.ResourceListLease);

    /// <summary>Event.</summary>
    public static ResourceKind<Event> Events { get; } =
        new(new("events.k8s.io", "v1", "Event", "events", Namespaced: true), CoreJson.Default.Event, CoreJson.Default.ResourceListEvent);
}
