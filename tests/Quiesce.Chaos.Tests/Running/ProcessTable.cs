using System.Globalization;

namespace Quiesce.Chaos.Tests.Running;

/// <summary>What <c>/proc</c> says of processes that are not ours to wait for.</summary>
internal static class ProcessTable
{
    /// <summary>The holders that live in a mount namespace: those of one node, orphans among them.</summary>
    /// <param name="mounts">As <see cref="NodeNamespace.Mounts"/>.</param>
    internal static IReadOnlyList<int> HoldersIn(string mounts) =>
        [.. Directory.EnumerateDirectories("/proc")
            .Select(d => int.TryParse(Path.GetFileName(d), NumberStyles.None, CultureInfo.InvariantCulture, out var id) ? id : 0)
            .Where(id => id > 0 && LinkOf(id, "exe") is { } exe && exe.Split(' ')[0].EndsWith("/quiesce-holder", StringComparison.Ordinal) && LinkOf(id, "ns/mnt") == mounts && State(id) is not (null or 'Z' or 'X'))];

    /// <summary>Its state letter, such as <c>T</c> for a stopped one; null when it is gone.</summary>
    internal static char? State(int id)
    {
        try
        {
            // The name in parentheses may hold anything; what follows the last one is plain.
            var text = File.ReadAllText(Of(id, "stat"));
            return text[text.LastIndexOf(')') + 2];
        }
        catch (IOException)
        {
            return null;
        }
    }

    /// <summary>Where its open descriptors lead.</summary>
    internal static IReadOnlyList<string> Descriptors(int id) =>
        [.. Entries(id, "fd").Select(fd => LinkOf(id, $"fd/{fd}") ?? "").Where(l => l.Length > 0)];

    /// <summary>The names of its threads.</summary>
    internal static IReadOnlyList<string> Threads(int id) => [.. Entries(id, "task").Select(t => TextOf(id, $"task/{t}/comm"))];

    /// <summary>Its resident memory in bytes, without the pages of files.</summary>
    internal static long AnonymousBytes(int id) =>
        long.Parse(TextOf(id, "status").Split('\n').First(l => l.StartsWith("RssAnon:", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) * 1024;

    /// <summary>Its resident memory in bytes.</summary>
    internal static long ResidentBytes(int id) =>
        long.Parse(TextOf(id, "status").Split('\n').First(l => l.StartsWith("VmRSS:", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) * 1024;

    internal static string? LinkOf(int id, string name)
    {
        try
        {
            return new FileInfo(Of(id, name)).LinkTarget;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static string TextOf(int id, string name)
    {
        try
        {
            return File.ReadAllText(Of(id, name)).TrimEnd();
        }
        catch (IOException)
        {
            return ""; // gone meanwhile
        }
    }

    private static IReadOnlyList<string> Entries(int id, string folder)
    {
        try
        {
            return [.. Directory.EnumerateFileSystemEntries(Of(id, folder)).Select(e => Path.GetFileName(e))];
        }
        catch (IOException)
        {
            return [];
        }
    }

    private static string Of(int id, string name) => string.Create(CultureInfo.InvariantCulture, $"/proc/{id}/{name}");
}
