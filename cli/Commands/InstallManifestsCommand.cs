using System.CommandLine;
using System.Text.RegularExpressions;

namespace Quiesce.Cli.Commands;

/// <summary><c>kubectl quiesce install-manifests</c>: prints what this version is installed with, for <c>kubectl apply</c>.</summary>
internal static partial class InstallManifestsCommand
{
    internal static Command Create()
    {
        var registry = new Option<string?>("--registry") { Description = "Where the images are, such as registry.example.com/quiesce. Default: as they were loaded onto the nodes, without a registry.", HelpName = "PREFIX" };
        var tag = new Option<string?>("--tag") { Description = "The images' tag. Default: this version.", HelpName = "TAG" };
        var command = new Command("install-manifests", "Print the manifests of this version: kubectl quiesce install-manifests | kubectl apply --server-side -f -") { registry, tag };
        command.Validators.Add(result =>
        {
            if (!Names.AreComplete(result)) return;
            if (result.GetValue(registry) is { } r && !Registry().IsMatch(r)) result.AddError($"--registry: '{r}' is not the beginning of an image's name, such as registry.example.com/quiesce");
            if (result.GetValue(tag) is { } t && !Tag().IsMatch(t)) result.AddError($"--tag: '{t}' is not an image's tag");
        });
        command.SetAction(parsed =>
        {
            using var manifests = new StreamReader(typeof(InstallManifestsCommand).Assembly.GetManifestResourceStream("quiesce.yaml")!);
            var (prefix, version) = (parsed.GetValue(registry)?.TrimEnd('/'), parsed.GetValue(tag));
            Console.Out.Write(Image().Replace(manifests.ReadToEnd(), m => $"image: \"{(prefix is null ? "" : $"{prefix}/")}{m.Groups["name"].Value}:{version ?? m.Groups["tag"].Value}\""));
            return ExitCode.Success;
        });
        return command;
    }

    [GeneratedRegex("image: \"(?<name>quiesce-[a-z]+):(?<tag>[^\"]+)\"")]
    private static partial Regex Image();

    [GeneratedRegex(@"^[a-z0-9][a-z0-9._-]*(:[0-9]+)?(/[a-z0-9][a-z0-9._-]*)*/?$")]
    private static partial Regex Registry();

    [GeneratedRegex(@"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$")]
    private static partial Regex Tag();
}
