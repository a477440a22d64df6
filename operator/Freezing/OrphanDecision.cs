using Quiesce.Crds;

namespace Quiesce.Operator.Freezing;

/// <summary>What is to be done about internal objects whose request is gone.</summary>
internal static class OrphanDecision
{
    /// <summary>The next step: write the thaw command, wait, or (neither) delete everything.</summary>
    public static (WindowEnd? Thaw, TimeSpan? Wait) Decide(
        FreezeWindow? window, IReadOnlyList<NodeFreeze> nodeFreezes, DateTimeOffset now, FreezeLimits limits)
    {
        // Without a window nothing is held: a missing window means thaw. What inspects or thaws holds nothing anyway.
        var holds = nodeFreezes.Where(n => n.Spec.Mode == NodeFreezeMode.Hold).ToArray();
        if (window is null || holds.Length == 0) return (null, null);
        var reference = window.Spec.Request;
        var state = new FreezeState
        {
            Request = new()
            {
                Metadata = new() { Name = reference.Name, NamespaceProperty = reference.Namespace, Uid = reference.Uid, DeletionTimestamp = now.UtcDateTime },
                Spec = new() { DeadlineSeconds = window.Spec.DeadlineSeconds, FreezeTimeoutSeconds = holds[0].Spec.FreezeTimeoutSeconds },
            },
            Window = window,
            NodeFreezes = OfNodes.First(holds).ToDictionary(n => n.Spec.NodeName),
            Now = now,
            Limits = limits,
        };
        var progress = new Progress(state);
        if (window.Spec.DesiredState != WindowState.Thawed)
            return (new(Reasons.RequestDeleted, "the request is gone.", now), null);
        return progress.IsSettled ? (null, null) : (null, FreezeDecision.Until(progress.LostAt, now));
    }
}
