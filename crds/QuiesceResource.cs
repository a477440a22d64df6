using k8s;
using k8s.Models;

namespace Quiesce.Crds;

/// <summary>Where a kind is found in the Kubernetes API.</summary>
/// <param name="Group">API group; empty for the core group.</param>
/// <param name="Version">API version, such as <c>v1alpha1</c>.</param>
/// <param name="Kind">The kind, in CamelCase.</param>
/// <param name="Plural">The lower-case plural used in paths.</param>
/// <param name="Namespaced">False for cluster-scoped kinds.</param>
public sealed record ResourceType(string Group, string Version, string Kind, string Plural, bool Namespaced)
{
    /// <summary>The value of <c>apiVersion</c>: <c>group/version</c>, or the version alone for the core group.</summary>
    public string ApiVersion => Group.Length == 0 ? Version : $"{Group}/{Version}";

    /// <summary>Path of the collection, without a leading slash.</summary>
    /// <param name="ns">The namespace; null for all namespaces, and for cluster-scoped kinds.</param>
    public string CollectionPath(string? ns)
    {
        var root = Group.Length == 0 ? $"api/{Version}" : $"apis/{Group}/{Version}";
        return Namespaced && ns is not null ? $"{root}/namespaces/{Uri.EscapeDataString(ns)}/{Plural}" : $"{root}/{Plural}";
    }

    /// <summary>Path of one object, without a leading slash.</summary>
    public string ObjectPath(string? ns, string name) => $"{CollectionPath(ns)}/{Uri.EscapeDataString(name)}";
}

/// <summary>A kind of Quiesce's own API group, which knows where it is found.</summary>
public interface IQuiesceResource : IKubernetesObject<V1ObjectMeta>
{
    /// <summary>Where the kind is found.</summary>
    static abstract ResourceType Type { get; }
}

/// <summary>Names shared by all of Quiesce's kinds.</summary>
public static class QuiesceApi
{
    /// <summary>The API group.</summary>
    public const string Group = "quiesce.dev";

    /// <summary>The API version.</summary>
    public const string Version = "v1alpha1";

    /// <summary>The finalizer on a FreezeRequest, present from its first NodeFreeze to its final phase.</summary>
    public const string Finalizer = "quiesce.dev/thaw";

    /// <summary>Label on FreezeWindow and NodeFreeze: the UID of the request they belong to.</summary>
    public const string RequestUidLabel = "quiesce.dev/request-uid";

    /// <summary>Annotation on a FreezeRequest from the moment Quiesce takes it: its UID. One with another UID is a copy, as a restore makes it.</summary>
    public const string TakenAsAnnotation = "quiesce.dev/taken-as";

    /// <summary>Annotation on a NodeFreeze that holds: the UID of its FreezeWindow. A window of another UID, as a restore makes it, does not command it.</summary>
    public const string WindowUidAnnotation = "quiesce.dev/window-uid";

    /// <summary>
    /// Annotation of a NodeFreeze: its FreezeWindow as the plan was made, in JSON, where that was <see cref="WindowState.Prepared"/>. The agent prepares by it and follows the window from
    /// that version on, which spares the API server a read for each node of a large request. Never of a window that commands to freeze: that may have changed its mind.
    /// </summary>
    public const string WindowAnnotation = "quiesce.dev/window";

    /// <summary>Annotation of a FreezeWindow: the places in the names of its NodeFreezes, <c>{"node-1":2}</c>, where they are not 0. Whoever else believes to lead creates no second one.</summary>
    public const string PlacesAnnotation = "quiesce.dev/places";

    /// <summary>Annotation of a FreezeWindow by which many nodes are called at once: their plans, as <see cref="CalledPlans.Write"/>.</summary>
    public const string PlansAnnotation = "quiesce.dev/plans";

    /// <summary>Annotation of a NodeFreeze whose node was called: <see cref="NodeFreeze.PlanId"/>, which its agent knows before the object is there.</summary>
    public const string PlanIdAnnotation = "quiesce.dev/plan-id";

    /// <summary>Annotation of a NodeFreeze that its agent created: the first report, in JSON, which counts until there is a status. A status cannot be given to what is created.</summary>
    public const string ReportAnnotation = "quiesce.dev/report";

    /// <summary>Label of the pods of agents that hear a call (value <c>"true"</c>): older ones do not, and while they are replaced nobody is called.</summary>
    public const string HearsCallsLabel = "quiesce.dev/hears-calls";

    /// <summary>
    /// Annotation with the trace that an object belongs to, as W3C's <c>traceparent</c>: on a request the trace of the tool that made it, on FreezeWindow and NodeFreeze the
    /// request's own.
    /// </summary>
    public const string TraceParentAnnotation = "quiesce.dev/traceparent";

    /// <summary>Label that keeps Velero from carrying an object into a backup (value <c>"true"</c>).</summary>
    public const string ExcludeFromBackupLabel = "velero.io/exclude-from-backup";

    /// <summary>Label Velero puts on every object it restores.</summary>
    public const string RestoreNameLabel = "velero.io/restore-name";

    /// <summary>The longest hold any request can ask for, in seconds; an installation may set a lower maximum.</summary>
    public const int DeadlineCeilingSeconds = 3600;
}
