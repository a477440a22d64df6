namespace Quiesce.Chaos.Tests.Running;

/// <summary>
/// What makes a node of this machine's own: a mount namespace with a <c>/run</c> to itself, so that its agents find the journals of their own predecessors and of nobody
/// else. It outlives them as a node does. Filesystems are to be mounted before it is made.
/// </summary>
internal sealed class NodeNamespace : IAsyncDisposable
{
    private readonly ProgramRun keeper;

    private NodeNamespace(ProgramRun keeper)
    {
        this.keeper = keeper;
        Mounts = ProcessTable.LinkOf(keeper.Id, "ns/mnt")!;
    }

    /// <summary>The kernel's name of it, such as <c>mnt:[4026532000]</c>.</summary>
    internal string Mounts { get; }

    /// <summary>A command that executes another one in it.</summary>
    internal IReadOnlyList<string> Enter => ["nsenter", $"--mount=/proc/{keeper.Id}/ns/mnt", "--"];

    /// <summary>The files that lie where Quiesce keeps its journals.</summary>
    internal IReadOnlyList<string> JournalFiles =>
        [.. ((string[])["/run/quiesce", "/dev/shm/quiesce"]).Select(f => $"/proc/{keeper.Id}/root{f}").Where(Directory.Exists).SelectMany(Directory.EnumerateFileSystemEntries)];

    /// <summary>Its mount table, one mount point a line.</summary>
    internal IReadOnlyList<string> MountPoints => [.. File.ReadLines($"/proc/{keeper.Id}/mountinfo").Select(l => l.Split(' ')[4])];

    internal static async Task<NodeNamespace> CreateAsync()
    {
        var keeper = new ProgramRun(Starter.DieWith, "unshare", "--mount", "--propagation", "private",
            "sh", "-c", "mount -t tmpfs -o mode=755 tmpfs /run && mount -t tmpfs tmpfs /dev/shm && echo ready && exec sleep infinity");
        await keeper.SaysAsync("ready");
        if (keeper.HasExited) throw new InvalidOperationException($"no mount namespace could be made: {keeper.Said}");
        return new NodeNamespace(keeper);
    }

    public ValueTask DisposeAsync() => keeper.DisposeAsync();
}
