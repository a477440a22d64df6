using Quiesce.Crds;
using Quiesce.Operator.Hooks;
using Quiesce.Operator.Nodes;

namespace Quiesce.Operator.Freezing;

/// <summary>A request that only resolves and reports: NodeFreezes that inspect, and no window, so that nothing can be frozen.</summary>
internal static class DryRun
{
    /// <summary>The next step.</summary>
    public static Decision Decide(FreezeState state)
    {
        if (state is { IsBeingDeleted: true, HasFinalizer: false }) return new();
        var status = state.Request.Status;
        var planned = status?.NodeCount ?? 0;
        var nodes = state.NodeFreezes.OrderBy(n => n.Key, StringComparer.Ordinal).Select(n => new NodeView(n.Key, n.Value, Restarted: false, Lost: false)).ToArray();
        if (state.IsBeingDeleted) return Fail(state, nodes, new(Reasons.RequestDeleted, "deleted before every node had reported."));
        if (state.Request.Spec.DesiredState == DesiredState.Thawed && planned > 0)
            return Fail(state, nodes, new(Reasons.ThawedBeforeFrozen, "desiredState was set to Thawed before every node had reported."));

        if (planned == 0 || nodes.Length < planned)
        {
            if (state.LacksWorkloads) return new() { NeedsWorkloads = true };
            var (targets, refusal, absence) = Admission.Check(state);
            if (refusal is not null) return planned == 0 ? FreezeDecision.Refused(state, refusal, absence) : Fail(state, nodes, refusal);
            if (!FreezeDecision.IsClaimed(state)) return new() { Action = new FreezeAction.Claim() };
            if (planned == 0)
            {
                var (hooks, _) = HookPlan.HasHooks(state.Request.Spec)
                    ? HookPlan.Of(state.Request.Spec, state.Request.Metadata.NamespaceProperty ?? "", state.Workloads!, targets!.Pods)
                    : ([], null);
                return new()
                {
                    Status = StatusReport.Inspecting(state.With(hooks), nodes, targets!.Names.Count, FreezeDecision.AcceptedMessage(targets)),
                    Stories = [new(Reasons.Accepted, FreezeDecision.AcceptedMessage(targets))],
                };
            }

            var missing = targets!.Names.Where(name => !state.NodeFreezes.ContainsKey(name)).ToArray();
            if (missing.Length > 0)
            {
                return new()
                {
                    Action = new FreezeAction.CreateNodeFreezes(
                        [.. missing.Select(name => InternalObjects.NodeFreeze(state, targets, name, NodeFreezeMode.Inspect))]),
                };
            }
        }

        var silent = nodes.Where(n => !n.IsFinal).ToArray();
        if (silent.Length == 0) return Judge(state, nodes);
        var by = (status!.StartedAt ?? state.Now) + TimeSpan.FromSeconds(state.Request.Spec.FreezeTimeoutSeconds);
        if (state.Now >= by)
        {
            var names = Resolution.Names([.. silent.Select(n => n.Name)]);
            return Fail(state, nodes, new(Reasons.FreezeTimeout, $"{names} not inspected within {state.Request.Spec.FreezeTimeoutSeconds} s."));
        }

        return new()
        {
            Status = StatusReport.Inspecting(state, nodes, planned, StatusReport.Accepted(state) ?? ""),
            RequeueAfter = FreezeDecision.Until(by, state.Now),
        };
    }

    private static Decision Judge(FreezeState state, NodeView[] nodes)
    {
        var failed = Array.Find(nodes, n => n.Phase != NodeFreezePhase.Thawed);
        if (failed is not null) return Fail(state, nodes, new(WhyEnd.ReasonOf(failed), failed.Describe()));
        var found = nodes.Sum(n => n.Report?.Filesystems?.Count(f => f.State is FilesystemState.Resolved or FilesystemState.Prepared) ?? 0);
        var message = $"dry run: {Verdict.Count(found, "filesystem")} on {Verdict.Count(nodes.Length, "node")} would be frozen; nothing was.";
        return End(state, nodes, new(FreezePhase.Thawed, Reasons.DryRunCompleted, message));
    }

    private static Decision Fail(FreezeState state, NodeView[] nodes, Refusal refusal) =>
        End(state, nodes, new(FreezePhase.Failed, refusal.Reason, NextSteps.After(refusal.Message, refusal.Reason)));

    private static Decision End(FreezeState state, NodeView[] nodes, Verdict verdict) => new()
    {
        Status = StatusReport.WithoutWindow(state, nodes, verdict, accepted: true),
        Stories = [FreezeDecision.FinalStory(verdict)],
    };
}
