using Quiesce.Crds;

namespace Quiesce.Operator.Hooks;

/// <summary>How one run of a hook ended.</summary>
internal sealed record HookResult
{
    /// <summary>Succeeded, Failed or Skipped.</summary>
    public required HookState State { get; init; }

    /// <summary>One of <see cref="Reasons"/>; null for plain success.</summary>
    public string? Reason { get; init; }

    /// <summary>A sentence; null for plain success.</summary>
    public string? Message { get; init; }

    /// <summary>The command's exit code; null where it did not end or nobody knows.</summary>
    public int? ExitCode { get; init; }

    /// <summary>Milliseconds from sending the command to its end.</summary>
    public long? DurationMilliseconds { get; init; }

    /// <summary>The end of its output.</summary>
    public string? Output { get; init; }

    /// <summary>For how long from now on the command may still come to its pod; null where it has come there, or never will.</summary>
    public TimeSpan? MayComeFor { get; init; }
}

/// <summary>One run of a hook by this process.</summary>
/// <param name="StartedAt">What its status says: which run it is.</param>
/// <param name="IsStarted">The command is sent. False where that waits for the status, or where it is not known whether the status was written.</param>
/// <param name="IsCancelled">It was called off, and has still to say so.</param>
/// <param name="Result">How it ended; null before.</param>
/// <param name="Trouble">Why it is sent again; null where that is not needed.</param>
internal sealed record HookRunView(DateTimeOffset StartedAt, bool IsStarted, bool IsCancelled, HookResult? Result, string? Trouble = null);
