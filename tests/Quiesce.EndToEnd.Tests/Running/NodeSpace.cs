using Quiesce.RealFilesystems;

namespace Quiesce.EndToEnd.Tests.Running;

/// <summary>
/// What makes a node of this machine's own: a mount namespace with a <c>/run</c> and a <c>/dev/shm</c> to itself, so that its agents find the journals of their own predecessors and
/// of nobody else, and, after a reboot that is only played, a boot of its own. It outlives agents as a node does, and has to be disposed before the filesystems in it are.
/// </summary>
internal sealed class NodeSpace : IAsyncDisposable
{
    // Other tests' filesystems are taken out: a mount of theirs in here would keep them after they are gone.
    private const string Script = """
        boot=$1 protect=$2 root=$3; shift 3
        for mount in $(cut -d' ' -f5 /proc/self/mountinfo | grep "^$root/" | tac); do
          case " $* " in *" $mount "*) ;; *) umount --lazy "$mount" 2>/dev/null ;; esac # gone already where its folder is
        done
        mount -t tmpfs -o mode=755 tmpfs /run && mount -t tmpfs -o mode=1777 tmpfs /dev/shm || exit
        if [ -n "$boot" ]; then echo "$boot" >/run/boot_id && mount --bind /run/boot_id /proc/sys/kernel/random/boot_id || exit; fi
        if [ -n "$protect" ]; then mount -t tmpfs tmpfs /var/lib && mkdir -p /var/lib/etcd && mount --bind "$protect" /var/lib/etcd || exit; fi
        echo ready; exec sleep infinity
        """;

    private readonly ProgramRun keeper;

    private NodeSpace(ProgramRun keeper) => this.keeper = keeper;

    /// <summary>A command that executes another one in it.</summary>
    internal IReadOnlyList<string> Enter => ["nsenter", $"--mount=/proc/{keeper.Id}/ns/mnt", "--"];

    /// <summary>Its root, as seen from outside.</summary>
    internal string Root => $"/proc/{keeper.Id}/root";

    /// <summary>Makes one.</summary>
    /// <param name="mounts">The filesystems' mounts that the node has.</param>
    /// <param name="boot">Its boot id, where it is not the machine's.</param>
    /// <param name="etcd">One of the mounts, which the node has as <c>/var/lib/etcd</c> too: then it carries the control plane, and is protected.</param>
    internal static async Task<NodeSpace> CreateAsync(IEnumerable<string> mounts, Guid? boot = null, string? etcd = null)
    {
        var keeper = new ProgramRun(
            new ProgramStart { Wrapper = ["unshare", "--mount", "--propagation", "private"] }, ["sh", "-c", Script, "sh", boot?.ToString() ?? "", etcd ?? "", RealFilesystem.Root, .. mounts]);
        await keeper.SaysAsync("ready");
        if (keeper.HasExited) Assert.Fail($"no mount namespace could be made: {keeper.Said}");
        return new NodeSpace(keeper);
    }

    public ValueTask DisposeAsync() => keeper.DisposeAsync();
}
