using Quiesce.Freezing.Kernel;
using Quiesce.Freezing.Mounts;

namespace Quiesce.Freezing.Planning;

/// <summary>The superblocks that are never frozen unless an administrator allowed it, and why each is.</summary>
public static class ProtectedFilesystems
{
    /// <summary>Folders of the host whose loss of writes would stop the node, its runtime, its control plane or Quiesce itself.</summary>
    public static IReadOnlyList<string> DefaultPaths { get; } =
    [
        "/", "/usr", "/etc", "/etc/kubernetes", "/var", "/var/lib", "/var/log", "/var/lib/kubelet", "/var/lib/containerd", "/var/lib/docker",
        "/var/lib/containers", "/var/lib/crio", "/var/lib/cri-dockerd", "/var/lib/etcd", "/var/lib/rancher", "/var/lib/k0s",
        "/var/snap/microk8s", "/run", "/run/containerd",
    ];

    /// <summary>Finds them. An error other than a path that does not exist is returned, because what cannot be told apart must not be frozen.</summary>
    public static (IReadOnlyDictionary<DeviceNumber, string> Why, Refusal? Refusal) Find(
        IKernel kernel, MountTable table, BackingGraph graph, PlanOrder order)
    {
        var why = new Dictionary<DeviceNumber, string>();
        foreach (var path in order.ProtectedPaths)
        {
            var (superblock, error) = SuperblockOf(kernel, table, path);
            if (error is not (Errno.None or Errno.NoEntry or Errno.NotDirectory))
                return (why, new Refusal(FreezeReason.ProtectedFilesystem,
                    $"cannot tell which filesystem carries the protected folder {path}: {error.Describe()}; nothing is frozen before that is known"));
            if (superblock is { } s) Add(s, $"it carries {path}");
        }

        // This process's own root, and in a container the folders of the host its writable layer lies on.
        foreach (var mount in table.Mounts.Where(m => m.MountPoint == "/"))
        {
            Add(mount.Superblock, "it is this process's own root");
            foreach (var option in (string[])["upperdir", "workdir"])
                if (mount.SuperOption(option) is { } path && SuperblockOf(kernel, table, path).Superblock is { } s)
                    Add(s, "it carries this container's writable layer");
        }

        foreach (var path in order.AllowedPaths)
            if (SuperblockOf(kernel, table, path).Superblock is { } s) why.Remove(s);
        return (why, null);

        void Add(DeviceNumber superblock, string reason)
        {
            why.TryAdd(superblock, reason);
            foreach (var below in graph.Below(superblock).Devices)
                why.TryAdd(below, $"it backs a filesystem that is protected because {reason}");
        }
    }

    private static (DeviceNumber? Superblock, Errno Error) SuperblockOf(IKernel kernel, MountTable table, string path)
    {
        var error = kernel.OpenPath(path, out var descriptor);
        if (error != Errno.None) return (null, error);
        error = kernel.Identify(descriptor, out var identity);
        kernel.Close(descriptor);
        return error != Errno.None ? (null, error) : (table.Find(identity.MountId)?.Superblock, Errno.None);
    }
}
