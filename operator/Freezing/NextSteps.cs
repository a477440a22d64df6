using Quiesce.Crds;

namespace Quiesce.Operator.Freezing;

/// <summary>What a person can do about a reason, as the last sentence of a message.</summary>
internal static class NextSteps
{
    /// <summary>The next step for a reason; empty where there is nothing to do.</summary>
    public static string For(string reason) => reason switch
    {
        Reasons.NodeNotFound or Reasons.NoNodeMatches => "Create a new request with a node that exists.",
        Reasons.AgentNotReady => "Create a new request once the agent is ready.",
        Reasons.FreezeTimeout => "Look at the agent's log on that node; a larger freezeTimeoutSeconds gives slow flushes more time.",
        Reasons.ThawedBeforeFrozen => "Create a new request to freeze.",
        Reasons.Restored => "Delete it; create a new request to freeze.",
        Reasons.DeadlineExceeded => "Whatever was taken in the window is not proven consistent: take it again with a longer deadlineSeconds, or raise it while frozen.",
        Reasons.ThawedByOther => "Find out who thawed it (fsfreeze, a ThawRequest, another backup tool), and take the backup again.",
        Reasons.DeviceWritten or Reasons.HolderDied or Reasons.AgentRestarted or Reasons.AgentStopped or Reasons.NodeRebooted or Reasons.CommandGone
            or Reasons.NotConfirmed => "Take the backup again.",
        Reasons.NodeLost => "Look at the node; if it lives, `kubectl get pods -o wide` shows its agent.",
        Reasons.PathNotFound or Reasons.NotADirectory or Reasons.InvalidPath => "Create a new request with the path of a folder that exists on that node.",
        Reasons.PermissionDenied => "Give the agent the right to open it.",
        Reasons.FreezeNotSupported => "Leave it out, or set unsupportedFilesystems to Skip.",
        Reasons.ProtectedFilesystem => "An administrator can allow that filesystem; freezing it can stop the node.",
        Reasons.AlreadyFrozen => "Whoever froze it must thaw it; a ThawRequest thaws it in any case.",
        Reasons.HeldByOtherRequest => "Wait until the other request has ended.",
        Reasons.TooSoon => "Create a new request after that; conflictPolicy Wait does so by itself.",
        Reasons.TooManyRequests => "Wait until one of them has ended; an administrator sets the maximum (--max-requests-per-namespace).",
        Reasons.ClaimNotFound or Reasons.NoPodMatches or Reasons.VolumeNotFound => "Create a new request with what exists in its namespace.",
        Reasons.ClaimNotBound => "Create a new request once it is bound and a pod runs with it.",
        Reasons.ClaimNotMounted => "Back it up without a freeze, or create a new request once a pod runs with it.",
        Reasons.BlockVolume or Reasons.UnsupportedVolume => "Leave it out; the application that uses it has to be quiesced by its own means.",
        Reasons.SharedFilesystem => "Set allowSharedFilesystem on the target if everything on that filesystem may stand still.",
        Reasons.VolumeNotMounted => "See whether its pod runs, and create a new request.",
        Reasons.TargetsChanged => "Create a new request when no pods come or go, or with a longer freezeTimeoutSeconds.",
        Reasons.HooksNotEnabled => "Ask an administrator to enable hooks for this namespace, or leave them out.",
        Reasons.HookFailed or Reasons.HookNotRun => "status.hooks has the end of what it wrote; mend the command, and create a new request.",
        Reasons.HookTimeout => "Give it a longer timeout, or find out what it waits for.",
        Reasons.HookInterrupted => "Create a new request.",
        Reasons.NothingToFreeze => "`dryRun: true` shows what is found and why it is left out.",
        Reasons.TooManyTargets or Reasons.TooManyFilesystems => "Make several requests.",
        Reasons.ThawFailed => "If it stays frozen, apply a ThawRequest for that node.",
        Reasons.ThawStuck or Reasons.FreezeStuck => "Restore its device, or what backs it; nothing else needs to be done, and no request can freeze it before.",
        Reasons.HolderUnprotected => "Run the agent's pod so that its holder can leave the container, or have an administrator allow unprotected holders.",
        _ => "",
    };

    /// <summary>A sentence and the next step after it.</summary>
    public static string After(string message, string reason) => For(reason) is { Length: > 0 } next ? $"{Ended(message)} {next}" : message;

    // An agent's messages end without a full stop.
    private static string Ended(string message) => message.Length == 0 || message[^1] is '.' or '!' or '?' ? message : $"{message}.";
}
