using Quiesce.Crds;
using Quiesce.Crds.Client;

namespace Quiesce.Operator.Nodes;

/// <summary>The pods and claims of a request's namespace, and the volumes of the claims, as the API server had them at one moment.</summary>
/// <param name="Pods">Every pod of the namespace.</param>
/// <param name="Claims">Every claim of the namespace, by name.</param>
/// <param name="Volumes">The volumes the claims are bound to, by name.</param>
internal sealed record Workloads(
    IReadOnlyList<Pod> Pods, IReadOnlyDictionary<string, PersistentVolumeClaim> Claims, IReadOnlyDictionary<string, PersistentVolume> Volumes)
{
    /// <summary>Nothing at all.</summary>
    public static Workloads None { get; } = new([], new Dictionary<string, PersistentVolumeClaim>(), new Dictionary<string, PersistentVolume>());

    /// <summary>Whether a request names pods or claims, so that it cannot be resolved without them.</summary>
    public static bool AreNamedBy(FreezeRequestSpec spec) => spec.Targets.Any(t => t.PersistentVolumeClaim is not null || t.PodSelector is not null);

    /// <summary>The pods that use a claim now, by name; a generic ephemeral volume is a claim named after pod and volume.</summary>
    public IReadOnlyList<Pod> UsersOf(string claim) =>
        [.. Pods.Where(pod => pod.UsesItsVolumes() && (pod.Spec?.Volumes ?? []).Any(v => ClaimOf(pod, v) == claim)).OrderBy(pod => pod.Metadata.Name, StringComparer.Ordinal)];

    /// <summary>The running pods that a selector matches, by name.</summary>
    public IReadOnlyList<Pod> Matching(LabelSelector selector) =>
        [.. Pods.Where(pod => pod.UsesItsVolumes() && Selector.Matches(selector, Labels(pod))).OrderBy(pod => pod.Metadata.Name, StringComparer.Ordinal)];

    /// <summary>The claim that a pod's volume is; null for another kind of volume.</summary>
    public static string? ClaimOf(Pod pod, PodVolume volume) =>
        volume.PersistentVolumeClaim?.ClaimName ?? (volume.Kind() == "ephemeral" ? $"{pod.Metadata.Name}-{volume.Name}" : null);

    private static Dictionary<string, string> Labels(Pod pod) => new(pod.Metadata.Labels ?? new Dictionary<string, string>());
}
