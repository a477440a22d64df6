using Quiesce.Crds;

namespace Quiesce.Operator.Freezing;

/// <summary>How far a request that has started is, read from its objects.</summary>
internal sealed class Progress
{
    private readonly FreezeState _state;

    /// <summary>Reads the state; the window may be gone, then what the status says of it counts.</summary>
    public Progress(FreezeState state)
    {
        _state = state;
        var status = state.Request.Status;
        var window = state.Window;
        var spec = state.Request.Spec;
        DeadlineSeconds = window?.Spec.DeadlineSeconds ?? spec.DeadlineSeconds;
        Record = window is not null ? WindowRecord.Of(window) : new()
        {
            StartedAt = state.Since ?? state.Now,
            // Unknown, so the latest it can have been if a deadline was reported, and the start if none was.
            CommandedAt = status?.DeadlineAt is { } deadline ? deadline - TimeSpan.FromSeconds(DeadlineSeconds) : state.Since ?? state.Now,
            FrozenAt = status?.FrozenAt,
        };
        Command = window?.Spec.DesiredState ?? WindowState.Thawed;
        End = Record.End ?? (Command != WindowState.Thawed ? null : Gone(window));
        Names = Record.Nodes?.Names ?? [.. state.NodeFreezes.Keys.Order(StringComparer.Ordinal)];
        IsSingle = Names.Count == 1;
        var views = Names.Select(name => View(name, lost: false)).ToArray();
        // Ended before its pods were compared once more, a window may have missed one: it has not opened.
        var unproven = End is not null && (End.Reason == Reasons.FreezeTimeout || Record.Workloads is not null);
        Opened = status?.FrozenAt is not null
            || (IsSingle ? !unproven && Array.TrueForAll(views, v => v.WasFrozen) && views.Length > 0 : window?.Spec.Confirmed is true);
        FrozenAt = status?.FrozenAt ?? Record.FrozenAt ?? (Opened ? state.Now : null);
        LostAt = LatestEnd() + state.Limits.Grace;
        var late = End is not null && state.Now >= LostAt;
        Nodes = [.. views.Select(v => late && v is { IsFinal: false, IsStuck: false, Freeze: not null } ? v with { Lost = true } : v)];
    }

    /// <summary>What the operator wrote down.</summary>
    public WindowRecord Record { get; }

    /// <summary>The command in force.</summary>
    public WindowState Command { get; }

    /// <summary>The deadline in force as commanded, in seconds.</summary>
    public int DeadlineSeconds { get; }

    /// <summary>Why the window was ended; null while it is not.</summary>
    public WindowEnd? End { get; }

    /// <summary>The nodes of the request, by name.</summary>
    public IReadOnlyList<string> Names { get; }

    /// <summary>The nodes of the request.</summary>
    public IReadOnlyList<NodeView> Nodes { get; }

    /// <summary>With one node prepare and freeze are one step, and nothing needs to be confirmed.</summary>
    public bool IsSingle { get; }

    /// <summary>All nodes were frozen at one moment, and know it: the window has opened, whatever came after.</summary>
    public bool Opened { get; }

    /// <summary>When it opened, by the operator's clock.</summary>
    public DateTimeOffset? FrozenAt { get; }

    /// <summary>When nodes that have not reported their end count as lost.</summary>
    public DateTimeOffset LostAt { get; }

    /// <summary>When the operator ends the window by itself, in case the nodes have not. Null while that is open.</summary>
    /// <remarks>
    /// Several nodes are prepared when they are commanded, and their deadlines run from then. A single one has still to prepare, for as long
    /// as the freeze timeout lets it: its deadline runs from its freeze, and a long flush costs nothing of it.
    /// </remarks>
    public DateTimeOffset? ExpiresAt => (IsSingle ? FrozenAt : Record.CommandedAt) + TimeSpan.FromSeconds(DeadlineSeconds);

    /// <summary>When the freeze must have come about.</summary>
    public DateTimeOffset FreezeBy => Record.StartedAt + FreezeTimeout;

    /// <summary>Until when nodes that were called may answer; those that have not are given their plans then.</summary>
    public DateTimeOffset AnswerBy => InternalObjects.IsCalling(_state.Window) ? Record.StartedAt + (FreezeTimeout / 2) : DateTimeOffset.MinValue;

    /// <summary>
    /// The earliest end any node can have: the freeze command plus the deadline, after a raise only once every agent has acknowledged it.
    /// </summary>
    public DateTimeOffset? DeadlineAt
    {
        get
        {
            if (Record.CommandedAt is not { } at) return null;
            if (_state.Request.Status?.DeadlineAt is not { } told) return at + TimeSpan.FromSeconds(DeadlineSeconds);
            if (Nodes.Count == 0 || Nodes.Any(n => n.Report?.DeadlineSeconds is null)) return told;
            var acknowledged = at + TimeSpan.FromSeconds(Nodes.Min(n => n.Report!.DeadlineSeconds!.Value));
            return acknowledged > told ? acknowledged : told;
        }
    }

    /// <summary>Every node has reported its end, or has nothing left to release but what is stuck, or counts as lost, or was never told to begin.</summary>
    public bool IsSettled => Nodes.All(n => n.IsFinal || n.IsStuck || n.Lost || n.Freeze is null);

    private TimeSpan FreezeTimeout => TimeSpan.FromSeconds(_state.Request.Spec.FreezeTimeoutSeconds);

    /// <summary>The latest moment at which a node that nobody can reach can still hold anything.</summary>
    /// <remarks>
    /// An agent freezes at most the freeze timeout after it first saw its plan, holds at most the deadline, and at most the freeze timeout
    /// when it is one of several and never sees the confirmation.
    /// </remarks>
    private DateTimeOffset LatestEnd()
    {
        var deadline = TimeSpan.FromSeconds(DeadlineSeconds);
        if (Record.CommandedAt is not { } commanded) return End?.At ?? _state.Now;
        if ((_state.Request.Status?.FrozenAt ?? Record.FrozenAt) is { } frozen) return frozen + deadline;
        var unconfirmed = !IsSingle && _state.Window is { Spec.Confirmed: false };
        return commanded + FreezeTimeout + (unconfirmed && FreezeTimeout < deadline ? FreezeTimeout : deadline);
    }

    private NodeView View(string name, bool lost) =>
        new(name, _state.NodeFreezes.GetValueOrDefault(name), _state.Restarted.Contains(name), lost);

    /// <remarks>When it was, nobody has written down: not later than the freeze must have come about, where it was never commanded.</remarks>
    private WindowEnd Gone(FreezeWindow? window) => new(
        Reasons.CommandGone,
        window is null ? "the FreezeWindow was deleted by someone else, which means thaw." : "the FreezeWindow was set to Thawed by someone else.",
        FreezeBy);
}
