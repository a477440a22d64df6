using k8s.Models;
using Quiesce.Crds;
using Quiesce.Operator.Freezing;
using Quiesce.Operator.Nodes;

namespace Quiesce.Operator.Thawing;

/// <summary>Decides what is to be done about a ThawRequest: a pure function of its objects and the time.</summary>
internal static class ThawDecision
{
    /// <summary>The next step.</summary>
    public static ThawStep Decide(ThawState state)
    {
        var (request, status) = (state.Request, state.Request.Status);
        if (request.Metadata.DeletionTimestamp is not null) return new();
        if (status is { Phase: >= ThawPhase.Thawed }) return AfterTheEnd(state, status);
        if (status is null)
        {
            if (Refuse(state) is { } refusal) return Failed(state, refusal, accepted: false);
            if (request.Metadata.Labels?.ContainsKey(QuiesceApi.ExcludeFromBackupLabel) is not true) return new() { Action = ThawAction.Label };
            var message = $"node {request.Spec.NodeName} was told to thaw {What(request.Spec)}, whoever froze it.";
            return new()
            {
                Status = Status(state, ThawPhase.Thawing, Reasons.InProgress, message, ConditionStatus.True, ConditionStatus.False, ConditionStatus.False),
                Stories = [new(nameof(ThawPhase.Thawing), message)],
            };
        }

        var by = (status.StartedAt ?? state.Now) + TimeSpan.FromSeconds(request.Spec.TimeoutSeconds);
        if (state.NodeFreeze?.Report is { Phase: NodeFreezePhase.Thawed } done) return Thawed(state, done);
        if (state.NodeFreeze?.Report is { Phase: > NodeFreezePhase.Thawed } failed)
        {
            var view = new NodeView(request.Spec.NodeName, state.NodeFreeze, Restarted: false, Lost: false);
            return Failed(state, new(failed.Reason ?? Reasons.ThawFailed, view.Describe()), accepted: true);
        }

        if (state.WriteRefused is { } refused) return Failed(state, refused, accepted: true);
        if (state.Now >= by)
        {
            var silent = $"node {request.Spec.NodeName} did not answer within {request.Spec.TimeoutSeconds} s.";
            return Failed(state, new(Reasons.NodeLost, silent), accepted: true);
        }

        return state.NodeFreeze is null
            ? new() { Action = ThawAction.Create, NodeFreeze = Plan(state) }
            : new() { RequeueAfter = FreezeDecision.Until(by, state.Now) };
    }

    private static ThawStep AfterTheEnd(ThawState state, ThawRequestStatus status)
    {
        if (state.NodeFreeze is not null) return new() { Action = ThawAction.DeleteNodeFreeze };
        if (state.Request.Spec.TtlSecondsAfterFinished is not { } ttl) return new();
        var finished = status.Conditions.FirstOrDefault(c => c.Type == ConditionTypes.Finished)?.LastTransitionTime ?? state.Now;
        var over = finished + TimeSpan.FromSeconds(ttl);
        return state.Now >= over ? new() { Action = ThawAction.DeleteRequest } : new() { RequeueAfter = FreezeDecision.Until(over, state.Now) };
    }

    private static Refusal? Refuse(ThawState state)
    {
        var node = state.Request.Spec.NodeName;
        if (state.Request.Metadata.Labels?.TryGetValue(QuiesceApi.RestoreNameLabel, out var restore) is true)
            return new(Reasons.Restored, $"this request was restored from a backup ({restore}), and a restore never thaws.");
        if (TakenAs(state.Request) is { } original && original != state.Request.Metadata.Uid)
            return new(Reasons.Restored, $"this request is a copy of one that was carried out before (its annotation {QuiesceApi.TakenAsAnnotation} names another UID), and a request thaws once.");
        if (state.WriteRefused is { } refused) return refused;
        if (!state.Cluster.Nodes.ContainsKey(node)) return new(Reasons.NodeNotFound, $"there is no node {node}: compare with `kubectl get nodes`.");
        return state.Cluster.ReadyAgents.Contains(node)
            ? null
            : new(Reasons.AgentNotReady, $"no ready agent runs on node {node}. On the node itself, `quiesce-agent thaw` does the same without the API.");
    }

    private static string? TakenAs(ThawRequest request) => request.Metadata.Annotations?.TryGetValue(QuiesceApi.TakenAsAnnotation, out var uid) is true ? uid : null;

    private static NodeFreeze Plan(ThawState state)
    {
        var (meta, spec) = (state.Request.Metadata, state.Request.Spec);
        return new()
        {
            Metadata = new V1ObjectMeta
            {
                NamespaceProperty = state.Namespace,
                Labels = InternalObjects.Labels(meta.Uid),
                Annotations = state.TraceParent is { } trace ? new Dictionary<string, string> { [QuiesceApi.TraceParentAnnotation] = trace } : null,
            },
            Spec = new()
            {
                NodeName = spec.NodeName,
                Request = InternalObjects.Reference(meta),
                Mode = NodeFreezeMode.ThawUnconditionally,
                Paths = spec.Paths,
                AllFilesystems = spec.Paths.Count == 0,
                FreezeTimeoutSeconds = spec.TimeoutSeconds,
            },
        };
    }

    private static ThawStep Thawed(ThawState state, NodeFreezeStatus report)
    {
        var message = report.ThawedFilesystems == 0
            ? $"node {state.Request.Spec.NodeName}: nothing was frozen."
            : $"node {state.Request.Spec.NodeName}: {Verdict.Count(report.ThawedFilesystems, "filesystem")} thawed.";
        return new()
        {
            Status = Status(state, ThawPhase.Thawed, Reasons.ThawRequested, message, ConditionStatus.True, ConditionStatus.True, ConditionStatus.True),
            Stories = [new(nameof(ThawPhase.Thawed), message)],
        };
    }

    private static ThawStep Failed(ThawState state, Refusal refusal, bool accepted)
    {
        var message = NextSteps.After(refusal.Message, refusal.Reason);
        return new()
        {
            Status = Status(
                state, ThawPhase.Failed, refusal.Reason, message, accepted ? ConditionStatus.True : ConditionStatus.False, ConditionStatus.False, ConditionStatus.True),
            Stories = [new(nameof(ThawPhase.Failed), $"{refusal.Reason}: {message}", IsWarning: true)],
            RestsOnAbsence = refusal.Reason is Reasons.NodeNotFound or Reasons.AgentNotReady,
        };
    }

    private static ThawRequestStatus Status(
        ThawState state, ThawPhase phase, string reason, string message, string accepted, string thawed, string finished)
    {
        var before = state.Request.Status;
        var generation = state.Request.Metadata.Generation ?? 0;
        var report = state.NodeFreeze?.Report;
        return new()
        {
            ObservedGeneration = generation,
            Phase = phase,
            Reason = reason,
            Message = message,
            StartedAt = before?.StartedAt ?? state.Now,
            ThawedFilesystems = report?.ThawedFilesystems ?? 0,
            Filesystems = report?.Filesystems ?? [],
            Conditions = new Conditions(before?.Conditions ?? [], generation, state.Now)
                .Set(ConditionTypes.Accepted, accepted, accepted == ConditionStatus.True ? Reasons.Accepted : reason, accepted == ConditionStatus.True ? "" : message)
                .Set(ConditionTypes.Thawed, thawed, reason, message)
                .Set(ConditionTypes.Finished, finished, reason, message)
                .All,
        };
    }

    private static string What(ThawRequestSpec spec) => spec.Paths.Count == 0 ? "every filesystem" : string.Join(", ", spec.Paths.Take(5));
}
