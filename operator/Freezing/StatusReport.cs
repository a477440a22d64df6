using Quiesce.Crds;
using Quiesce.Operator.Hooks;

namespace Quiesce.Operator.Freezing;

/// <summary>Builds the status of a FreezeRequest.</summary>
internal static class StatusReport
{
    /// <summary>Accepted, and nothing created yet.</summary>
    public static FreezeRequestStatus Pending(FreezeState state, int nodeCount, string accepted) => Inspected(state, []) with
    {
        NodeCount = nodeCount,
        Reason = Reasons.Accepted,
        Message = accepted,
        Conditions = New(state)
            .Set(ConditionTypes.Accepted, ConditionStatus.True, Reasons.Accepted, accepted)
            .Set(ConditionTypes.Frozen, ConditionStatus.False, Reasons.InProgress)
            .Set(ConditionTypes.Thawed, ConditionStatus.False, Reasons.InProgress)
            .Set(ConditionTypes.WindowIntact, ConditionStatus.Unknown, Reasons.InProgress)
            .Set(ConditionTypes.Finished, ConditionStatus.False, Reasons.InProgress)
            .Warn(state)
            .AboutHooks(state)
            .All,
    };

    /// <summary>While the window is being opened or is open.</summary>
    public static FreezeRequestStatus Underway(FreezeState state, Progress progress, string accepted)
    {
        var nodes = progress.Nodes;
        var (phase, message) = progress switch
        {
            { Opened: true } => (FreezePhase.Frozen, Open(progress)),
            { Command: WindowState.Frozen } when !progress.IsSingle || nodes.Any(n => n.Phase >= NodeFreezePhase.Freezing) =>
                (FreezePhase.Freezing, $"{nodes.Count(n => n.WasFrozen)} of {Verdict.Count(nodes.Count, "node")} frozen."),
            _ => (FreezePhase.Preparing, $"{nodes.Count(n => n.WasPrepared)} of {Verdict.Count(nodes.Count, "node")} prepared."),
        };
        var reason = progress.Opened ? Reasons.AllFrozen : Reasons.InProgress;
        return Counts(state, progress) with
        {
            Phase = phase,
            Reason = reason,
            Message = message,
            Conditions = New(state)
                .Set(ConditionTypes.Accepted, ConditionStatus.True, Reasons.Accepted, accepted)
                .Set(ConditionTypes.Frozen, progress.Opened ? ConditionStatus.True : ConditionStatus.False, reason, message)
                .Set(ConditionTypes.Thawed, ConditionStatus.False, progress.Opened ? Reasons.WindowOpen : Reasons.InProgress)
                .Set(ConditionTypes.WindowIntact, ConditionStatus.Unknown, progress.Opened ? Reasons.WindowOpen : Reasons.InProgress, "The verdict follows at the end of the window.")
                .Set(ConditionTypes.Finished, ConditionStatus.False, Reasons.InProgress)
                .About(state, nodes)
                .All,
        };
    }

    /// <summary>After the thaw command, before every node has reported.</summary>
    public static FreezeRequestStatus Ending(FreezeState state, Progress progress)
    {
        var end = progress.End!;
        var settled = progress.Nodes.Count(n => n.IsFinal || n.Freeze is null);
        return Counts(state, progress) with
        {
            Phase = FreezePhase.Thawing,
            Reason = end.Reason,
            Message = $"{end.Message} {settled} of {Verdict.Count(progress.Nodes.Count, "node")} released.",
            Conditions = New(state)
                .Set(ConditionTypes.Accepted, ConditionStatus.True, Reasons.Accepted, Accepted(state) ?? "")
                .Set(ConditionTypes.Frozen, ConditionStatus.False, end.Reason, end.Message)
                .Set(ConditionTypes.Thawed, ConditionStatus.False, Reasons.InProgress, end.Message)
                .Set(ConditionTypes.WindowIntact, ConditionStatus.Unknown, Reasons.InProgress, "The verdict follows when every node has reported.")
                .Set(ConditionTypes.Finished, ConditionStatus.False, Reasons.InProgress)
                .About(state, progress.Nodes)
                .All,
        };
    }

    /// <summary>After the end of a window.</summary>
    public static FreezeRequestStatus Ended(FreezeState state, Progress progress, Verdict verdict)
    {
        var counts = Counts(state, progress);
        var thawed = Thawed(state, progress, counts.FrozenFilesystems, verdict.Reason, verdict.Message);
        var intact = verdict.Phase == FreezePhase.Thawed;
        return Final(state, progress.Nodes, counts, verdict, thawed, intact ? ConditionStatus.True : ConditionStatus.False, intact ? Reasons.HeldWithoutBreak : verdict.Reason) with
        {
            ThawedAt = thawed.Status == ConditionStatus.True ? counts.ThawedAt ?? state.Now : null,
        };
    }

