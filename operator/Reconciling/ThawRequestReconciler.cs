using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using Quiesce.Crds;
using Quiesce.Crds.Client;
using Quiesce.Operator.Nodes;
using Quiesce.Operator.Telemetry;
using Quiesce.Operator.Thawing;
using Quiesce.Runtime;
using Quiesce.Telemetry;

namespace Quiesce.Operator.Reconciling;

/// <summary>Carries out what <see cref="ThawDecision"/> decides about a ThawRequest.</summary>
internal sealed partial class ThawRequestReconciler(
    ClusterObjects objects, FreezeWrites writes, OrphanSweep sweep, EventRecorder events, RequestTraces traces, RequestClocks clocks, ILogger<ThawRequestReconciler> logger)
    : IEntityController<ThawRequest>
{
    private const int MostSteps = 12;

    /// <inheritdoc/>
    public async Task<ReconciliationResult<ThawRequest>> ReconcileAsync(ThawRequest entity, CancellationToken cancellationToken)
    {
        var (request, cluster, isFresh) = (entity, objects.View(), false);
        Refusal? refused = null;
        for (var i = 0; i < MostSteps; i++)
        {
            var plan = objects.NodeFreezeCache.ByIndex(request.Metadata.Uid).FirstOrDefault(n => n.Spec.Mode == NodeFreezeMode.ThawUnconditionally);
            var state = new ThawState
            {
                Request = request,
                NodeFreeze = plan,
                Cluster = cluster,
                WriteRefused = refused,
                Now = clocks.Now(request),
                TraceParent = TraceParent.Write(traces.Of(request.Kind, request.Metadata, request.Status is { Phase: >= ThawPhase.Thawed }, plan?.Metadata)),
                Namespace = objects.Settings.Namespace,
            };
            var step = ThawDecision.Decide(state);
            if (step.RestsOnAbsence && !isFresh)
            {
                (cluster, isFresh) = (await objects.ViewNowAsync(cancellationToken), true);
                continue;
            }

            try
            {
                if (step.Action != ThawAction.None) await ActAsync(state, step, cancellationToken);
                else if (!await WriteStatusAsync(state, step, cancellationToken)) return ReconciliationResult<ThawRequest>.Success(request, step.RequeueAfter);
                foreach (var story in step.Stories) events.Tell(request, story, isNew: request.Status is null);
            }
            catch (KubernetesApiException e) when (step.Action is ThawAction.None or ThawAction.Label && (e.IsConflict || e.IsNotFound))
            {
                // If it is gone the watch tells; if that is untrue, nobody else does.
                if (!await ReadAgainAsync(request, cancellationToken)) return ReconciliationResult<ThawRequest>.Success(request, TimeSpan.FromSeconds(1));
            }
            catch (KubernetesApiException e) when (step.Action is ThawAction.Create or ThawAction.Label && FreezeWrites.IsForGood(e))
            {
                refused = FreezeWrites.Refusal(e);
                continue;
            }

            // Someone else's finalizer may keep it; the watch tells.
            if (step.Action == ThawAction.DeleteRequest) return ReconciliationResult<ThawRequest>.Success(request);
            if (objects.ThawRequestCache.Get(ObjectKey.Of(request)) is not { } now || now.Metadata.Uid != request.Metadata.Uid)
                return ReconciliationResult<ThawRequest>.Success(request);
            request = now;
        }

        return ReconciliationResult<ThawRequest>.Success(request, TimeSpan.FromSeconds(1));
    }

    /// <inheritdoc/>
    public async Task<ReconciliationResult<ThawRequest>> DeletedAsync(ThawRequest entity, CancellationToken cancellationToken)
    {
        // As with a FreezeRequest: storage that was set back.
        if (objects.ThawRequestCache.Get(ObjectKey.Of(entity))?.Metadata.Uid == entity.Metadata.Uid) return ReconciliationResult<ThawRequest>.Success(entity);
        traces.Forget(entity.Metadata.Uid);
        return ReconciliationResult<ThawRequest>.Success(entity, await sweep.SweepAsync(entity.Metadata.Uid, cancellationToken));
    }

    private async Task ActAsync(ThawState state, ThawStep step, CancellationToken cancellationToken)
    {
        var meta = state.Request.Metadata;
        switch (step.Action)
        {
            case ThawAction.Label:
                var marks = new JsonObject
                {
                    ["uid"] = meta.Uid,
                    ["labels"] = new JsonObject { [QuiesceApi.ExcludeFromBackupLabel] = "true" },
                    ["annotations"] = new JsonObject { [QuiesceApi.TakenAsAnnotation] = meta.Uid },
                };
                var patch = new JsonObject { ["metadata"] = marks };
                objects.ThawRequestCache.Observe(await objects.ThawRequests.PatchAsync(null, meta.Name, patch, null, cancellationToken));
                break;
            case ThawAction.Create:
                await writes.CreateNodeFreezesAsync([step.NodeFreeze!], cancellationToken);
                break;
            case ThawAction.DeleteNodeFreeze:
                await writes.DeleteNodeFreezeAsync(state.NodeFreeze!, cancellationToken);
                break;
            case ThawAction.DeleteRequest:
                await objects.ThawRequests.DeleteAsync(null, meta.Name, meta.Uid, cancellationToken: cancellationToken);
                if (meta.Finalizers is null or []) objects.ThawRequestCache.ObserveDeletion(state.Request);
                break;
        }
    }

    /// <returns>False when there was nothing to write.</returns>
    private async Task<bool> WriteStatusAsync(ThawState state, ThawStep step, CancellationToken cancellationToken)
    {
        if (step.Status is not { } status) return false;
        var (before, after) = (state.Request, state.Request with { Status = status });
        if (JsonSerializer.Serialize(before.Status, CrdsJson.Default.ThawRequestStatus) == JsonSerializer.Serialize(status, CrdsJson.Default.ThawRequestStatus)) return false;
        objects.ThawRequestCache.Observe(await objects.ThawRequests.PatchStatusAsync(before, after, cancellationToken));
        LogPhase(before.Metadata.Name, status.Phase, status.Reason, status.Message);
        traces.Phase(before.Metadata.Uid, status.Phase.ToString(), status.Reason, status.Phase >= ThawPhase.Thawed, status.Phase > ThawPhase.Thawed);
        return true;
    }

    private async Task<bool> ReadAgainAsync(ThawRequest request, CancellationToken cancellationToken)
    {
        var now = await objects.ThawRequests.GetAsync(null, request.Metadata.Name, cancellationToken);
        if (now is null) return false;
        if (now.Metadata.Uid != request.Metadata.Uid) objects.ThawRequestCache.ObserveDeletion(request);
        objects.ThawRequestCache.Observe(now);
        return true;
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "ThawRequest {name} is {phase}: {reason}: {text}")]
    private partial void LogPhase(string name, ThawPhase phase, string? reason, string? text);
}
