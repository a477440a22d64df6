using Quiesce.Freezing.Mounts;

namespace Quiesce.Freezing.Planning;

/// <summary>
/// A volume that is frozen by where it is mounted, and only if its filesystem is its alone: whoever may freeze the volume need not have any right to
/// what else lies on that filesystem.
/// </summary>
public sealed record VolumeTarget
{
    /// <summary>What messages call it, such as <c>claim shop/data</c>.</summary>
    public string Name { get; init; } = "";

    /// <summary>The folder of the host below which volumes are mounted; links in it are followed.</summary>
    public string Root { get; init; } = "";

    /// <summary>Where this one is mounted, relative to <see cref="Root"/>. It must be the mount's root itself; with nothing mounted there, the folder lies on another filesystem.</summary>
    public string Folder { get; init; } = "";

    /// <summary>
    /// Where else its filesystem may be mounted as a whole without being anyone else's, relative to <see cref="Root"/>: <c>*</c> stands for one name, a last
    /// <c>**</c> for any number of them.
    /// </summary>
    public IReadOnlyList<string> Mounts { get; init; } = [];

    /// <summary>Where folders of it may be mounted, in the same form.</summary>
    public IReadOnlyList<string> FolderMounts { get; init; } = [];

    /// <summary>A folder of the host that the volume is made of, and where its filesystem may be mounted as a whole too; empty where there is none.</summary>
    public string Source { get; init; } = "";

    /// <summary>Whether it is frozen although others share its filesystem.</summary>
    public bool MayBeShared { get; init; }

    /// <summary>The first mount of its filesystem that is not its own; null when there is none.</summary>
    /// <param name="mounts">Every mount of the superblock.</param>
    /// <param name="root"><see cref="Root"/> as the mount table has it.</param>
    /// <param name="toHost">Translates a mount point to the host's path, or to null.</param>
    internal Mount? Foreign(IEnumerable<Mount> mounts, string root, Func<string, string?> toHost) => mounts.FirstOrDefault(mount =>
    {
        if (toHost(mount.MountPoint) is not { } path) return true;
        var whole = mount.Root == "/";
        if (Source.Length > 0 && path == Source) return !whole;
        if (!path.StartsWith(root + "/", StringComparison.Ordinal)) return true;
        var parts = path[(root.Length + 1)..].Split('/');
        return !(whole && Mounts.Any(pattern => Matches(pattern.Split('/'), parts))) && !FolderMounts.Any(pattern => Matches(pattern.Split('/'), parts));
    });

    private static bool Matches(ReadOnlySpan<string> pattern, ReadOnlySpan<string> parts)
    {
        for (var i = 0; i < pattern.Length; i++)
        {
            if (pattern[i] == "**") return parts.Length > i;
            if (i >= parts.Length || (pattern[i] != "*" && pattern[i] != parts[i])) return false;
        }

        return parts.Length == pattern.Length;
    }
}
