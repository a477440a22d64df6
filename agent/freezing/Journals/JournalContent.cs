using Quiesce.Freezing.Kernel;

namespace Quiesce.Freezing.Journals;

/// <summary>What a journal said at one moment.</summary>
/// <param name="BootId">The boot it was written in; what it says is void after another.</param>
/// <param name="PidNamespace">The PID namespace that the process numbers are of, as <see cref="ProcessIdentity.Namespace"/>.</param>
/// <param name="Holder">The process that wrote it.</param>
/// <param name="Agent">The process the window is held for.</param>
/// <param name="DeadlineAt">When the deadline ends the window, in nanoseconds of <c>CLOCK_BOOTTIME</c>; null before the first freeze call.</param>
/// <param name="EndedAt">When the window was ended or given up; null while it was not.</param>
/// <param name="Records">Its filesystems.</param>
public sealed record JournalContent(
    Guid BootId, long PidNamespace, ProcessIdentity Holder, ProcessIdentity Agent, long? DeadlineAt, long? EndedAt, IReadOnlyList<JournalRecord> Records)
{
    /// <summary>Why it says nothing that can be relied on, in words that follow its name; null where it does, or was never whole. With one, anything may be frozen.</summary>
    public string? Fault { get; init; }
}