    /// <summary>After a final phase that did not wait for what is stuck. Phase, reason and verdict are final; what the nodes say of it is not.</summary>
    public static FreezeRequestStatus Afterwards(FreezeState state, Progress progress)
    {
        var before = state.Request.Status!;
        var counts = Counts(state, progress);
        var heard = counts.Nodes.Where(n => state.NodeFreezes.ContainsKey(n.Name)).ToDictionary(n => n.Name);
        var about = New(state).About(state, progress.Nodes).All;
        var stuck = about.Single(c => c.Type == ConditionTypes.FilesystemStuck);
        var (thawed, reason, message) = stuck.Status == ConditionStatus.Unknown
            ? (stuck.Status, stuck.Reason, stuck.Message)
            : Thawed(state, progress, counts.FrozenFilesystems, stuck.Reason, stuck.Message);
        var conditions = New(state)
            .Keep(ConditionTypes.Accepted)
            .Keep(ConditionTypes.Frozen)
            .Set(ConditionTypes.Thawed, thawed, reason, message)
            .Keep(ConditionTypes.WindowIntact)
            .Keep(ConditionTypes.Finished);
        return before with
        {
            ObservedGeneration = counts.ObservedGeneration,
            ThawedAt = thawed == ConditionStatus.True ? before.ThawedAt ?? state.Now : before.ThawedAt,
            FrozenFilesystems = Math.Max(before.FrozenFilesystems, counts.FrozenFilesystems),
            ThawedFilesystems = Math.Max(before.ThawedFilesystems, counts.ThawedFilesystems),
            NodesThawed = Math.Max(before.NodesThawed, counts.NodesThawed),
            NodesFailed = Math.Max(before.NodesFailed, counts.NodesFailed),
            Nodes = [.. before.Nodes.Select(n => heard.GetValueOrDefault(n.Name) ?? n)],
            Conditions = [.. conditions.All, .. about],
        };
    }

    /// <summary>The condition Thawed at the end; with the reason and message given unless a node is the reason.</summary>
    private static (string Status, string Reason, string Message) Thawed(FreezeState state, Progress progress, int frozenFilesystems, string reason, string message)
    {
        var nodes = progress.Nodes;
        if (StuckCalls.Of(nodes) is { Count: > 0 } stuck) return (ConditionStatus.False, StuckCalls.Reason(stuck), StuckCalls.Describe(stuck));
        if (nodes.FirstOrDefault(n => n.Unreleased is not null) is { } unreleased) return (ConditionStatus.False, Reasons.ThawFailed, unreleased.Describe());
        if (nodes.FirstOrDefault(n => n.Lost) is { } lost) return (ConditionStatus.Unknown, Reasons.NodeLost, lost.Describe());
        // Each had its plan once the status said Preparing. Whose plan is gone thaws at once, but cut off from the API server only at its deadline.
        var unheard = state.Request.Status is { Phase: > FreezePhase.Pending } before ? before.NodeCount - nodes.Count(n => n.Freeze is not null) : 0;
        if (progress.Record.CommandedAt is not null && unheard > 0)
        {
            return (
                ConditionStatus.Unknown,
                Reasons.CommandGone,
                $"the NodeFreeze of {Verdict.Count(unheard, "node")} was deleted by someone else, so nothing was heard of the release; the agent thaws by itself, at its deadline at the latest.");
        }

        return (progress.Opened || frozenFilesystems > 0 ? ConditionStatus.True : ConditionStatus.False, reason, message);
    }

    /// <summary>A request that never had a window, dry runs included.</summary>
    public static FreezeRequestStatus WithoutWindow(FreezeState state, IReadOnlyList<NodeView> nodes, Verdict verdict, bool accepted)
    {
        var intact = verdict.Reason == Reasons.DryRunCompleted ? ConditionStatus.Unknown : ConditionStatus.False;
        var status = Final(state, nodes, Inspected(state, nodes), verdict, (ConditionStatus.False, verdict.Reason, verdict.Message), intact, verdict.Reason);
        if (accepted) return status;
        var refused = New(state).Set(ConditionTypes.Accepted, ConditionStatus.False, verdict.Reason, verdict.Message).All;
        return status with { Conditions = [.. refused, .. status.Conditions.Where(c => c.Type != ConditionTypes.Accepted)] };
    }

    /// <summary>A dry run that waits for reports.</summary>
    public static FreezeRequestStatus Inspecting(FreezeState state, IReadOnlyList<NodeView> nodes, int nodeCount, string accepted) => Inspected(state, nodes) with
    {
        NodeCount = nodeCount,
        Phase = FreezePhase.Preparing,
        Reason = Reasons.InProgress,
        Message = "dry run: nothing will be frozen.",
        Conditions = New(state)
            .Set(ConditionTypes.Accepted, ConditionStatus.True, Reasons.Accepted, accepted)
            .Set(ConditionTypes.Frozen, ConditionStatus.False, Reasons.InProgress, "dry run: nothing will be frozen.")
            .Set(ConditionTypes.Thawed, ConditionStatus.False, Reasons.InProgress)
            .Set(ConditionTypes.WindowIntact, ConditionStatus.Unknown, Reasons.InProgress)
            .Set(ConditionTypes.Finished, ConditionStatus.False, Reasons.InProgress)
            .Warn(state)
            .AboutHooks(state)
            .All,
    };

