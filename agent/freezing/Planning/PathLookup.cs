using Quiesce.Freezing.Kernel;
using Quiesce.Freezing.Mounts;

namespace Quiesce.Freezing.Planning;

/// <summary>
/// Looks up a path that somebody asked for, so that whoever controls the contents of a filesystem cannot steer it to another one: a link is followed
/// anywhere only where it is the host's own, on the filesystem of the host's root and not among what containers contain. Any other link is
/// followed as long as the path ends on the filesystem the link lies on.
/// </summary>
/// <remarks>
/// Links are followed one at a time and by their text. What is opened at last is opened in one look-up that follows none, so a link that is swapped in
/// meanwhile is seen there and never followed unseen.
/// </remarks>
public static class PathLookup
{
    // As the kernel (MAXSYMLINKS, include/linux/namei.h), and PATH_MAX.
    private const int MaximumLinks = 40;
    private const int MaximumLength = 4096;

    /// <summary>Opens a path.</summary>
    /// <param name="kernel">Where the calls go.</param>
    /// <param name="table">Read just now.</param>
    /// <param name="path">A path that has no <see cref="HostPaths.Fault"/>.</param>
    /// <param name="descriptor">What it leads to; none where there is an error.</param>
    /// <param name="strayed">The link that leads off its filesystem, and the mount it lies on; then the error is <see cref="Errno.CrossDevice"/>.</param>
    /// <returns>The error; <see cref="Errno.TooManyLinks"/> also for a link of <c>/proc</c>, and for one that is swapped for a folder and back all the time.</returns>
    public static Errno Open(IKernel kernel, MountTable table, string path, out Descriptor descriptor, out (string Link, Mount Mount)? strayed)
    {
        strayed = null;
        (string Link, Mount Mount)? first = null;
        for (var links = 0; links <= MaximumLinks; links++)
        {
            var error = kernel.OpenNoFollow(path, out descriptor, out var target);
            if (error == Errno.None && target is null)
            {
                if (first is not { } one || MountOf(kernel, table, descriptor)?.Superblock == one.Mount.Superblock) return Errno.None;
                kernel.Close(descriptor);
                descriptor = Descriptor.None;
                strayed = one;
                return Errno.CrossDevice;
            }
            kernel.Close(descriptor);
            descriptor = Descriptor.None;
            if (error is not (Errno.None or Errno.TooManyLinks)) return error;
            error = Follow(kernel, table, ref path, ref first);
            if (error != Errno.None) return error;
        }
        descriptor = Descriptor.None;
        return Errno.TooManyLinks;
    }

    // Puts what the first link of a path says in its place; changes nothing where there is none any more.
    private static Errno Follow(IKernel kernel, MountTable table, ref string path, ref (string Link, Mount Mount)? first)
    {
        for (var end = 0; end < path.Length;)
        {
            var start = end;
            while (start < path.Length && path[start] == '/') start++;
            end = path.IndexOf('/', start) is >= 0 and var slash ? slash : path.Length;
            if (start == end) break;
            var error = kernel.OpenNoFollow(path[..end], out var descriptor, out var target);
            if (error != Errno.None) return error == Errno.TooManyLinks ? Errno.None : error; // a part before became a link just now: it is found next time
            if (target is null)
            {
                kernel.Close(descriptor);
                continue;
            }
            var mount = MountOf(kernel, table, descriptor);
            kernel.Close(descriptor);
            if (mount is null) return Errno.Stale;
            if (mount.Type == "proc") return Errno.TooManyLinks; // some of its links are not what their text says
            var link = path[..end];
            if (first is null && !IsHosts(kernel, table, link, mount)) first = (link, mount);
            path = $"{(target.StartsWith('/') ? "" : path[..start])}{target}{path[end..]}";
            return target.Length == 0 ? Errno.NoEntry : path.Length > MaximumLength ? Errno.NameTooLong : Errno.None;
        }
        return Errno.None;
    }

    private static bool IsHosts(IKernel kernel, MountTable table, string link, Mount mount)
    {
        // No part before the link is one itself, so that what two slashes, a dot and two dots mean is in the text alone.
        var named = Path.GetFullPath(link);
        if (ProtectedFilesystems.ContainerFolders.Any(folder => named.StartsWith($"{folder}/", StringComparison.Ordinal))) return false;
        var root = kernel.OpenPath("/", out var descriptor) == Errno.None ? MountOf(kernel, table, descriptor) : null;
        kernel.Close(descriptor);
        return mount.Superblock == root?.Superblock;
    }

    private static Mount? MountOf(IKernel kernel, MountTable table, Descriptor descriptor) =>
        kernel.Identify(descriptor, out var identity) == Errno.None ? table.Find(identity.MountId) : null;
}
