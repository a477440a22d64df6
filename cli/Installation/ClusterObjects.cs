using System.Text.Json.Serialization;
using k8s;
using k8s.Models;
using Quiesce.Crds;
using Quiesce.Crds.Client;

namespace Quiesce.Cli.Installation;

/// <summary>An object of any kind, of which only the metadata matters.</summary>
internal sealed record AnyObject : IKubernetesObject<V1ObjectMeta>
{
    /// <inheritdoc/>
    public string ApiVersion { get; set; } = "";

    /// <inheritdoc/>
    public string Kind { get; set; } = "";

    /// <inheritdoc/>
    public V1ObjectMeta Metadata { get; set; } = new();
}

/// <summary>A DaemonSet, as far as its progress is read.</summary>
internal sealed record DaemonSet : IKubernetesObject<V1ObjectMeta>
{
    /// <inheritdoc/>
    public string ApiVersion { get; set; } = "apps/v1";

    /// <inheritdoc/>
    public string Kind { get; set; } = "DaemonSet";

    /// <inheritdoc/>
    public V1ObjectMeta Metadata { get; set; } = new();

    public DaemonSetStatus? Status { get; init; }
}

/// <summary>How far its controller is.</summary>
internal sealed record DaemonSetStatus
{
    public long ObservedGeneration { get; init; }
}

/// <summary>One of the templates that a DaemonSet has had.</summary>
internal sealed record ControllerRevision : IKubernetesObject<V1ObjectMeta>
{
    /// <inheritdoc/>
    public string ApiVersion { get; set; } = "apps/v1";

    /// <inheritdoc/>
    public string Kind { get; set; } = "ControllerRevision";

    /// <inheritdoc/>
    public V1ObjectMeta Metadata { get; set; } = new();

    /// <summary>The highest is the one in force.</summary>
    public long Revision { get; init; }
}

/// <summary>What an installation consists of, and where it is found.</summary>
internal static class ClusterObjects
{
    /// <summary>The label on everything that belongs to an installation.</summary>
    internal const string Selector = "app.kubernetes.io/part-of=quiesce";

    /// <summary>The annotation by which Helm knows what is its own.</summary>
    internal const string HelmRelease = "meta.helm.sh/release-name";

    internal const string HelmNamespace = "meta.helm.sh/release-namespace";

    internal static ResourceKind<DaemonSet> DaemonSets { get; } =
        new(new("apps", "v1", "DaemonSet", "daemonsets", Namespaced: true), InstallationJson.Default.DaemonSet, InstallationJson.Default.ResourceListDaemonSet);

    internal static ResourceKind<ControllerRevision> ControllerRevisions { get; } =
        new(new("apps", "v1", "ControllerRevision", "controllerrevisions", Namespaced: true), InstallationJson.Default.ControllerRevision, InstallationJson.Default.ResourceListControllerRevision);

    /// <summary>In the order of removal: who acts, what bounds who may act, and last what it lived in.</summary>
    internal static IReadOnlyList<ResourceKind<AnyObject>> Removed { get; } =
    [
        Of(new("apps", "v1", "Deployment", "deployments", Namespaced: true)),
        Of(new("apps", "v1", "DaemonSet", "daemonsets", Namespaced: true)),
        Of(new("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets", Namespaced: true)),
        Of(new("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies", Namespaced: true)),
        Of(new("admissionregistration.k8s.io", "v1", "ValidatingAdmissionPolicyBinding", "validatingadmissionpolicybindings", Namespaced: false)),
        Of(new("admissionregistration.k8s.io", "v1", "ValidatingAdmissionPolicy", "validatingadmissionpolicies", Namespaced: false)),
        Of(new("rbac.authorization.k8s.io", "v1", "RoleBinding", "rolebindings", Namespaced: true)),
        Of(new("rbac.authorization.k8s.io", "v1", "Role", "roles", Namespaced: true)),
        Of(new("rbac.authorization.k8s.io", "v1", "ClusterRoleBinding", "clusterrolebindings", Namespaced: false)),
        Of(new("rbac.authorization.k8s.io", "v1", "ClusterRole", "clusterroles", Namespaced: false)),
        Of(new("", "v1", "ServiceAccount", "serviceaccounts", Namespaced: true)),
        Of(new("", "v1", "ResourceQuota", "resourcequotas", Namespaced: true)),
        Of(new("", "v1", "Namespace", "namespaces", Namespaced: false)),
    ];

    internal static ResourceKind<AnyObject> Definitions { get; } = Of(new("apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions", Namespaced: false));

    /// <summary>An object as kubectl names it, with its namespace.</summary>
    internal static string Name(ResourceType type, V1ObjectMeta meta) =>
        $"{type.Kind.ToLowerInvariant()}{(type.Group.Length > 0 ? $".{type.Group}" : "")}/{meta.Name}{(type.Namespaced ? $" in {meta.NamespaceProperty}" : "")}";

    private static ResourceKind<AnyObject> Of(ResourceType type) => new(type, InstallationJson.Default.AnyObject, InstallationJson.Default.ResourceListAnyObject);
}

/// <summary>Source-generated JSON of them.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(AnyObject))]
[JsonSerializable(typeof(DaemonSet))]
[JsonSerializable(typeof(ControllerRevision))]
[JsonSerializable(typeof(ResourceList<AnyObject>))]
[JsonSerializable(typeof(ResourceList<DaemonSet>))]
[JsonSerializable(typeof(ResourceList<ControllerRevision>))]
internal sealed partial class InstallationJson : JsonSerializerContext;
