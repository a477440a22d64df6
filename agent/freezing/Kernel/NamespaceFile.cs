using System.Globalization;

namespace Quiesce.Freezing.Kernel;

/// <summary>Namespaces by the inode numbers of their files, see namespaces(7).</summary>
public static class NamespaceFile
{
    /// <summary>The PID namespace the machine booted with (<c>PROC_PID_INIT_INO</c>, include/linux/proc_ns.h); its number is the same on every kernel.</summary>
    public const long InitialPid = 0xEFFFFFFC;

    /// <summary>The cgroup namespace the machine booted with (<c>PROC_CGROUP_INIT_INO</c>).</summary>
    public const long InitialCgroup = 0xEFFFFFFB;

    /// <summary>The calling thread's namespace of a kind such as <c>pid</c>; zero where it cannot be told.</summary>
    public static long Self(string kind)
    {
        try
        {
            // The link's text is "kind:[number]".
            var text = new FileInfo($"/proc/thread-self/ns/{kind}").LinkTarget ?? "";
            var start = text.IndexOf('[', StringComparison.Ordinal) + 1;
            return start > 0 && long.TryParse(text.AsSpan(start).TrimEnd(']'), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0;
        }
        catch (IOException)
        {
            return 0;
        }
        catch (UnauthorizedAccessException)
        {
            return 0;
        }
    }
}
