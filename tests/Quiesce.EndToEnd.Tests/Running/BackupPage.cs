using System.Text.RegularExpressions;

namespace Quiesce.EndToEnd.Tests.Running;

/// <summary>docs/velero.md, whose manifests are tested as they stand there.</summary>
internal static partial class BackupPage
{
    /// <summary>The names of its manifests: the comment that each begins with.</summary>
    internal static IReadOnlyList<string> Names => [.. Blocks().Keys];

    /// <summary>One of them, in other namespaces.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="shop">In place of <c>shop</c>.</param>
    /// <param name="velero">In place of <c>velero</c>.</param>
    internal static string Manifest(string name, string shop, string velero = "velero") => Blocks()[name]
        .Replace("namespace: shop", $"namespace: {shop}", StringComparison.Ordinal)
        .Replace("includedNamespaces: [shop]", $"includedNamespaces: [{shop}]", StringComparison.Ordinal)
        .Replace("namespace: velero", $"namespace: {velero}", StringComparison.Ordinal);

    private static Dictionary<string, string> Blocks()
    {
        var page = File.ReadAllText(Path.Combine(Sources(), "docs", "velero.md"));
        return Block().Matches(page).ToDictionary(m => m.Groups["name"].Value, m => m.Groups["yaml"].Value);
    }

    [GeneratedRegex("^```yaml\n# (?<name>\\S+)\n(?<yaml>.*?)^```$", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Block();

    private static string Sources()
    {
        for (var place = new DirectoryInfo(AppContext.BaseDirectory); place is not null; place = place.Parent)
            if (File.Exists(Path.Combine(place.FullName, "Quiesce.sln"))) return place.FullName;
        throw new DirectoryNotFoundException($"{AppContext.BaseDirectory} is not below the sources");
    }
}
