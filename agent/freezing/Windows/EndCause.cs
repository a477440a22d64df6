namespace Quiesce.Freezing.Windows;

/// <summary>What ended a window. The first cause stays.</summary>
/// <param name="Reason">One of <see cref="FreezeReason"/>.</param>
/// <param name="Message">A sentence for a person.</param>
public sealed record EndCause(string Reason, string Message)
{
    /// <summary>The caller asked for the thaw: the only end that can leave a window intact.</summary>
    public static EndCause ThawRequested { get; } = new(FreezeReason.ThawRequested, "ended by the caller");

    /// <summary>The deadline.</summary>
    public static EndCause Deadline { get; } = new(FreezeReason.DeadlineExceeded, "the deadline ended the window; everything was thawed");

    /// <summary>The channel to the agent ended, or its parent-death signal came.</summary>
    public static EndCause AgentDied { get; } = new(FreezeReason.AgentRestarted, "the agent died; everything was thawed at once");

    /// <summary>A signal to the holder, or an agent that is shutting down.</summary>
    public static EndCause Stopped { get; } = new(FreezeReason.AgentStopped, "the agent was stopped; everything was thawed at once");

    /// <summary>The command object was gone.</summary>
    public static EndCause CommandGone { get; } = new(FreezeReason.CommandGone, "the command object of this window is gone, which means thaw");

    /// <summary>This agent was told to thaw whatever is frozen, and so took a filesystem from its own window.</summary>
    public static EndCause ThawedByRequest { get; } =
        new(FreezeReason.ThawedByOther, "a ThawRequest thawed it in the window; do not trust what was copied in that");

    /// <summary>No confirmation.</summary>
    public static EndCause NotConfirmed { get; } =
        new(FreezeReason.NotConfirmed, "the confirmation that every node is frozen did not come in time; everything was thawed");

    /// <summary>Too slow.</summary>
    public static EndCause FreezeTimeout { get; } =
        new(FreezeReason.FreezeTimeout, "not everything was frozen within the freeze timeout; all of it was given up");

    /// <summary>Nothing could be frozen after all.</summary>
    public static EndCause NothingToFreeze { get; } =
        new(FreezeReason.NothingToFreeze, "none of the filesystems can freeze; name one whose kind supports it, such as ext4, XFS or btrfs");
}
