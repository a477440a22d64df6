using Quiesce.Freezing.Kernel;
using Quiesce.Freezing.Mounts;

namespace Quiesce.Freezing.Planning;

/// <summary>The superblocks that are never frozen unless an administrator allowed it, and why each is.</summary>
/// <remarks>
/// Its folders are opened before the mount table is read: an open descriptor keeps its mount's id from being given to another mount, so
/// that the table speaks of the very mount the folder is on.
/// </remarks>
public sealed class ProtectedFilesystems : IDisposable
{
    private readonly IKernel kernel;
    private readonly List<Place> places;
    private readonly List<Place> allowed;

    private ProtectedFilesystems(IKernel kernel, PlanOrder order)
    {
        this.kernel = kernel;
        places = [.. order.ProtectedPaths.Select(Look)];
        allowed = [.. order.AllowedPaths.Select(Look)];
    }

    private readonly record struct Place(string Path, Errno Error, Descriptor Descriptor, ulong MountId);

    /// <summary>Folders of the host that hold what containers and their volumes contain: a link in them may be a tenant's.</summary>
    public static IReadOnlyList<string> ContainerFolders { get; } =
    [
        "/var/lib/kubelet", "/var/lib/containerd", "/var/lib/docker", "/var/lib/containers", "/var/lib/crio", "/var/lib/cri-dockerd",
        "/var/lib/rancher", "/var/lib/k0s", "/var/snap/microk8s", "/run/containerd",
    ];

    /// <summary>Folders of the host whose loss of writes would stop the node, its runtime, its control plane or Quiesce itself.</summary>
    public static IReadOnlyList<string> DefaultPaths { get; } =
    [
        "/", "/usr", "/etc", "/etc/kubernetes", "/var", "/var/lib", "/var/log", "/var/lib/etcd", "/run", .. ContainerFolders,
    ];

    /// <summary>Opens the folders, those that an administrator allowed as well; to be disposed when the superblocks were found.</summary>
    public static ProtectedFilesystems Open(IKernel kernel, PlanOrder order) => new(kernel, order);

    /// <summary>Finds the superblocks. Whatever cannot be told, other than for a path that does not exist, is a refusal: it must not be frozen by mistake.</summary>
    /// <param name="table">Read after <see cref="Open"/>.</param>
    /// <param name="graph">What backs what.</param>
    public (IReadOnlyDictionary<DeviceNumber, string> Why, Refusal? Refusal) Find(MountTable table, BackingGraph graph)
    {
        var why = new Dictionary<DeviceNumber, string>();
        foreach (var place in places)
        {
            if (place.Error is Errno.NoEntry or Errno.NotDirectory) continue;
            if (place.Error != Errno.None || table.Find(place.MountId) is not { } mount)
                return (why, new Refusal(FreezeReason.ProtectedFilesystem,
                    $"cannot tell which filesystem carries the protected folder {place.Path}: {(place.Error != Errno.None ? place.Error.Describe() : "its mount is not in the mount table")}; nothing is frozen before that is known"));
            Add(mount.Superblock, $"it carries {place.Path}");
        }

        // This process's own root, and in a container the folders of the host its writable layer lies on.
        foreach (var mount in table.Mounts.Where(m => m.MountPoint == "/"))
        {
            foreach (var option in (string[])["upperdir", "workdir"])
            {
                if (mount.SuperOption(option) is not { } path) continue;
                var layer = Look(path);
                if (layer.Error == Errno.None && table.Find(layer.MountId) is { } below) Add(below.Superblock, "it carries this container's writable layer");
                kernel.Close(layer.Descriptor);
            }
            Add(mount.Superblock, "it is this process's own root");
        }

        // Where it cannot be told what backs a protected one, it may be any that does not itself lie on that one. Not so for kinds without a disk: the upper folder
        // of a container's root is mostly out of sight for whoever runs in it, and what carries it is found as the carrier of other folders.
        foreach (var (superblock, reason) in why.ToList())
        {
            if (graph.Below(superblock).Complete || table.Of(superblock).All(m => FilesystemTypes.CannotFreeze(m.Type))) continue;
            foreach (var other in table.Mounts.Where(m => !FilesystemTypes.CannotFreeze(m.Type)).Select(m => m.Superblock).Distinct())
                if (graph.MayLieOn(superblock, other)) why.TryAdd(other, $"it may back {superblock}, which is protected because {reason}, and of which cannot be told what backs it");
        }

        foreach (var place in allowed)
            if (place.Error == Errno.None && table.Find(place.MountId) is { } mount) why.Remove(mount.Superblock);
        return (why, null);

        void Add(DeviceNumber superblock, string reason)
        {
            why.TryAdd(superblock, reason);
            foreach (var below in graph.Below(superblock).Devices)
                why.TryAdd(below, $"it backs a filesystem that is protected because {reason}");
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var place in places.Concat(allowed)) kernel.Close(place.Descriptor);
    }

    private Place Look(string path)
    {
        var error = kernel.OpenPath(path, out var descriptor);
        FileIdentity identity = default;
        if (error == Errno.None) error = kernel.Identify(descriptor, out identity);
        return new Place(path, error, descriptor, identity.MountId);
    }
}
