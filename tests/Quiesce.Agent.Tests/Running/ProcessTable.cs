using System.Globalization;

namespace Quiesce.Agent.Tests.Running;

/// <summary>What <c>/proc</c> says of processes that are not ours to wait for.</summary>
internal static class ProcessTable
{
    /// <summary>The children of a process, zombies left out.</summary>
    internal static IReadOnlyList<int> ChildrenOf(int parent) =>
        [.. All().Where(id => Stat(id) is { } stat && stat.Parent == parent && stat.State != 'Z')];

    /// <summary>Whether it is there and not a zombie.</summary>
    internal static bool Lives(int id) => Stat(id) is { State: not 'Z' };

    /// <summary>Its state letter, such as <c>D</c> for a sleep that no signal ends; null when it is gone.</summary>
    internal static char? State(int id) => Stat(id)?.State;

    /// <summary>The processes whose program lies in a folder.</summary>
    internal static IReadOnlyList<(int Id, string Program)> RunningFrom(string folder) =>
        [.. All().Select(id => (id, Program: Program(id))).Where(p => p.Program.StartsWith(folder + "/", StringComparison.Ordinal))];

    private static IEnumerable<int> All() =>
        Directory.EnumerateDirectories("/proc")
            .Select(d => int.TryParse(Path.GetFileName(d), NumberStyles.None, CultureInfo.InvariantCulture, out var id) ? id : 0)
            .Where(id => id > 0);

    /// <summary>The program it runs; empty when it is gone.</summary>
    internal static string Program(int id)
    {
        try
        {
            return new FileInfo($"/proc/{id.ToString(CultureInfo.InvariantCulture)}/exe").LinkTarget ?? "";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }

    private static (char State, int Parent)? Stat(int id)
    {
        try
        {
            // The name in parentheses may hold anything; what follows the last one is plain.
            var text = File.ReadAllText($"/proc/{id.ToString(CultureInfo.InvariantCulture)}/stat");
            var fields = text[(text.LastIndexOf(')') + 2)..].Split(' ');
            return (fields[0][0], int.Parse(fields[1], CultureInfo.InvariantCulture));
        }
        catch (IOException)
        {
            return null;
        }
    }
}
