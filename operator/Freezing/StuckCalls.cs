using Quiesce.Crds;

namespace Quiesce.Operator.Freezing;

/// <summary>Freeze and thaw calls that do not return, over all nodes of a request.</summary>
/// <remarks>
/// Nothing can be done about them from here: the call cannot be cancelled, the agent thaws as soon as it returns, and says so. Until then the
/// request's internal objects are kept, because that is where it says it.
/// </remarks>
internal static class StuckCalls
{
    /// <summary>Filesystems that a message names; the rest is counted.</summary>
    private const int MostNamed = 3;

    /// <summary>The stuck filesystems, in the order of the nodes.</summary>
    public static IReadOnlyList<(string Node, FilesystemStatus Filesystem)> Of(IEnumerable<NodeView> nodes) =>
        [.. nodes.SelectMany(n => n.Stuck.Select(f => (n.Name, f)))];

    /// <summary>The stuck filesystems that a status lists.</summary>
    public static IReadOnlyList<(string Node, FilesystemStatus Filesystem)> Of(FreezeRequestStatus status) =>
        [.. status.Nodes.SelectMany(n => n.Filesystems.Where(f => f.State == FilesystemState.Stuck).Select(f => (n.Name, f)))];

    /// <summary><c>FreezeStuck</c> or <c>ThawStuck</c>; of several the first.</summary>
    public static string Reason(IReadOnlyList<(string Node, FilesystemStatus Filesystem)> stuck) => stuck[0].Filesystem.Reason ?? Reasons.ThawStuck;

    /// <summary>Sentences that name node, path, and what will happen.</summary>
    public static string Describe(IReadOnlyList<(string Node, FilesystemStatus Filesystem)> stuck)
    {
        var named = string.Join("; ", stuck.Take(MostNamed).Select(s => $"node {s.Node}: {Describe(s.Filesystem)}"));
        return stuck.Count <= MostNamed ? $"{named}." : $"{named}; and {Verdict.Count(stuck.Count - MostNamed, "filesystem")} more.";
    }

    /// <summary>One of them, without its node.</summary>
    public static string Describe(FilesystemStatus filesystem)
    {
        // An agent's sentence names the path itself, and what will happen.
        if (filesystem.Message is { } message && message.Contains(filesystem.Path, StringComparison.Ordinal)) return message.TrimEnd('.');
        var call = filesystem.Reason == Reasons.FreezeStuck ? "freeze" : "thaw";
        return $"{filesystem.Path}: the {call} call does not return; it is thawed as soon as the call does, check the health of its device";
    }

    /// <summary>What has been released, as a sentence.</summary>
    public static string DescribeReleased(IReadOnlyList<(string Node, FilesystemStatus Filesystem)> released)
    {
        if (released.Count == 0) return "What was stuck has been released.";
        var named = string.Join(", ", released.Take(MostNamed).Select(s => $"{s.Filesystem.Path} on node {s.Node}"));
        var rest = released.Count <= MostNamed ? "" : $" and {Verdict.Count(released.Count - MostNamed, "filesystem")} more";
        return $"{named}{rest}: the call has returned, and nothing of it is frozen any more.";
    }

    /// <summary>The Event for a status that says of stuck calls what the one before did not.</summary>
    public static IReadOnlyList<Story> Stories(FreezeRequestStatus? before, FreezeRequestStatus after)
    {
        var (was, now) = (Condition(before), Condition(after));
        if (now is null || now.Status == was?.Status) return [];
        return [new(now.Reason, now.Message, IsWarning: now.Reason != Reasons.Released)];
    }

    /// <summary>The condition <see cref="ConditionTypes.FilesystemStuck"/>; null where there never was a stuck call.</summary>
    public static Condition? Condition(FreezeRequestStatus? status) => status?.Conditions.FirstOrDefault(c => c.Type == ConditionTypes.FilesystemStuck);
}
