using System.Text.Json;
using Quiesce.Crds;
using Quiesce.Crds.Client;

namespace Quiesce.Operator.Hooks;

/// <summary>What one hook runs in one pod.</summary>
/// <param name="Container">The container.</param>
/// <param name="Command">Program and arguments.</param>
/// <param name="Timeout">The longest run.</param>
/// <param name="OnError">What a failure means.</param>
internal sealed record HookCommand(string Container, IReadOnlyList<string> Command, TimeSpan Timeout, HookErrorMode OnError)
{
    /// <summary>The name of a hook that a pod's own annotations describe.</summary>
    public const string OfVelero = "velero";

    private const string Keys = "hook.backup.velero.io/";

    private static readonly TimeSpan DefaultTimeout = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan LongestTimeout = TimeSpan.FromSeconds(Bounds.TimeoutCeilingSeconds);

    /// <summary>The name of a hook of a spec, as in <c>preFreeze[0]</c>.</summary>
    public static string NameOf(HookStage stage, int index) => $"{(stage == HookStage.PreFreeze ? "preFreeze" : "postThaw")}[{index}]";

    /// <summary>The hook of a spec that a status speaks of; null for one of annotations, and for what no spec has.</summary>
    public static FreezeHook? InSpec(FreezeHooks? hooks, HookStatus status)
    {
        var all = (status.Stage == HookStage.PreFreeze ? hooks?.PreFreeze : hooks?.PostThaw) ?? [];
        for (var i = 0; i < all.Count; i++)
        {
            if (status.Hook == NameOf(status.Stage, i)) return all[i];
        }

        return null;
    }

    /// <summary>A hook of a spec, in a pod.</summary>
    public static HookCommand Of(FreezeHook hook, Pod pod) =>
        new(hook.Container ?? FirstContainer(pod), hook.Command, GoDuration.Parse(hook.Timeout) ?? DefaultTimeout, hook.OnError);

    /// <summary>The hook that a pod's annotations describe, read as Velero does: what cannot be read is taken for not set.</summary>
    /// <returns>Null when they describe none.</returns>
    public static HookCommand? OfAnnotations(HookStage stage, Pod pod)
    {
        var prefix = stage == HookStage.PreFreeze ? $"pre.{Keys}" : $"post.{Keys}";
        // The names from before there was a phase in them, which Velero still takes for the first.
        if (stage == HookStage.PreFreeze && Annotation("command") is null) prefix = Keys;
        if (Annotation("command") is not { } command) return null;
        var timeout = GoDuration.Parse(Annotation("timeout")) ?? DefaultTimeout;
        return new(
            Annotation("container") ?? FirstContainer(pod),
            Arguments(command),
            timeout < LongestTimeout ? timeout : LongestTimeout,
            Annotation("on-error") == nameof(HookErrorMode.Continue) ? HookErrorMode.Continue : HookErrorMode.Fail);

        string? Annotation(string name) => pod.Metadata.Annotations?.TryGetValue(prefix + name, out var value) is true && value.Length > 0 ? value : null;
    }

    /// <summary>Whether a pod has a container of a name; init containers may run for as long as the pod does.</summary>
    public static bool HasContainer(Pod pod, string name) =>
        (pod.Spec?.Containers ?? []).Concat(pod.Spec?.InitContainers ?? []).Any(c => c.Name == name);

    /// <summary>A JSON array of strings, or else the name of a program without arguments.</summary>
    private static string[] Arguments(string command)
    {
        if (command[0] != '[') return [command];
        try
        {
            return JsonSerializer.Deserialize(command, OperatorJson.Default.StringArray) is { Length: > 0 } arguments && !arguments.Contains(null) ? arguments : [command];
        }
        catch (JsonException)
        {
            return [command];
        }
    }

    private static string FirstContainer(Pod pod) => pod.Spec?.Containers is [{ } first, ..] ? first.Name : "";
}