    /// <summary>The message of the condition Accepted, as it stands.</summary>
    public static string? Accepted(FreezeState state) =>
        state.Request.Status?.Conditions.FirstOrDefault(c => c.Type == ConditionTypes.Accepted)?.Message;

    private static FreezeRequestStatus Final(
        FreezeState state,
        IReadOnlyList<NodeView> nodes,
        FreezeRequestStatus counts,
        Verdict verdict,
        (string Status, string Reason, string Message) thawed,
        string intact,
        string intactReason) => counts with
        {
            Phase = verdict.Phase,
            Reason = verdict.Reason,
            Message = verdict.Message,
            Conditions = New(state)
            .Set(ConditionTypes.Accepted, ConditionStatus.True, Reasons.Accepted, Accepted(state) ?? "")
            .Set(ConditionTypes.Frozen, ConditionStatus.False, verdict.Reason, verdict.Message)
            .Set(ConditionTypes.Thawed, thawed.Status, thawed.Reason, thawed.Message)
            .Set(ConditionTypes.WindowIntact, intact, intactReason, verdict.Message)
            .Set(ConditionTypes.Finished, ConditionStatus.True, verdict.Reason, verdict.Message)
            .About(state, nodes)
            .All,
        };

    private static FreezeRequestStatus Counts(FreezeState state, Progress progress)
    {
        var before = state.Request.Status ?? new();
        var nodes = progress.Nodes;
        var frozen = nodes.Select(n => n.Report?.FrozenAt).OfType<DateTimeOffset>().ToArray();
        var (listed, omitted) = NodeStatuses.Of(nodes);
        return new()
        {
            ObservedGeneration = state.Request.Metadata.Generation ?? 0,
            StartedAt = before.StartedAt ?? progress.Record.StartedAt,
            FrozenAt = progress.FrozenAt,
            DeadlineAt = progress.DeadlineAt,
            ThawedAt = before.ThawedAt,
            FrozenFilesystems = nodes.Sum(n => n.Report?.FrozenFilesystems ?? 0),
            ThawedFilesystems = nodes.Sum(n => n.Report?.ThawedFilesystems ?? 0),
            SkewMilliseconds = before.SkewMilliseconds
                ?? (progress.Opened && frozen.Length == nodes.Count && frozen.Length > 0 ? (long)(frozen.Max() - frozen.Min()).TotalMilliseconds : null),
            NodeCount = nodes.Count,
            // What a node reached it has reached, also when its report has moved on to an end that does not tell.
            NodesPrepared = Math.Max(before.NodesPrepared, nodes.Count(n => n.WasPrepared)),
            NodesFrozen = Math.Max(before.NodesFrozen, nodes.Count(n => n.WasFrozen)),
            NodesThawed = nodes.Count(n => n is { IsFinal: true, Report.FrozenFilesystems: > 0 } or { IsFinal: true, WasFrozen: true }),
            NodesFailed = nodes.Count(n => n.Lost || n.Restarted || n.Stuck.Count > 0 || n.Phase is NodeFreezePhase.Failed or NodeFreezePhase.Broken),
            Nodes = listed,
            NodesOmitted = omitted,
            Hooks = before.Hooks,
        };
    }

    private static FreezeRequestStatus Inspected(FreezeState state, IReadOnlyList<NodeView> nodes)
    {
        var (listed, omitted) = NodeStatuses.Of(nodes);
        return new()
        {
            ObservedGeneration = state.Request.Metadata.Generation ?? 0,
            StartedAt = state.Request.Status?.StartedAt ?? state.Now,
            NodeCount = nodes.Count,
            NodesFailed = nodes.Count(n => n.Phase is NodeFreezePhase.Failed or NodeFreezePhase.Broken),
            Nodes = listed,
            NodesOmitted = omitted,
            Hooks = state.Request.Status?.Hooks ?? [],
        };
    }

    private static string Open(Progress progress)
    {
        var filesystems = progress.Nodes.Sum(n => n.Report?.FrozenFilesystems ?? 0);
        return $"{Verdict.Count(filesystems, "filesystem")} on {Verdict.Count(progress.Nodes.Count, "node")} frozen,"
            + $" until {progress.DeadlineAt:yyyy-MM-dd'T'HH:mm:ss'Z'} at the latest. Set desiredState to Thawed to end the window.";
    }

    private static Conditions New(FreezeState state) =>
        new(state.Request.Status?.Conditions ?? [], state.Request.Metadata.Generation ?? 0, state.Now);
}
