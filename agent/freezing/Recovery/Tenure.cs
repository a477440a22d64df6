using Quiesce.Freezing.Journals;
using Quiesce.Freezing.Kernel;

namespace Quiesce.Freezing.Recovery;

/// <summary>Who is to end a window whose journal is found.</summary>
public enum Tenure
{
    /// <summary>Its holder lives and its agent does too: it is left to them.</summary>
    Kept,

    /// <summary>Its holder lives, but its agent does not, or its time is long over: it has a moment to end by itself, and is killed then.</summary>
    Doomed,

    /// <summary>Its holder is dead, but a call of it is still in the kernel.</summary>
    Dying,

    /// <summary>Its holder, and every call of it, is gone.</summary>
    Free,
}

/// <summary>Judges a journal that is found.</summary>
public static class TenureJudgement
{
    // As for an agent that watches its own holder: a healthy one is exact. Nanoseconds.
    private const long DeadlineGrace = 250_000_000;
    private const long ThawGrace = 1_250_000_000;

    /// <summary>Judges it.</summary>
    /// <param name="content">What it says.</param>
    /// <param name="isOurs">Whether we got its lock.</param>
    /// <param name="now"><c>CLOCK_BOOTTIME</c> in nanoseconds.</param>
    /// <param name="life">Tells whether a process lives.</param>
    public static Tenure Of(JournalContent content, bool isOurs, long now, Func<ProcessIdentity, ProcessLife> life)
    {
        if (isOurs) return Tenure.Free;
        // Process numbers of another namespace say nothing here, and what cannot be judged is not killed.
        if (content.PidNamespace != ProcessIdentity.Namespace) return Tenure.Kept;
        // Where the holder is gone and the lock is not free another recovery is at it; thawing beside it does no harm, and it may be stopped.
        if (life(content.Holder) != ProcessLife.Alive) return Tenure.Dying;
        return life(content.Agent) == ProcessLife.Alive && !IsOverdue(content, now) ? Tenure.Kept : Tenure.Doomed;
    }

    // What is stuck in the kernel is ended by no one else: only something that could have been thawed counts. Differences, because the sum of a time that a
    // damaged journal has may lie in the past.
    private static bool IsOverdue(JournalContent content, long now) =>
        content.Records.Any(r => r.State == JournalState.Held)
        && (content.EndedAt is { } ended ? now - ended > ThawGrace : content.DeadlineAt is { } deadline && now - deadline > DeadlineGrace);
}
