namespace Quiesce.Crds;

/// <summary>Commands that run in pods of the request's namespace before the freeze and after the thaw, as <c>fsfreeze-hook</c> does in a guest.</summary>
public sealed record FreezeHooks
{
    /// <summary>Run one after the other, each in all of its pods at a time, before anything is prepared; at most 8.</summary>
    public IReadOnlyList<FreezeHook> PreFreeze { get; init => field = value ?? []; } = [];

    /// <summary>The same after everything is released, whatever became of the window, once the request was accepted; at most 8.</summary>
    public IReadOnlyList<FreezeHook> PostThaw { get; init => field = value ?? []; } = [];

    /// <summary>Take the hooks that the affected pods' annotations <c>pre.hook.backup.velero.io/…</c> and <c>post.hook.backup.velero.io/…</c> describe as well.</summary>
    public bool Velero { get; init; }
}

/// <summary>One command, in every running pod that a selector matches.</summary>
public sealed record FreezeHook
{
    /// <summary>The pods, in the request's namespace.</summary>
    public required LabelSelector PodSelector { get; init; }

    /// <summary>The container; null for the first one of the pod.</summary>
    public string? Container { get; init; }

    /// <summary>Program and arguments; 1 to 64 with at most 8192 characters together, without a shell.</summary>
    public required IReadOnlyList<string> Command { get; init; }

    /// <summary>Longest run in one pod, as Go writes durations: <c>30s</c>, <c>1m30s</c>; 300 s at most.</summary>
    public string Timeout { get; set; } = "30s";

    /// <summary>What a command that fails, or cannot be run, means.</summary>
    public HookErrorMode OnError { get; init; } = HookErrorMode.Fail;
}

/// <summary>What a hook that fails means; the names are Velero's.</summary>
public enum HookErrorMode
{
    /// <summary>Before the freeze: nothing is frozen. After the thaw: the request says so.</summary>
    Fail,

    /// <summary>It is noted in status, and everything goes on.</summary>
    Continue,
}

/// <summary>One hook in one pod: what was run there and what became of it.</summary>
public sealed record HookStatus
{
    /// <summary>Before or after the window.</summary>
    public HookStage Stage { get; init; }

    /// <summary>Which one: <c>preFreeze[0]</c>, <c>postThaw[1]</c>, or <c>velero</c> for that of the pod's own annotations.</summary>
    public required string Hook { get; init; }

    /// <summary>The pod.</summary>
    public required string Pod { get; init; }

    /// <summary>The pod's UID: a pod that takes its place is another one, and has not run its hooks.</summary>
    public string PodUid { get; init => field = value ?? ""; } = "";

    /// <summary>The container.</summary>
    public string? Container { get; init; }

    /// <summary>What its failure means.</summary>
    public HookErrorMode OnError { get; init; }

    /// <summary>How far it is.</summary>
    public HookState State { get; init; }

    /// <summary>When the last run began; written before the command is sent, so that whoever comes after knows that it may have run.</summary>
    public DateTimeOffset? StartedAt { get; init; }

    /// <summary>When its end was noted, however it ended; null before.</summary>
    public DateTimeOffset? FinishedAt { get; init; }

    /// <summary>Milliseconds the last run took; null while it runs, and where nobody knows.</summary>
    public long? DurationMilliseconds { get; init; }

    /// <summary>What the command ended with; null when it did not, or nobody knows.</summary>
    public int? ExitCode { get; init; }

    /// <summary>CamelCase reason, one of <see cref="Reasons"/>, where the state is not plain success.</summary>
    public string? Reason { get; init; }

    /// <summary>The same in a sentence.</summary>
    public string? Message { get; init => field = Bounds.Message(value); }

    /// <summary>The end of what it wrote to standard output and standard error, in the order it came; at most 1024 characters, fewer where there are many hooks.</summary>
    public string? Output { get; init; }
}

/// <summary>Before or after the window.</summary>
public enum HookStage
{
    /// <summary>Before anything is prepared.</summary>
    PreFreeze,

    /// <summary>After everything is released.</summary>
    PostThaw,
}

/// <summary>How far a hook is in one pod.</summary>
public enum HookState
{
    /// <summary>Not begun.</summary>
    Pending,

    /// <summary>The command was sent, and has not ended.</summary>
    Running,

    /// <summary>It ended with exit code 0.</summary>
    Succeeded,

    /// <summary>It ended with another exit code, did not end in time, could not be run, or nobody knows.</summary>
    Failed,

    /// <summary>It was not run: there was nothing to run it for.</summary>
    Skipped,
}
