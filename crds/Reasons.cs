namespace Quiesce.Crds;

/// <summary>Every CamelCase reason that appears in a condition, a status or an Event; explained for people in <c>docs/reasons.md</c>.</summary>
/// <remarks>The freezing core, which knows nothing of Kubernetes, uses the same spelling; a test holds the two together.</remarks>
public static class Reasons
{
    // Progress.

    /// <summary>The request was understood and its nodes are known.</summary>
    public const string Accepted = "Accepted";
    /// <summary>Waiting for the next step.</summary>
    public const string InProgress = "InProgress";
    /// <summary>Every freezable filesystem is frozen on every node.</summary>
    public const string AllFrozen = "AllFrozen";
    /// <summary>The window is open; the verdict follows at its end.</summary>
    public const string WindowOpen = "WindowOpen";
    /// <summary>The deadline of an open window was raised.</summary>
    public const string DeadlineRaised = "DeadlineRaised";
    /// <summary>The window was ended by the user.</summary>
    public const string ThawRequested = "ThawRequested";
    /// <summary>The window was ended because the request is being deleted.</summary>
    public const string RequestDeleted = "RequestDeleted";
    /// <summary>Every filesystem was held without a break and every release answered success.</summary>
    public const string HeldWithoutBreak = "HeldWithoutBreak";
    /// <summary>A dry run resolved its targets; nothing was frozen.</summary>
    public const string DryRunCompleted = "DryRunCompleted";
    /// <summary>Every node that has said has its holder out of the reach of what kills or pauses its agent.</summary>
    public const string HolderProtected = "HolderProtected";
    /// <summary>What was stuck in a freeze or thaw call has been released.</summary>
    public const string Released = "Released";

    /// <summary>A pod's liveness probe gives up sooner than the hold may end.</summary>
    public const string ProbeMayKill = "ProbeMayKill";
    /// <summary>The hold may last longer than the kernel's hung-task detection waits.</summary>
    public const string LongHold = "LongHold";

    // Ends of a window that opened.

    /// <summary>The deadline ended the window.</summary>
    public const string DeadlineExceeded = "DeadlineExceeded";
    /// <summary>A release answered EINVAL: the filesystem is not provably held, someone else thawed it.</summary>
    public const string ThawedByOther = "ThawedByOther";
    /// <summary>Writes were seen on the device during the hold.</summary>
    public const string DeviceWritten = "DeviceWritten";
    /// <summary>The agent that froze is not the one that reports; the filesystems were thawed at once.</summary>
    public const string AgentRestarted = "AgentRestarted";
    /// <summary>The agent was asked to stop and thawed at once.</summary>
    public const string AgentStopped = "AgentStopped";
    /// <summary>The process that held the filesystems died; they were thawed at once.</summary>
    public const string HolderDied = "HolderDied";
    /// <summary>The node was rebooted.</summary>
    public const string NodeRebooted = "NodeRebooted";
    /// <summary>The command object was gone, which means thaw.</summary>
    public const string CommandGone = "CommandGone";
    /// <summary>The confirmation that all nodes are frozen did not reach the agent in time.</summary>
    public const string NotConfirmed = "NotConfirmed";
    /// <summary>The node was silent past deadline and grace; its agent thaws by itself.</summary>
    public const string NodeLost = "NodeLost";

    // Why a window never opened.

    /// <summary>A target names a node that does not exist.</summary>
    public const string NodeNotFound = "NodeNotFound";
    /// <summary>A selector matches no node.</summary>
    public const string NoNodeMatches = "NoNodeMatches";
    /// <summary>No ready agent runs on a node.</summary>
    public const string AgentNotReady = "AgentNotReady";
    /// <summary>Not everything was frozen within the freeze timeout.</summary>
    public const string FreezeTimeout = "FreezeTimeout";
    /// <summary>Ended by the user before everything was frozen.</summary>
    public const string ThawedBeforeFrozen = "ThawedBeforeFrozen";
    /// <summary>The deadline asked for is above the maximum of this installation.</summary>
    public const string DeadlineTooLong = "DeadlineTooLong";
    /// <summary>The request carries a restore label, or is a copy of one that was carried out before: a restore never freezes.</summary>
    public const string Restored = "Restored";
    /// <summary>A node's plan would hold more paths than the bound.</summary>
    public const string TooManyTargets = "TooManyTargets";
    /// <summary>A target names a claim that does not exist in the request's namespace.</summary>
    public const string ClaimNotFound = "ClaimNotFound";
    /// <summary>A claim is not bound to a volume.</summary>
    public const string ClaimNotBound = "ClaimNotBound";
    /// <summary>No running pod mounts a claim, so that no node has it.</summary>
    public const string ClaimNotMounted = "ClaimNotMounted";
    /// <summary>A claim is a block device without a filesystem that a node mounts.</summary>
    public const string BlockVolume = "BlockVolume";
    /// <summary>A selector matches no running pod.</summary>
    public const string NoPodMatches = "NoPodMatches";
    /// <summary>A selected pod has no volume of a name that the target asks for.</summary>
    public const string VolumeNotFound = "VolumeNotFound";
    /// <summary>A volume of a kind that is not a claim, or that no node mounts as kubelet does.</summary>
    public const string UnsupportedVolume = "UnsupportedVolume";
    /// <summary>Pods, claims or volumes of the request came, went or moved before everything was frozen.</summary>
    public const string TargetsChanged = "TargetsChanged";
    /// <summary>A node failed; see its own reason.</summary>
    public const string NodeFailed = "NodeFailed";

