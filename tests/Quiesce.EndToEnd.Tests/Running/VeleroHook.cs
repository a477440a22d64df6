using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Quiesce.EndToEnd.Tests.Running;

/// <summary>One hook as a pod's annotations describe it, read by the rules that Velero documents.</summary>
/// <param name="Container">Where it runs; the pod's first one where not set.</param>
/// <param name="Command">Program and arguments.</param>
/// <param name="Timeout">How long Velero waits for it.</param>
/// <param name="FailsTheBackup">Its failure leaves the pod out.</param>
internal sealed partial record VeleroHook(string Container, IReadOnlyList<string> Command, TimeSpan Timeout, bool FailsTheBackup)
{
    /// <summary>Reads it; null where the pod has none.</summary>
    /// <param name="pod">The pod.</param>
    /// <param name="phase"><c>pre</c> or <c>post</c>.</param>
    internal static VeleroHook? Of(JsonNode pod, string phase)
    {
        string? Annotation(string name) => (string?)pod["metadata"]!["annotations"]?[$"{phase}.hook.backup.velero.io/{name}"];
        if (Annotation("command") is not { Length: > 0 } command) return null;
        return new(
            Annotation("container") ?? (string)pod["spec"]!["containers"]![0]!["name"]!,
            Arguments(command),
            Annotation("timeout") is { } timeout && Duration(timeout) is { } given ? given : TimeSpan.FromSeconds(30),
            Annotation("on-error") != "Continue");
    }

    /// <summary>A JSON array, or the name of a program, spaces and all.</summary>
    private static string[] Arguments(string command)
    {
        if (command[0] != '[') return [command];
        try
        {
            return JsonSerializer.Deserialize<string[]>(command)!;
        }
        catch (JsonException)
        {
            return [command];
        }
    }

    private static TimeSpan? Duration(string text) => Parts().Match(text) is { Success: true } match
        ? TimeSpan.FromSeconds(match.Groups["part"].Captures.Sum(part => Units().Match(part.Value) is var unit
            ? double.Parse(unit.Groups[1].Value, CultureInfo.InvariantCulture) * (unit.Groups[2].Value switch { "ms" => 0.001, "s" => 1, "m" => 60, _ => 3600 })
            : 0))
        : null;

    [GeneratedRegex(@"^(?<part>[0-9.]+(?:ms|s|m|h))+$")]
    private static partial Regex Parts();

    [GeneratedRegex(@"^([0-9.]+)(.*)$")]
    private static partial Regex Units();
}
