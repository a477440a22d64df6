using System.Text.Json.Nodes;

namespace Quiesce.EndToEnd.Tests.Running;

/// <summary>Runs the hooks of pods around what is backed up of them, by the rules that Velero documents; docs/velero.md has them.</summary>
/// <param name="installation">Where the pods are.</param>
/// <param name="ns">Their namespace.</param>
/// <param name="exec">Executes a command in a container of a pod, without a shell, and gives its exit code and output.</param>
internal sealed class VeleroHookRunner(Installation installation, string ns, Func<string, string, IReadOnlyList<string>, Task<(int Code, string Said)>> exec)
{
    /// <summary>What the hooks have said, for a failure's message.</summary>
    internal List<string> Said { get; } = [];

    /// <summary>Backs up pods that belong together, as those that share a volume do.</summary>
    /// <param name="pods">Their names, in the order they come.</param>
    /// <param name="items">Backs up the pods and their claims.</param>
    /// <returns>The Backup's phase, and what was logged as errors.</returns>
    internal async Task<(string Phase, IReadOnlyList<string> Errors)> BackupAsync(IReadOnlyList<string> pods, Func<Task> items)
    {
        List<string> errors = [];
        List<JsonNode> included = [];
        foreach (var name in pods)
        {
            var pod = JsonNode.Parse(await installation.Server.Http.GetStringAsync(new Uri($"/api/v1/namespaces/{ns}/pods/{name}", UriKind.Relative)))!;
            if (await RunAsync(pod, "pre", errors)) included.Add(pod);
        }

        // Also when every pod was left out: claims are items like any other.
        await items();
        foreach (var pod in included) await RunAsync(pod, "post", errors);
        return (errors.Count == 0 ? "Completed" : "PartiallyFailed", errors);
    }

    /// <returns>Whether the backup goes on with the pod.</returns>
    private async Task<bool> RunAsync(JsonNode pod, string phase, List<string> errors)
    {
        if (VeleroHook.Of(pod, phase) is not { } hook) return true;
        var name = (string)pod["metadata"]!["name"]!;
        var running = exec(name, hook.Container, hook.Command);
        // One that takes too long has failed, and is not ended by that.
        if (await Task.WhenAny(running, Task.Delay(hook.Timeout)) != running) errors.Add($"{phase} {name}: timed out after {hook.Timeout}");
        else if (await running is var (code, said) && code != 0) errors.Add($"{phase} {name}: exit code {code}: {said}");
        else Said.Add($"{phase} {name}: {said}");
        return errors.Count == 0 || !errors[^1].StartsWith($"{phase} {name}:", StringComparison.Ordinal) || !hook.FailsTheBackup;
    }
}
