using Quiesce.Crds;

namespace Quiesce.Operator.Freezing;

/// <summary>What is known of one node of a request.</summary>
/// <param name="Name">The node.</param>
/// <param name="Freeze">Its NodeFreeze; null when there is none.</param>
/// <param name="Restarted">Its report came from another agent process or boot than the one that prepared, or its agent does not run any more.</param>
/// <param name="Lost">It has not reported its end within every bound.</param>
internal sealed record NodeView(string Name, NodeFreeze? Freeze, bool Restarted, bool Lost)
{
    /// <summary>The report; null before the agent's first.</summary>
    public NodeFreezeStatus? Report => Freeze?.Report;

    /// <summary>The phase it reported.</summary>
    public NodeFreezePhase Phase => Report?.Phase ?? NodeFreezePhase.Pending;

    /// <summary>It reported its end.</summary>
    public bool IsFinal => Phase >= NodeFreezePhase.Thawed;

    /// <summary>All of it was frozen at some time.</summary>
    public bool WasFrozen => Phase is NodeFreezePhase.Frozen or NodeFreezePhase.Expired or NodeFreezePhase.Broken
        || (Report?.FrozenAt is not null && Phase is NodeFreezePhase.Thawing or NodeFreezePhase.Thawed);

    /// <summary>It was ready to freeze at some time.</summary>
    public bool WasPrepared => Phase is NodeFreezePhase.Prepared or NodeFreezePhase.Freezing || WasFrozen;

    /// <summary>Freeze and thaw calls that do not return. Of a node that has reported its end there is none: nothing more would be heard of it.</summary>
    public IReadOnlyList<FilesystemStatus> Stuck => IsFinal ? [] : [.. Report?.Filesystems.Where(f => f.State == FilesystemState.Stuck) ?? []];

    /// <summary>All that is left to release is in a call that does not return: nobody can say how long that takes, and nothing waits for it.</summary>
    public bool IsStuck => Phase == NodeFreezePhase.Thawing && Stuck.Count > 0
        && !Report!.Filesystems.Any(f => f.State is FilesystemState.Freezing or FilesystemState.Frozen or FilesystemState.Thawing);

    /// <summary>A filesystem whose thaw was refused, and which may still be frozen; null when there is none.</summary>
    public FilesystemStatus? Unreleased => Report?.Filesystems.FirstOrDefault(f => f is { State: FilesystemState.Failed, Reason: Reasons.ThawFailed });

    /// <summary>The filesystem that explains the node's failure best; null when none does.</summary>
    public FilesystemStatus? Culprit => Report?.Filesystems?
        .Where(f => f.State is FilesystemState.Failed or FilesystemState.Refused or FilesystemState.Stuck && f.Reason is not null)
        .OrderBy(f => f.Reason == Report.Reason ? 0 : f.Reason == Reasons.RolledBack ? 2 : 1)
        .FirstOrDefault();

    /// <summary>A sentence that names node, filesystem and reason.</summary>
    public string Describe()
    {
        if (Restarted && Stuck.Count == 0 && Phase is not (NodeFreezePhase.Broken or NodeFreezePhase.Failed))
        {
            var held = Report?.HolderProtected is false ? "and what it held is thawed by the next one at the latest" : "which thaws what it held";
            return $"node {Name}: its agent ended or was restarted while it took part, {held}.";
        }

        if (Stuck is [var stuck, ..]) return $"node {Name}: {StuckCalls.Describe(stuck)}.";
        if (Lost) return $"node {Name}: silent past its deadline; if its agent lives, that thaws by itself.";
        var node = $"node {Name}: ";
        if (Culprit is { } culprit) return node + Of(culprit);
        return node + (Report?.Message is { Length: > 0 } message ? message : Report?.Reason ?? Phase.ToString());
    }

    private static string Of(FilesystemStatus f)
    {
        // An agent's sentence names the path itself, and the filesystem where that helps.
        if (f.Message?.Contains(f.Path, StringComparison.Ordinal) is true) return f.Message;
        var kind = f.Type is null ? "" : f.Source is null ? $" ({f.Type})" : $" ({f.Type} on {f.Source})";
        return $"{f.Path}{kind}: {(string.IsNullOrEmpty(f.Message) ? f.Reason : f.Message)}";
    }
}
