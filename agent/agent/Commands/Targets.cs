using System.CommandLine;
using Quiesce.Freezing.Planning;

namespace Quiesce.Agent.Commands;

/// <summary>The folders a command is about, and what people may type for them.</summary>
internal sealed class Targets
{
    private readonly Argument<string[]> paths = new("PATH")
    {
        Description = "Folders; each selects the filesystem it lies on.",
        Arity = ArgumentArity.ZeroOrMore,
    };

    private readonly Option<bool> all;

    /// <param name="allDescription">What <c>--all</c> means to the command.</param>
    internal Targets(string allDescription) => all = new("--all") { Description = allDescription };

    /// <summary>Gives a command its PATHs, <c>--all</c> and <c>--host-root</c>, and refuses what cannot be meant.</summary>
    internal void AddTo(Command command)
    {
        command.Add(paths);
        command.Add(all);
        command.Add(CommonOptions.HostRoot);
        command.Validators.Add(result =>
        {
            if (result.GetResult(CommonOptions.HostRoot) is { Implicit: false, Tokens.Count: 0 }) return; // without its value, which is an error already
            var given = result.GetValue(paths) ?? [];
            var hostRoot = result.GetValue(CommonOptions.HostRoot) ?? "/";
            if (given.Length == 0 && !result.GetValue(all)) result.AddError($"{command.Name}: name at least one folder, or --all");
            foreach (var path in given)
                if (TryResolve(path, hostRoot, out _) is { } fault) result.AddError($"{command.Name}: {fault}");
            foreach (var path in command.Options.Contains(CommonOptions.AllowProtected) ? result.GetValue(CommonOptions.AllowProtected) ?? [] : [])
                if (TryResolve(path, hostRoot, out _) is { } fault) result.AddError($"--allow-protected: {fault}");
            if (TryResolve(hostRoot, "/", out _) is { } wrong) result.AddError($"--host-root: {wrong}");
        });
    }

    /// <summary>What was asked for, as the planner wants it.</summary>
    internal PlanOrder Order(ParseResult parsed)
    {
        _ = TryResolve(parsed.GetValue(CommonOptions.HostRoot)!, "/", out var hostRoot);
        return new PlanOrder
        {
            HostRoot = hostRoot,
            Paths = [.. parsed.GetValue(paths)!.Select(p => TryResolve(p, hostRoot, out var path) is null ? path : p)],
            AllFilesystems = parsed.GetValue(all),
        };
    }

    /// <summary>The protected folders that may be frozen all the same.</summary>
    internal static IReadOnlyList<string> Allowed(ParseResult parsed)
    {
        _ = TryResolve(parsed.GetValue(CommonOptions.HostRoot)!, "/", out var hostRoot);
        return [.. (parsed.GetValue(CommonOptions.AllowProtected) ?? []).Select(p => TryResolve(p, hostRoot, out var path) is null ? path : p)];
    }

    /// <summary>Whether <c>--all</c> was given.</summary>
    internal bool All(ParseResult parsed) => parsed.GetValue(all);

    /// <summary>
    /// Makes a path absolute without looking at it. <c>..</c> is undone only where it begins a relative path: the current folder's name has no links
    /// in it, while behind any other name there may be one, and the kernel would go elsewhere than the text says.
    /// </summary>
    /// <returns>Why it cannot be meant, or null.</returns>
    internal static string? TryResolve(string text, string hostRoot, out string path)
    {
        path = text;
        if (text.Length == 0) return "an empty path; name a folder";
        if (text[0] == '-') return $"there is no option {text}; a folder of that name is ./{text}";
        if (text[0] != '/')
        {
            if (hostRoot != "/") return $"{text}: with --host-root paths are those of the host; give an absolute one";
            var parts = new Queue<string>(text.Split('/', StringSplitOptions.RemoveEmptyEntries));
            string folder;
            try
            {
                folder = Environment.CurrentDirectory;
            }
            catch (IOException)
            {
                return $"{text}: the current folder does not exist any more; give an absolute path";
            }
            while (parts.TryPeek(out var part) && part is "." or "..")
            {
                if (parts.Dequeue() == "..") folder = Path.GetDirectoryName(folder) ?? "/";
            }
            path = string.Join('/', [folder.TrimEnd('/'), .. parts]);
            if (path.Length == 0) path = "/";
        }
        return HostPaths.Fault(path) is { } fault ? $"{text}: {fault}; give the absolute path of a folder" : null;
    }
}
