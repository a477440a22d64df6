using Quiesce.Crds;
using Quiesce.Operator.Nodes;

namespace Quiesce.Operator.Freezing;

/// <summary>How a request ended.</summary>
/// <param name="Phase">The final phase.</param>
/// <param name="Reason">One of <see cref="Reasons"/>.</param>
/// <param name="Message">A sentence for a person, with the next step.</param>
internal sealed record Verdict(FreezePhase Phase, string Reason, string Message)
{
    /// <summary>Judges a window that was ended and whose nodes are all settled.</summary>
    public static Verdict Of(FreezeState state, Progress progress)
    {
        var end = progress.End!;
        var stuck = StuckCalls.Of(progress.Nodes);
        var lost = progress.Nodes.Where(n => n is { Lost: true, Stuck.Count: 0 }).Select(n => n.Name).ToArray();
        if (!progress.Opened)
        {
            if (IsOutcome(end.Reason) && stuck.Count > 0) return New(FreezePhase.Failed, StuckCalls.Reason(stuck), $"never frozen as a whole: {StuckCalls.Describe(stuck)}");
            if (IsOutcome(end.Reason) && lost.Length > 0)
                return New(FreezePhase.Failed, Reasons.NodeLost, $"never frozen as a whole: {end.Message} {Silent(lost)}");
            var reason = end.Reason == Reasons.ThawRequested ? Reasons.ThawedBeforeFrozen : end.Reason;
            var message = reason switch
            {
                Reasons.ThawedBeforeFrozen or Reasons.RequestDeleted => $"never frozen as a whole: {end.Message}",
                Reasons.DeadlineExceeded => $"{end.Message} The deadline has to be longer than it takes to freeze all nodes.",
                _ => end.Message,
            };
            if (lost.Length > 0) message += $" {Silent(lost)}";
            if (stuck.Count > 0) message += $" {StuckCalls.Describe(stuck)}";
            // What is said of a deadline that ended a window does not fit one that never opened.
            return reason == Reasons.DeadlineExceeded ? new(FreezePhase.Failed, reason, message) : New(FreezePhase.Failed, reason, message);
        }

        if (stuck.Count > 0) return New(FreezePhase.Broken, StuckCalls.Reason(stuck), StuckCalls.Describe(stuck));
        if (OfBroken(progress) is { } broken) return broken;
        if (lost.Length > 0) return New(FreezePhase.Failed, Reasons.NodeLost, $"{Silent(lost)} Nothing proves that it held.");
        if (end.Reason == Reasons.DeadlineExceeded || progress.Nodes.Any(n => n.Phase == NodeFreezePhase.Expired))
            return New(FreezePhase.Expired, Reasons.DeadlineExceeded, $"the deadline of {progress.DeadlineSeconds} s ended the window.");
        // Every node held to the thaw command, but the command was not the user's.
        if (end.Reason is not (Reasons.ThawRequested or Reasons.RequestDeleted)) return New(FreezePhase.Broken, end.Reason, end.Message);
        var held = progress.Nodes.Sum(n => n.Report?.ThawedFilesystems ?? 0);
        return New(FreezePhase.Thawed, end.Reason, $"{Count(held, "filesystem")} on {Count(progress.Nodes.Count, "node")} held without a break until {end.Message}");
    }

    /// <summary>
    /// Not the failure of a node but what follows from one that is slow, silent or stuck, or the user's wish: where a node is lost or stuck, that is
    /// what there is to say.
    /// </summary>
    private static bool IsOutcome(string reason) => reason is Reasons.FreezeTimeout or Reasons.ThawRequested or Reasons.RequestDeleted
        or Reasons.DeadlineExceeded or Reasons.NotConfirmed or Reasons.CommandGone or Reasons.FreezeStuck or Reasons.ThawStuck;

    private static string Silent(IReadOnlyList<string> lost) => $"No end was reported by {Resolution.Names(lost)}, where the agent, if it lives, thaws by itself.";

    private static Verdict? OfBroken(Progress progress)
    {
        foreach (var node in progress.Nodes)
        {
            if (node.Freeze is null)
                return New(FreezePhase.Broken, Reasons.CommandGone, $"node {node.Name}: its NodeFreeze was deleted by someone else, so nothing proves that it held.");
            if (node.Phase is NodeFreezePhase.Broken or NodeFreezePhase.Failed || node.Restarted)
                return New(FreezePhase.Broken, WhyEnd.ReasonOf(node), node.Describe());
            if (node is { Phase: NodeFreezePhase.Thawed, Report: { } report } && report.FrozenFilesystems != report.ThawedFilesystems)
            {
                return New(
                    FreezePhase.Broken,
                    node.Culprit?.Reason ?? report.Reason ?? Reasons.ThawFailed,
                    $"node {node.Name}: {report.FrozenFilesystems} filesystems were frozen and {report.ThawedFilesystems} thawed.");
            }
        }

        return null;
    }

    /// <summary><c>1 node</c>, <c>3 nodes</c>.</summary>
    public static string Count(int count, string what) => count == 1 ? $"1 {what}" : $"{count} {what}s";

    private static Verdict New(FreezePhase phase, string reason, string message) => new(phase, reason, NextSteps.After(message, reason));
}
