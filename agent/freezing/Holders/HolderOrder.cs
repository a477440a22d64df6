using Quiesce.Freezing.Kernel;
using Quiesce.Freezing.Planning;
using Quiesce.Freezing.Windows;

namespace Quiesce.Freezing.Holders;

/// <summary>What a holder process is for; it serves one order and exits.</summary>
public enum HolderTask
{
    /// <summary>Prepare, freeze, hold and thaw one window.</summary>
    Hold,

    /// <summary>Resolve and report; freeze nothing.</summary>
    Inspect,

    /// <summary>Thaw what the journals of dead holders say is held: one <c>FITHAW</c> each.</summary>
    Recover,

    /// <summary>Thaw whoever froze it: <c>FITHAW</c> until it fails.</summary>
    ThawUnconditionally,

    /// <summary>Do what comes before a freeze without a filesystem, and say whether it could be done: start, and leave the container.</summary>
    Check,
}

/// <summary>The first message on a holder's channel, from the agent.</summary>
public sealed record HolderOrder
{
    /// <summary>What to do.</summary>
    public HolderTask Task { get; init; }

    /// <summary>A name no other window of this boot has; letters, digits, <c>.</c> and <c>-</c>.</summary>
    public string WindowId { get; init; } = "";

    /// <summary>The agent's process, to see that it is still the parent after the parent-death signal was asked for.</summary>
    public int AgentProcess { get; init; }

    /// <summary>What to resolve; its host root also serves the other tasks.</summary>
    public PlanOrder Plan { get; init; } = new();

    /// <summary>Whether to freeze although the holder cannot leave the container's cgroups and PID namespace: an administrator's decision.</summary>
    public bool AllowUnprotected { get; init; }

    /// <summary>Whether the grace periods of RCU are expedited while it freezes.</summary>
    public ExpediteRcu ExpediteRcu { get; init; }

    /// <summary>What was held a moment ago, and is left alone for a while.</summary>
    public IReadOnlyList<Rest> Rests { get; init; } = [];

    /// <summary>How the window behaves.</summary>
    public WindowOptions Options { get; init; } = new() { Deadline = 0, FreezeTimeout = 0 };

    /// <summary>
    /// For <see cref="HolderTask.Recover"/>: the journals. A descriptor sent along belongs to the record of the same index of the first. The one of
    /// <see cref="WindowId"/> was given up by its agent, and its holder killed; of the others it is judged whether they are left behind.
    /// </summary>
    public IReadOnlyList<string> Journals { get; init; } = [];
}

/// <summary>What the agent says to a holder after the order.</summary>
public enum HolderCommandKind
{
    /// <summary>Freeze what was prepared.</summary>
    Freeze,

    /// <summary>Every node is frozen.</summary>
    Confirm,

    /// <summary>Raise the hold to <see cref="HolderCommand.Nanoseconds"/>.</summary>
    RaiseDeadline,

    /// <summary>End the window as the caller wished.</summary>
    Thaw,

    /// <summary>End the window because the agent is shutting down.</summary>
    Stop,

    /// <summary>End the window because its command object is gone.</summary>
    CommandGone,

    /// <summary>End the window because an unconditional thaw took a filesystem of it.</summary>
    ThawedByRequest,
}

/// <summary>One command.</summary>
/// <param name="Kind">What.</param>
/// <param name="Nanoseconds">The whole hold, for <see cref="HolderCommandKind.RaiseDeadline"/>.</param>
public readonly record struct HolderCommand(HolderCommandKind Kind, long Nanoseconds = 0);
