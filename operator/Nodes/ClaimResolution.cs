using System.Security.Cryptography;
using System.Text;
using Quiesce.Crds;
using Quiesce.Crds.Client;

namespace Quiesce.Operator.Nodes;

/// <summary>Resolves claims and pods: to the bound volumes, the pods that mount them, their nodes, and how kubelet mounts them there.</summary>
internal sealed class ClaimResolution(string ns, Workloads workloads)
{
    /// <summary>Ignored volumes named in one message.</summary>
    private const int MostIgnored = 8;

    // Kinds that kubelet still mounts by a plugin of its own; every other old kind has been moved to a CSI driver, and is mounted as that is.
    private static readonly string[] OwnPlugins = ["nfs", "iscsi", "fc", "cephfs", "rbd", "glusterfs"];

    private static readonly string[] CsiKinds =
        ["csi", "awsElasticBlockStore", "azureDisk", "azureFile", "cinder", "gcePersistentDisk", "portworxVolume", "vsphereVolume"];

    private readonly SortedDictionary<(string Node, string Volume), NodeVolume> _volumes = [];
    private readonly SortedSet<(string Node, string Path)> _paths = [];
    private readonly SortedDictionary<string, Pod> _pods = new(StringComparer.Ordinal);
    private readonly SortedSet<string> _ignored = new(StringComparer.Ordinal);

    /// <summary>The pods that stand still with them, by name: those selected, and those that use a claim.</summary>
    public IReadOnlyCollection<Pod> Pods => _pods.Values;

    /// <summary>The volumes on a node, by name.</summary>
    public IReadOnlyList<NodeVolume> On(string node) => [.. _volumes.Where(v => v.Key.Node == node).Select(v => v.Value)];

    /// <summary>The folders on a node that volumes are, and that kubelet does not mount.</summary>
    public IReadOnlyList<string> PathsOn(string node) => [.. _paths.Where(p => p.Node == node).Select(p => p.Path)];

    /// <summary>What was resolved and for which pods, in a few characters: equal only for the same pods, claims and volumes on the same nodes.</summary>
    public string Digest()
    {
        var lines = _volumes.Select(v => $"{v.Key.Node} {v.Key.Volume} {v.Value.Claim}").Concat(_paths.Select(p => $"{p.Node} {p.Path}")).Concat(_pods.Values.Select(p => $"pod {p.Metadata.Uid}"));
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', lines))))[..32];
    }

    /// <summary>The volumes of selected pods that are left out for their kind, as a sentence; null when there are none.</summary>
    public string? Ignored() => _ignored.Count switch
    {
        0 => null,
        <= MostIgnored => $"Left out, not being claims: {string.Join(", ", _ignored)}.",
        _ => $"Left out, not being claims: {string.Join(", ", _ignored.Take(MostIgnored))} and {_ignored.Count - MostIgnored} more.",
    };

    /// <summary>Resolves a target of claims or pods.</summary>
    /// <param name="target">The target.</param>
    /// <param name="where">What messages call it.</param>
    /// <returns>The nodes, or why not; null for a target of another kind.</returns>
    public (IReadOnlyList<string> Nodes, Refusal? Refusal)? Add(FreezeTarget target, string where) => target switch
    {
        { PersistentVolumeClaim: { } claim } => Add(claim.Name, claim.AllowSharedFilesystem, where),
        { PodSelector: { } pods } => Add(pods, where),
        _ => null,
    };

    private (IReadOnlyList<string> Nodes, Refusal? Refusal) Add(PodSelectorTarget target, string where)
    {
        var selector = Selector.Format(target.Selector());
        var pods = workloads.Matching(target.Selector());
        if (pods.Count == 0)
            return ([], new(Reasons.NoPodMatches, $"{where}: no running pod in namespace {ns} has the labels {selector}: compare with `kubectl get pods -n {ns} --show-labels`."));
        var names = target.Volumes is { Count: > 0 } volumes ? volumes.ToHashSet(StringComparer.Ordinal) : null;
        var claims = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var pod in pods)
        {
            _pods[pod.Metadata.Name] = pod;
            var all = pod.Spec?.Volumes ?? [];
            if (names?.FirstOrDefault(name => all.All(v => v.Name != name)) is { } missing)
                return ([], new(Reasons.VolumeNotFound, $"{where}: pod {ns}/{pod.Metadata.Name} has no volume {missing}: compare with its spec.volumes."));
            foreach (var volume in all.Where(v => names?.Contains(v.Name) is not false))
            {
                if (Workloads.ClaimOf(pod, volume) is { } claim) claims.Add(claim);
                else if (names is null) _ignored.Add($"{pod.Metadata.Name}/{volume.Name} ({volume.Kind()})");
                else return ([], new(Reasons.UnsupportedVolume, $"{where}: volume {volume.Name} of pod {ns}/{pod.Metadata.Name} is of kind {volume.Kind()}, and only claims and generic ephemeral volumes can be frozen so."));
            }
        }

