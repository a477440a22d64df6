using Quiesce.Crds;
using Quiesce.Operator.Hooks;
using Quiesce.Operator.Nodes;

namespace Quiesce.Operator.Freezing;

/// <summary>The conditions that a request has only when there is cause: of its nodes HolderProtected and FilesystemStuck, its <see cref="Warnings"/>, and HooksSucceeded.</summary>
internal static class NodeConditions
{
    /// <summary>Different explanations that a message gives; the rest is counted.</summary>
    private const int MostExplanations = 3;

    /// <summary>Sets them, or keeps what was said before where the nodes say nothing more.</summary>
    public static Conditions About(this Conditions conditions, FreezeState state, IReadOnlyList<NodeView> nodes)
    {
        Protection(conditions, nodes);
        Stuck(conditions, state.Request.Status, nodes);
        // A request that was refused holds nothing.
        if (state.Window is not null || state.Request.Spec.DryRun) conditions.Warn(state);
        return conditions.AboutHooks(state);
    }

    private static void Protection(Conditions conditions, IReadOnlyList<NodeView> nodes)
    {
        const string type = ConditionTypes.HolderProtected;
        var unprotected = nodes.Where(n => n.Report?.HolderProtected is false).ToArray();
        if (unprotected.Length > 0) conditions.Set(type, ConditionStatus.False, Reasons.HolderUnprotected, Explain(unprotected));
        else if (nodes.Any(n => n.Report?.HolderProtected is true)) conditions.Set(type, ConditionStatus.True, Reasons.HolderProtected);
        else conditions.Keep(type);
    }

    /// <summary>Nodes of one installation mostly have the same trouble: each explanation is given once.</summary>
    private static string Explain(IReadOnlyList<NodeView> unprotected)
    {
        var explanations = unprotected.GroupBy(n => n.Report!.HolderProtectionMessage ?? "").ToArray();
        var named = explanations.Take(MostExplanations).Select(e =>
            $"{Resolution.Names([.. e.Select(n => n.Name)])}: {(e.Key.Length > 0 ? e.Key : "what kills or pauses the agent's container reaches the holder too")}");
        var rest = explanations.Skip(MostExplanations).Sum(e => e.Count());
        return string.Join("; ", named) + (rest == 0 ? "." : $"; and {Verdict.Count(rest, "node")} more.");
    }

    private static void Stuck(Conditions conditions, FreezeRequestStatus? before, IReadOnlyList<NodeView> nodes)
    {
        const string type = ConditionTypes.FilesystemStuck;
        var stuck = StuckCalls.Of(nodes);
        if (stuck.Count > 0)
        {
            conditions.Set(type, ConditionStatus.True, StuckCalls.Reason(stuck), StuckCalls.Describe(stuck));
            return;
        }

        if (conditions.Before(type) is not { Status: ConditionStatus.True })
        {
            conditions.Keep(type);
            return;
        }

        var were = StuckCalls.Of(before!);
        var views = nodes.ToDictionary(n => n.Name);
        var unheard = were.Select(w => w.Node).Distinct().Where(node => views.GetValueOrDefault(node)?.Freeze is null).ToArray();
        var failed = nodes.FirstOrDefault(n => n.Unreleased is not null);
        if (unheard.Length > 0)
            conditions.Set(type, ConditionStatus.Unknown, Reasons.CommandGone, $"{Resolution.Names(unheard)}: the NodeFreeze was deleted by someone else, so nothing more is heard of what was stuck.");
        else if (failed is not null)
            conditions.Set(type, ConditionStatus.False, Reasons.ThawFailed, NextSteps.After(failed.Describe(), Reasons.ThawFailed));
        else
            conditions.Set(type, ConditionStatus.False, Reasons.Released, StuckCalls.DescribeReleased(were));
    }
}
