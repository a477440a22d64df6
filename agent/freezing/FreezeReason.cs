namespace Quiesce.Freezing;

/// <summary>Why something is as it is, in one CamelCase word. The API spells them the same (<c>Quiesce.Crds.Reasons</c>); a test holds the two together.</summary>
public static class FreezeReason
{
    /// <summary>Ended by the caller.</summary>
    public const string ThawRequested = "ThawRequested";
    /// <summary>Ended by the caller before everything was frozen.</summary>
    public const string ThawedBeforeFrozen = "ThawedBeforeFrozen";
    /// <summary>Ended by the deadline.</summary>
    public const string DeadlineExceeded = "DeadlineExceeded";
    /// <summary>The agent that asked for the hold died.</summary>
    public const string AgentRestarted = "AgentRestarted";
    /// <summary>The agent, or the holder itself, was told to stop.</summary>
    public const string AgentStopped = "AgentStopped";
    /// <summary>The holder died.</summary>
    public const string HolderDied = "HolderDied";
    /// <summary>No confirmation that all nodes are frozen.</summary>
    public const string NotConfirmed = "NotConfirmed";
    /// <summary>The command object was gone.</summary>
    public const string CommandGone = "CommandGone";
    /// <summary>Not everything was frozen in time.</summary>
    public const string FreezeTimeout = "FreezeTimeout";
    /// <summary>A release answered EINVAL: not provably held.</summary>
    public const string ThawedByOther = "ThawedByOther";
    /// <summary>The device was written to during the hold.</summary>
    public const string DeviceWritten = "DeviceWritten";
    /// <summary>The path does not exist.</summary>
    public const string PathNotFound = "PathNotFound";
    /// <summary>The path is not a folder.</summary>
    public const string NotADirectory = "NotADirectory";
    /// <summary>The path is relative, too long, or contains <c>..</c>.</summary>
    public const string InvalidPath = "InvalidPath";
    /// <summary>The kernel said no.</summary>
    public const string PermissionDenied = "PermissionDenied";
    /// <summary>The filesystem has no freeze.</summary>
    public const string FreezeNotSupported = "FreezeNotSupported";
    /// <summary>The filesystem is protected, or backs one that is.</summary>
    public const string ProtectedFilesystem = "ProtectedFilesystem";
    /// <summary>The filesystem is not the volume's alone.</summary>
    public const string SharedFilesystem = "SharedFilesystem";
    /// <summary>The volume is not mounted where kubelet mounts it.</summary>
    public const string VolumeNotMounted = "VolumeNotMounted";
    /// <summary>Frozen already, by someone else.</summary>
    public const string AlreadyFrozen = "AlreadyFrozen";
    /// <summary>Another window on this node holds it, what backs it, or what it backs.</summary>
    public const string HeldByOtherRequest = "HeldByOtherRequest";
    /// <summary>A hold of it ended a moment ago, and this installation leaves a pause between two.</summary>
    public const string TooSoon = "TooSoon";
    /// <summary>What was opened is not the mount that was resolved.</summary>
    public const string IdentityChanged = "IdentityChanged";
    /// <summary>Nothing can be frozen.</summary>
    public const string NothingToFreeze = "NothingToFreeze";
    /// <summary>More filesystems than one window may hold.</summary>
    public const string TooManyFilesystems = "TooManyFilesystems";
    /// <summary>The freeze call failed.</summary>
    public const string FreezeFailed = "FreezeFailed";
    /// <summary>The thaw call failed.</summary>
    public const string ThawFailed = "ThawFailed";
    /// <summary>The flush failed.</summary>
    public const string FlushFailed = "FlushFailed";
    /// <summary>The freeze call does not return.</summary>
    public const string FreezeStuck = "FreezeStuck";
    /// <summary>The thaw call does not return.</summary>
    public const string ThawStuck = "ThawStuck";
    /// <summary>Released because another filesystem failed.</summary>
    public const string RolledBack = "RolledBack";
    /// <summary>The mount table could not be read.</summary>
    public const string MountTableUnreadable = "MountTableUnreadable";
    /// <summary>No verified tmpfs for the journal.</summary>
    public const string JournalUnavailable = "JournalUnavailable";
    /// <summary>The holder process could not be started.</summary>
    public const string HolderNotStarted = "HolderNotStarted";
    /// <summary>The holder cannot leave the container's cgroups or PID namespace, and that was not allowed.</summary>
    public const string HolderUnprotected = "HolderUnprotected";
    /// <summary>An error nobody foresaw.</summary>
    public const string InternalError = "InternalError";
}
