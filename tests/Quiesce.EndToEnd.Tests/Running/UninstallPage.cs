namespace Quiesce.EndToEnd.Tests.Running;

/// <summary>docs/uninstall.md, whose command is tested as it stands there.</summary>
internal static class UninstallPage
{
    /// <summary>The page's script: what helps when the operator was removed first.</summary>
    internal static string CommandThatReleasesRequests()
    {
        const string Begin = "```sh\n", End = "```\n";
        var page = File.ReadAllText(Path.Combine(Sources(), "docs", "uninstall.md"));
        var from = page.IndexOf(Begin, StringComparison.Ordinal) + Begin.Length;
        return page[from..page.IndexOf(End, from, StringComparison.Ordinal)];
    }

    private static string Sources()
    {
        for (var place = new DirectoryInfo(AppContext.BaseDirectory); place is not null; place = place.Parent)
            if (File.Exists(Path.Combine(place.FullName, "Quiesce.sln"))) return place.FullName;
        throw new DirectoryNotFoundException($"{AppContext.BaseDirectory} is not below the sources");
    }
}
