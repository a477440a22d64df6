using Quiesce.Crds;
using Quiesce.Freezing.Planning;

namespace Quiesce.Agent.Serving;

/// <summary>Where kubelet mounts the volumes of pods.</summary>
/// <remarks>
/// Source: kubelet's <c>GetPodVolumeDir</c> and <c>GetTargetPath</c> of its CSI plugin. Every pod has a mount of its own, below <c>pods/UID/volumes</c>; device
/// plugins mount the volume once more below <c>plugins</c>, and a <c>subPath</c> is a mount below <c>volume-subpaths</c>.
/// </remarks>
internal static class KubeletVolumes
{
    private const string Csi = "kubernetes.io/csi";

    /// <summary>Where a volume is mounted for its pod, relative to kubelet's root folder.</summary>
    internal static string Folder(NodeVolume volume) => $"pods/{Name(volume.PodUid)}/{InPod(volume)}";

    /// <summary>A volume as the planner wants it.</summary>
    /// <param name="volume">The volume of the plan.</param>
    /// <param name="claimNamespace">The namespace of its claim.</param>
    /// <param name="kubeletRoot">Kubelet's root folder on the host.</param>
    internal static VolumeTarget Target(NodeVolume volume, string claimNamespace, string kubeletRoot) => new()
    {
        Name = $"claim {claimNamespace}/{volume.Claim}",
        Root = kubeletRoot,
        Folder = Folder(volume),
        Mounts = [$"pods/*/{InPod(volume)}", volume.Plugin == Csi ? $"plugins/{Csi}/*/*/globalmount" : $"plugins/{volume.Plugin}/**"],
        FolderMounts = [$"pods/*/volume-subpaths/{Name(volume.Name)}/*/*"],
        Source = volume.LocalPath ?? "",
        MayBeShared = volume.AllowSharedFilesystem,
    };

    private static string InPod(NodeVolume volume) => $"volumes/{Name(volume.Plugin)}/{Name(volume.Name)}{(volume.Plugin == Csi ? "/mount" : "")}";

    // A name with a slash, which none of these can have but a plugin's, must not lead elsewhere.
    private static string Name(string name) => name.Replace('/', '~');
}
