namespace Quiesce.Freezing.Kernel;

/// <summary>Whether the grace periods of RCU are expedited while a freeze is under way; a freeze of a clean filesystem is mostly waiting for them.</summary>
public enum ExpediteRcu
{
    /// <summary>Unless the machine has processors that an expedited grace period would disturb, or its administrator forbade them.</summary>
    Auto,

    /// <summary>Whatever processors there are.</summary>
    Always,

    /// <summary>Leave them as they are.</summary>
    Never,
}