    // Of hooks.

    /// <summary>Commands run in pods, before the freeze or after the thaw.</summary>
    public const string RunningHooks = "RunningHooks";
    /// <summary>Every hook whose failure counts has succeeded.</summary>
    public const string HooksSucceeded = "HooksSucceeded";
    /// <summary>The request has hooks, and the installation does not enable them for its namespace.</summary>
    public const string HooksNotEnabled = "HooksNotEnabled";
    /// <summary>A hook's pods or container do not exist, or there are too many.</summary>
    public const string InvalidHook = "InvalidHook";
    /// <summary>A hook's command ended with another exit code than 0.</summary>
    public const string HookFailed = "HookFailed";
    /// <summary>A hook's command did not end within its timeout.</summary>
    public const string HookTimeout = "HookTimeout";
    /// <summary>A hook's command could not be run, or the connection to it was lost.</summary>
    public const string HookNotRun = "HookNotRun";
    /// <summary>Whether a hook's command has run to its end is not known: the operator that had sent it was replaced, or called it off.</summary>
    public const string HookInterrupted = "HookInterrupted";
    /// <summary>The pod of a hook is gone, and its application with it.</summary>
    public const string PodGone = "PodGone";

    // Of one filesystem, and of a node because of one.

    /// <summary>The path does not exist on the node.</summary>
    public const string PathNotFound = "PathNotFound";
    /// <summary>The path is not a folder.</summary>
    public const string NotADirectory = "NotADirectory";
    /// <summary>The path is relative, too long or contains <c>..</c>.</summary>
    public const string InvalidPath = "InvalidPath";
    /// <summary>The agent may not open the path or freeze it.</summary>
    public const string PermissionDenied = "PermissionDenied";
    /// <summary>The kernel has no freeze for this filesystem.</summary>
    public const string FreezeNotSupported = "FreezeNotSupported";
    /// <summary>The filesystem is protected, or backs one that is.</summary>
    public const string ProtectedFilesystem = "ProtectedFilesystem";
    /// <summary>The filesystem of a claim is not that volume's alone, but is also mounted elsewhere or only a folder of it is the volume.</summary>
    public const string SharedFilesystem = "SharedFilesystem";
    /// <summary>A volume is not mounted where kubelet mounts it for the pod.</summary>
    public const string VolumeNotMounted = "VolumeNotMounted";
    /// <summary>The filesystem was frozen already, by someone else.</summary>
    public const string AlreadyFrozen = "AlreadyFrozen";
    /// <summary>Another window of this node holds it, what backs it, or what it backs.</summary>
    public const string HeldByOtherRequest = "HeldByOtherRequest";
    /// <summary>A hold of the filesystem ended a moment ago, and this installation leaves a pause between two.</summary>
    public const string TooSoon = "TooSoon";
    /// <summary>The namespace has as many requests under way as this installation allows.</summary>
    public const string TooManyRequests = "TooManyRequests";
    /// <summary>What was opened is not the mount that was resolved; it was left alone.</summary>
    public const string IdentityChanged = "IdentityChanged";
    /// <summary>Nothing of the plan can be frozen.</summary>
    public const string NothingToFreeze = "NothingToFreeze";
    /// <summary>More filesystems than one window may hold on one node.</summary>
    public const string TooManyFilesystems = "TooManyFilesystems";
    /// <summary>The freeze call failed; the message says how.</summary>
    public const string FreezeFailed = "FreezeFailed";
    /// <summary>The thaw call failed; the message says how, and how to recover.</summary>
    public const string ThawFailed = "ThawFailed";
    /// <summary>The flush before the freeze failed.</summary>
    public const string FlushFailed = "FlushFailed";
    /// <summary>The freeze call does not return.</summary>
    public const string FreezeStuck = "FreezeStuck";
    /// <summary>The thaw call does not return.</summary>
    public const string ThawStuck = "ThawStuck";
    /// <summary>Released because another filesystem or node of the request failed.</summary>
    public const string RolledBack = "RolledBack";
    /// <summary>The node's mount table could not be read.</summary>
    public const string MountTableUnreadable = "MountTableUnreadable";
    /// <summary>No verified tmpfs for the journal.</summary>
    public const string JournalUnavailable = "JournalUnavailable";
    /// <summary>The holder process could not be started.</summary>
    public const string HolderNotStarted = "HolderNotStarted";
    /// <summary>The holder cannot leave the container's cgroups or PID namespace; where that is not allowed, nothing is frozen.</summary>
    public const string HolderUnprotected = "HolderUnprotected";
    /// <summary>An error nobody foresaw; the message carries it.</summary>
    public const string InternalError = "InternalError";
}