        if (claims.Count == 0)
            return ([], new(Reasons.NothingToFreeze, $"{where}: none of the pods with the labels {selector} mounts a claim."));
        var nodes = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var claim in claims)
        {
            var (mounting, refusal) = Add(claim, target.AllowSharedFilesystem, where);
            if (refusal is not null) return ([], refusal);
            nodes.UnionWith(mounting);
        }

        return ([.. nodes], null);
    }

    private (IReadOnlyList<string> Nodes, Refusal? Refusal) Add(string name, bool mayBeShared, string where)
    {
        (IReadOnlyList<string>, Refusal?) Refuse(string reason, string message) => ([], new(reason, $"{where}: claim {ns}/{name} {message}"));
        if (!workloads.Claims.TryGetValue(name, out var claim))
            return Refuse(Reasons.ClaimNotFound, $"does not exist: compare with `kubectl get pvc -n {ns}`.");
        if (claim.Spec?.VolumeMode == "Block")
            return Refuse(Reasons.BlockVolume, "is a block device (volumeMode: Block): whatever filesystem the application keeps on it, no node has mounted it.");
        if (claim.Status?.Phase != "Bound" || claim.Spec?.VolumeName is not { Length: > 0 } volumeName)
            return Refuse(Reasons.ClaimNotBound, $"is not bound to a volume (its phase is {claim.Status?.Phase ?? "Pending"}).");
        if (!workloads.Volumes.TryGetValue(volumeName, out var volume) || volume.Spec?.ClaimRef?.Uid != claim.Metadata.Uid)
            return Refuse(Reasons.ClaimNotBound, $"says that it is bound to the volume {volumeName}, but that {(volume is null ? "does not exist" : "is bound to another claim")}.");
        var users = workloads.UsersOf(name);
        if (users.Count == 0)
            return Refuse(Reasons.ClaimNotMounted, "is mounted by no running pod, so no node has its filesystem; nothing writes to it either.");
        var plugin = PluginOf(volume.Spec);
        if (plugin is null && volume.Spec.HostPath is null)
            return Refuse(Reasons.UnsupportedVolume, $"is bound to the volume {volumeName}, whose kind is not known to be mounted by kubelet.");
        if (plugin is null && !mayBeShared)
        {
            return Refuse(
                Reasons.SharedFilesystem,
                $"is the folder {volume.Spec.HostPath!.Path} of the node (a hostPath volume), whose filesystem is not that volume's alone.");
        }

        foreach (var pod in users)
        {
            _pods[pod.Metadata.Name] = pod;
            var node = pod.Spec!.NodeName!;
            if (plugin is null)
            {
                _paths.Add((node, volume.Spec.HostPath!.Path));
                continue;
            }

            // One pod's mount is as good as another's: they are of one superblock.
            if (_volumes.TryGetValue((node, volumeName), out var there))
            {
                if (mayBeShared && !there.AllowSharedFilesystem) _volumes[(node, volumeName)] = there with { AllowSharedFilesystem = true };
                continue;
            }

            _volumes[(node, volumeName)] = new()
            {
                Claim = name,
                PodUid = pod.Metadata.Uid,
                Plugin = plugin,
                Name = volumeName,
                LocalPath = volume.Spec.Local?.Path,
                AllowSharedFilesystem = mayBeShared,
            };
        }

        return ([.. users.Select(pod => pod.Spec!.NodeName!).Distinct().Order(StringComparer.Ordinal)], null);
    }

    /// <summary>Kubelet's plugin for a volume; null where it mounts nothing.</summary>
    private static string? PluginOf(PersistentVolumeSpec volume)
    {
        if (volume.Local is not null) return "kubernetes.io/local-volume";
        if (volume.FlexVolume is { } flex) return flex.Driver;
        if (Array.Exists(CsiKinds, volume.Has)) return "kubernetes.io/csi";
        return Array.Find(OwnPlugins, volume.Has) is { } plugin ? $"kubernetes.io/{plugin}" : null;
    }
}
