using System.Globalization;
using Quiesce.Crds;

namespace Quiesce.Cli.Output;

/// <summary>What a status says, in lines for a person.</summary>
internal static class StatusText
{
    /// <summary>Nodes and hooks in full, failed and slowest first as the status has them.</summary>
    /// <param name="status">The status.</param>
    /// <param name="isDryRun">It is about what would be: a node that has ended its part has thawed nothing.</param>
    internal static IEnumerable<string> Details(FreezeRequestStatus status, bool isDryRun = false)
    {
        foreach (var node in status.Nodes)
        {
            yield return $"  {node.Name}  {(isDryRun && node.Phase == NodeFreezePhase.Thawed ? "Inspected" : node.Phase)}{(node.Reason is { } reason && reason != nameof(Reasons.InProgress) ? $"  {reason}" : "")}";
            foreach (var f in node.Filesystems)
            {
                var times = string.Join("  ", new[] { Time("flush", f.FlushMilliseconds), Time("freeze", f.FreezeMilliseconds), Time("held", f.HeldMilliseconds), Time("thaw", f.ThawMilliseconds) }.OfType<string>());
                yield return $"    {(f.Claim is { } claim ? $"{claim} at " : "")}{f.Path}  {f.Type}  {(isDryRun && f.State == FilesystemState.Resolved ? "would be frozen" : f.State)}{(f.Reason is { } why ? $" ({why}: {f.Message})" : "")}  {times}".TrimEnd();
            }

            if (node.FilesystemsOmitted > 0) yield return $"    and {node.FilesystemsOmitted} more";
        }

        if (status.NodesOmitted > 0) yield return $"  and {status.NodesOmitted} more nodes";
        foreach (var hook in status.Hooks)
        {
            var end = hook.DurationMilliseconds is { } took ? $" after {took} ms" : "";
            yield return $"  {hook.Hook} in {hook.Pod}  {hook.State}{(hook.ExitCode is { } code ? $"  exit code {code}" : "")}{end}{(hook.Message is { } message ? $": {message}" : "")}";
        }
    }

    /// <summary>The longest time that writers of one filesystem stood still, from the freeze call to the end of the thaw; null while some may stand still, or where nobody knows how long one did.</summary>
    internal static string? StoodStill(FreezeRequestStatus status)
    {
        var frozen = status.Nodes.SelectMany(n => n.Filesystems.Select(f => (Node: n.Name, Filesystem: f))).Where(f => f.Filesystem.FrozenAt is not null).ToList();
        if (!Holds(status, ConditionTypes.Finished) || frozen.Count == 0 || status.Nodes.Any(n => n.Phase < NodeFreezePhase.Thawed)) return null;
        if (frozen.Any(f => f.Filesystem is { HeldMilliseconds: null } or { FreezeMilliseconds: null } or { Reason: Reasons.ThawFailed })) return null;
        var (node, longest) = frozen.MaxBy(f => f.Filesystem.FreezeMilliseconds + f.Filesystem.HeldMilliseconds);
        var omitted = status.NodesOmitted > 0 || status.Nodes.Any(n => n.FilesystemsOmitted > 0) ? ", of those shown" : "";
        return string.Create(CultureInfo.InvariantCulture, $"writers stood still for {(longest.FreezeMilliseconds + longest.HeldMilliseconds) / 1000:0.000} s at most, on {longest.Path} of {node}{omitted}");
    }

    /// <summary>Where a request is, in one line.</summary>
    internal static string Line(FreezeRequest request)
    {
        if (request.Status is not { } status) return $"{request.Metadata.Name}: waiting for the operator";
        var counts = status.Phase switch
        {
            FreezePhase.Preparing => $" {status.NodesPrepared}/{status.NodeCount} nodes prepared",
            FreezePhase.Freezing => $" {status.NodesFrozen}/{status.NodeCount} nodes frozen",
            _ => "",
        };
        var phase = request.Spec.DryRun && status.Phase == FreezePhase.Thawed ? "Inspected" : $"{status.Phase}";
        return $"{request.Metadata.Name}: {phase}{counts}{(counts.Length == 0 && status.Message is { Length: > 0 } message ? $": {message}" : "")}";
    }

    /// <summary>How long ago, or until when, in one unit.</summary>
    internal static string Span(DateTimeOffset? time, DateTimeOffset now)
    {
        if (time is not { } at) return "";
        var span = at > now ? at - now : now - at;
        var text = span switch
        {
            { TotalDays: >= 2 } => $"{(int)span.TotalDays}d",
            { TotalHours: >= 2 } => $"{(int)span.TotalHours}h",
            { TotalMinutes: >= 2 } => $"{(int)span.TotalMinutes}m",
            _ => $"{(int)span.TotalSeconds}s",
        };
        return at > now ? $"in {text}" : $"{text} ago";
    }

    /// <summary>Whether a condition is True.</summary>
    internal static bool Holds(FreezeRequestStatus? status, string type) => status?.Conditions.Any(c => c.Type == type && c.Status == ConditionStatus.True) is true;

    /// <summary>The status of a condition; empty when there is none.</summary>
    internal static string Condition(FreezeRequestStatus? status, string type) => status?.Conditions.FirstOrDefault(c => c.Type == type)?.Status ?? "";

    private static string? Time(string what, double? milliseconds) => milliseconds is { } ms ? string.Create(CultureInfo.InvariantCulture, $"{what} {ms:0.#} ms") : null;
}
