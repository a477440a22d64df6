using System.Globalization;
using System.Text;
using Quiesce.Freezing.Kernel;

namespace Quiesce.Freezing.Tests.Simulation;

/// <summary>The mounts of a simulated process, the look-up of paths through them, and their table.</summary>
internal sealed class MountTree
{
    private const int MaximumLinks = 40;
    private readonly List<SimulatedMount> mounts = [];

    /// <summary>Ids that an open descriptor keeps from being used again.</summary>
    internal Func<ulong, bool> IsPinned { get; set; } = _ => false;

    internal IEnumerable<SimulatedMount> Attached => mounts.Where(m => m.Attached);

    internal SimulatedPlace ProcessRoot => new(mounts[0], mounts[0].Root);

    /// <summary>Mounts a folder of a filesystem; the folders that lead to the mount point are made.</summary>
    internal SimulatedMount Mount(SimulatedFilesystem filesystem, string mountPoint, string root = "/")
    {
        var node = filesystem.Root;
        foreach (var part in root.Split('/', StringSplitOptions.RemoveEmptyEntries)) node = node.Children[part];
        SimulatedPlace? on = mounts.Count == 0 ? null : MakeFolder(mountPoint, node.Kind);
        var mount = new SimulatedMount(FreeId(), filesystem, node, root, mountPoint, on);
        mounts.Add(mount);
        return mount;
    }

    /// <summary>The root of a filesystem on a mount that is in no tree, as fsmount(2) makes it.</summary>
    internal SimulatedPlace Unattached(SimulatedFilesystem filesystem) =>
        new(new SimulatedMount(FreeId(), filesystem, filesystem.Root, "/", "", null) { Attached = false }, filesystem.Root);

    /// <summary>Takes a mount away from the tree; what stands on it stays.</summary>
    internal void Detach(SimulatedMount mount)
    {
        foreach (var child in Attached.Where(m => m.On?.Mount == mount).ToList()) Detach(child);
        mount.Attached = false;
        mounts.Remove(mount);
    }

    /// <summary>Looks a path up below a root, as openat2(2) does with RESOLVE_IN_ROOT and RESOLVE_NO_MAGICLINKS; or, not to follow, with RESOLVE_NO_SYMLINKS and O_NOFOLLOW.</summary>
    internal Errno Walk(SimulatedPlace root, string path, out SimulatedPlace place, bool follow = true)
    {
        place = root;
        if (path.Length == 0) return Errno.NoEntry;
        var links = 0;
        var todo = new LinkedList<string>(Parts(path));
        while (todo.First is { } first)
        {
            todo.RemoveFirst();
            if (place.Node.Kind != NodeKind.Folder) return Errno.NotDirectory;
            if (first.Value == ".") continue;
            if (first.Value == "..")
            {
                place = Up(root, place);
                continue;
            }
            if (Encoding.UTF8.GetByteCount(first.Value) > 255) return Errno.NameTooLong;
            if (!place.Node.Children.TryGetValue(first.Value, out var child)) return Errno.NoEntry;
            if (!follow && child.Kind is NodeKind.Link or NodeKind.MagicLink)
            {
                if (todo.Count > 0) return Errno.TooManyLinks;
                place = place with { Node = child };
                return Errno.None;
            }
            if (child.Kind == NodeKind.MagicLink) return Errno.TooManyLinks;
            if (child.Kind == NodeKind.Link)
            {
                if (++links > MaximumLinks) return Errno.TooManyLinks;
                if (child.Target.StartsWith('/')) place = root;
                foreach (var part in Parts(child.Target).Reverse()) todo.AddFirst(part);
                continue;
            }
            place = Cross(place with { Node = child });
        }
        return Errno.None;
    }

    /// <summary>The text of mountinfo.</summary>
    internal string Table()
    {
        var text = new StringBuilder();
        foreach (var m in Attached)
        {
            _ = text.Append(CultureInfo.InvariantCulture, $"{m.Id} {m.On?.Mount.Id ?? 1} {m.Filesystem.Superblock} {Escape(m.RootPath)} {Escape(m.MountPoint)} rw,relatime shared:{m.Id} - ")
                .Append(CultureInfo.InvariantCulture, $"{m.Filesystem.Type} {Escape(m.Filesystem.Source)} {m.Filesystem.SuperOptions}\n");
        }
        return text.ToString();
    }

    // fs/proc_namespace.c: " \t\n\\#" in octal.
    internal static string Escape(string field) => field
        .Replace("\\", "\\134", StringComparison.Ordinal).Replace(" ", "\\040", StringComparison.Ordinal).Replace("\t", "\\011", StringComparison.Ordinal)
        .Replace("\n", "\\012", StringComparison.Ordinal).Replace("#", "\\043", StringComparison.Ordinal);

    private static IEnumerable<string> Parts(string path)
    {
        var parts = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        return path.EndsWith('/') && parts.Length > 0 ? parts.Append(".") : parts;
    }

    private SimulatedPlace MakeFolder(string path, NodeKind kind)
    {
        var place = Cross(ProcessRoot);
        var parts = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        for (var i = 0; i < parts.Length; i++)
        {
            // A file is mounted over a file.
            var made = i == parts.Length - 1 && kind != NodeKind.Folder ? NodeKind.File : NodeKind.Folder;
            if (!place.Node.Children.TryGetValue(parts[i], out var child))
                place.Node.Children[parts[i]] = child = new SimulatedNode(made, 900_000 + (ulong)place.Node.Children.Count, place.Node);
            place = Cross(place with { Node = child });
        }
        return place;
    }

    private SimulatedPlace Cross(SimulatedPlace place)
    {
        while (mounts.LastOrDefault(m => m.Attached && m.On == place) is { } over) place = new SimulatedPlace(over, over.Root);
        return place;
    }

    private SimulatedPlace Up(SimulatedPlace root, SimulatedPlace place)
    {
        while (place != root && place.Node == place.Mount.Root && place.Mount.On is { } below) place = below;
        return place == root || place.Node.Parent is not { } parent ? place : Cross(place with { Node = parent });
    }

    // fs/namespace.c, mnt_alloc_id: the lowest number that is free, so an id comes back at once.
    private ulong FreeId()
    {
        var id = 20UL;
        while (mounts.Any(m => m.Id == id) || IsPinned(id)) id++;
        return id;
    }
}
