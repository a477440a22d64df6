namespace Quiesce.Operator.Tests.Flows;

/// <summary>How a <see cref="FakeAgent"/> behaves.</summary>
internal sealed record AgentScript
{
    /// <summary>How long it takes to prepare.</summary>
    public TimeSpan PrepareTime { get; init; }

    /// <summary>How long it takes to freeze.</summary>
    public TimeSpan FreezeTime { get; init; }

    /// <summary>The reason for which it fails in Prepare.</summary>
    public string? FailsToPrepare { get; init; }

    /// <summary>The reason for which it fails in Freeze.</summary>
    public string? FailsToFreeze { get; init; }

    /// <summary>The reason for which its release is Broken.</summary>
    public string? BreaksAtThaw { get; init; }

    /// <summary>Its freeze call does not return before this.</summary>
    public Task? FreezeSticksUntil { get; init; }

    /// <summary>The thaw call of its first filesystem does not return before this.</summary>
    public Task? ThawSticksUntil { get; init; }

    /// <summary>What it says of its holder.</summary>
    public bool? HolderProtected { get; init; }

    /// <summary>It hears no call, as one of an older version, or one whose watch has died.</summary>
    public bool IsDeafToCalls { get; init; }

    /// <summary>It never reports anything.</summary>
    public bool IsSilent { get; init; }

    /// <summary>It reports nothing after Frozen.</summary>
    public bool FallsSilentWhenFrozen { get; init; }

    /// <summary>Filesystems on its node.</summary>
    public int Filesystems { get; init; } = 2;
}
