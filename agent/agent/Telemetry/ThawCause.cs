namespace Quiesce.Agent.Telemetry;

/// <summary>What thawed a filesystem, as the attribute <c>cause</c> of <c>quiesce.thaws</c>.</summary>
internal enum ThawCause
{
    /// <summary>The request: the only end that leaves a window intact.</summary>
    Request,

    /// <summary>The deadline.</summary>
    Deadline,

    /// <summary>The backup path: the holder had died or did not answer, and another one thawed.</summary>
    Backup,

    /// <summary>The start of an agent that found what an earlier one had left behind.</summary>
    Recovery,

    /// <summary>A ThawRequest, whoever had frozen it.</summary>
    Unconditional,

    /// <summary>A roll-back, a plan that was deleted, an agent that was stopped, a window that somebody broke: <c>quiesce.freezes</c> has the reason.</summary>
    Other,
}
