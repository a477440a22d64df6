using Microsoft.Extensions.Logging;
using Quiesce.Crds;
using Quiesce.Crds.Client;
using Quiesce.Operator.Freezing;
using Quiesce.Operator.Hooks;
using Quiesce.Operator.Nodes;
using Quiesce.Operator.Telemetry;
using Quiesce.Runtime;
using Quiesce.Telemetry;

namespace Quiesce.Operator.Reconciling;

/// <summary>Carries out what <see cref="FreezeDecision"/> decides about a FreezeRequest, one write after the other, until nothing is left to do.</summary>
internal sealed partial class FreezeRequestReconciler(
    ClusterObjects objects,
    FreezeWrites writes,
    HookRuns hooks,
    OrphanSweep sweep,
    EventRecorder events,
    OperatorMeter meter,
    RequestTraces traces,
    RequestClocks clocks,
    TimeProvider time,
    ILogger<FreezeRequestReconciler> logger) : IEntityController<FreezeRequest>, IEntityFinalizer<FreezeRequest>
{
    /// <summary>Writes in one go; far more than the longest way from one wait to the next.</summary>
    private const int MostSteps = 24;

    /// <summary>The longest rest on the word that something is gone, which may be untrue.</summary>
    private static readonly TimeSpan LongestRestOnAbsence = TimeSpan.FromSeconds(1);

    private readonly AgentInstances _instances = new();
    private readonly StatusPace _pace = new(time);

    /// <inheritdoc/>
    public async Task<ReconciliationResult<FreezeRequest>> ReconcileAsync(FreezeRequest entity, CancellationToken cancellationToken)
    {
        var (request, requeueAfter) = await GoOnAsync(entity, cancellationToken);
        return ReconciliationResult<FreezeRequest>.Success(request, requeueAfter);
    }

    /// <inheritdoc/>
    public async Task<ReconciliationResult<FreezeRequest>> FinalizeAsync(FreezeRequest entity, CancellationToken cancellationToken)
    {
        var (request, requeueAfter) = await GoOnAsync(entity, cancellationToken);
        var done = request.Status is { Phase: >= FreezePhase.Thawed };
        return ReconciliationResult<FreezeRequest>.Success(request, done ? null : requeueAfter ?? TimeSpan.FromSeconds(1));
    }

    /// <inheritdoc/>
    public async Task<ReconciliationResult<FreezeRequest>> DeletedAsync(FreezeRequest entity, CancellationToken cancellationToken)
    {
        // An API server whose storage was set back is followed as one on which everything was deleted and made again.
        if (objects.FreezeRequestCache.Get(ObjectKey.Of(entity))?.Metadata.Uid == entity.Metadata.Uid) return ReconciliationResult<FreezeRequest>.Success(entity);
        Forget(entity.Metadata.Uid);
        return ReconciliationResult<FreezeRequest>.Success(entity, await sweep.SweepAsync(entity.Metadata.Uid, cancellationToken));
    }

    private async Task<(FreezeRequest Request, TimeSpan? RequeueAfter)> GoOnAsync(FreezeRequest entity, CancellationToken cancellationToken)
    {
        var (request, key) = (entity, ObjectKey.Of(entity));
        if (entity.Metadata.DeletionTimestamp is not null) hooks.Deleting(entity.Metadata.Uid);
        var known = new Known(objects.View());
        for (var step = 0; step < MostSteps; step++)
        {
            var state = State(request, known);
            if (!known.IsFresh && RestsOnAbsence(state))
            {
                await objects.RefreshInternalsAsync(state.Uid, cancellationToken);
                known = known with { IsFresh = true };
                continue;
            }

            var decision = FreezeDecision.Decide(state);
            if (decision.NeedsWorkloads)
            {
                known = await ReadWorkloadsAsync(request, known, cancellationToken);
                continue;
            }

            if (decision.RestsOnAbsence && !known.IsFresh)
            {
                await objects.RefreshInternalsAsync(state.Uid, cancellationToken);
                known = known with { Cluster = await objects.ViewNowAsync(cancellationToken), IsFresh = true };
                continue;
            }

            if (decision.Action is not null)
            {
                known = await ActAsync(state, decision, known, cancellationToken);
                // Nothing is frozen by these, and what was read a moment ago will do. Before all is frozen it has to be read after the last report, which may come with any write.
                var willDo = decision.Action is FreezeAction.Claim or FreezeAction.CreateWindow || (decision.Action is FreezeAction.Raise && request.Status?.FrozenAt is not null);
                if (!willDo) known = known with { Workloads = null };
            }
            else if (await WriteStatusAsync(state, decision, cancellationToken) is { } result)
                return (request, RestsOnAbsence(state) && !(result.RequeueAfter < LongestRestOnAbsence) ? LongestRestOnAbsence : result.RequeueAfter);

            // Someone else's finalizer may keep it; the watch tells.
            if (decision.Action is FreezeAction.DeleteRequest) return (request, null);
            if (objects.FreezeRequestCache.Get(key) is not { } now || now.Metadata.Uid != request.Metadata.Uid) return (request, null);
            request = now;
        }

        LogManySteps(key);
        return (request, TimeSpan.FromSeconds(1));
    }

    private FreezeState State(FreezeRequest request, Known known)
    {
        var uid = request.Metadata.Uid;
        var mode = request.Spec.DryRun ? NodeFreezeMode.Inspect : NodeFreezeMode.Hold;
        var window = objects.WindowOf(uid);
        var nodeFreezes = objects.NodeFreezeCache.ByIndex(uid).Where(n => n.Spec.Mode == mode && !IsLate(n)).ToArray();
        return new()
        {
            Request = request,
            Window = window,
            NodeFreezes = OfNodes.First(nodeFreezes).ToDictionary(n => n.Spec.NodeName, n => HeldBy.Named(n, uid => objects.NodeFreezeCache.All.FirstOrDefault(other => other.PlanId == uid))),
            Restarted = Restarted(uid, nodeFreezes),
            Cluster = known.Cluster,
            CallIsFree = objects.CallIsFree,
            Workloads = known.Workloads,
            Ahead = Ahead(request),
            HooksAreEnabled = objects.Settings.HookNamespaces.Contains(request.Metadata.NamespaceProperty ?? ""),
            HookRuns = hooks.Of(uid),
            WriteRefused = known.WriteRefused,
            RaiseRefused = known.RaiseRefused,
            Now = clocks.Now(request, window),
            TraceParent = TraceParent.Write(traces.Of(request.Kind, request.Metadata, request.Status is { Phase: >= FreezePhase.Thawed }, window?.Metadata)),
            Namespace = objects.Settings.Namespace,
            Limits = objects.Settings.Limits,
        };

        // A node that was called may answer when the window is gone. That answer is none to the next one, and does not make one of a request that is about to begin anew.
        bool IsLate(NodeFreeze n) => window is not null
            ? n.WindowUid is { } its && its != window.Metadata.Uid
            : n.PlanId != n.Metadata.Uid && request.Status is null or { Phase: FreezePhase.Pending };
    }

    /// <summary>
    /// Nodes whose agent is not the one that took part any more: another one reports, or kubelet says that it does not run. The latter is known sooner, and as long as kubelet waits before it
    /// starts it again the other nodes would stand still for nothing.
    /// </summary>
    private HashSet<string> Restarted(string uid, IReadOnlyList<NodeFreeze> nodeFreezes) =>
    [
        .. _instances.Restarted(uid, nodeFreezes),
        .. nodeFreezes.Where(n => n.Report?.Phase is >= NodeFreezePhase.Prepared and < NodeFreezePhase.Thawed && objects.IsAgentDown(n.Spec.NodeName)).Select(n => n.Spec.NodeName),
    ];

    /// <summary>How many requests of its namespace come before one that has not begun.</summary>
    private int Ahead(FreezeRequest request)
    {
        if (request.Status is { Phase: > FreezePhase.Pending }) return 0;
        var meta = request.Metadata;
        return objects.FreezeRequestCache.All.Count(other => other.Metadata.NamespaceProperty == meta.NamespaceProperty && other.Metadata.Uid != meta.Uid && other.Status switch
        {
            { Phase: >= FreezePhase.Thawed } => false,
            { Phase: > FreezePhase.Pending } => true,
            // In the order of their creation, so that of many at once the first ones are taken, by any operator.
            _ => (other.Metadata.CreationTimestamp ?? default, other.Metadata.Uid).CompareTo((meta.CreationTimestamp ?? default, meta.Uid)) < 0,
        });
    }

    /// <summary>
    /// The caches are filled by watches of their own, and one may be behind the other: what another operator created a moment ago, before
    /// it lost the lease, must not be taken for gone.
    /// </summary>
    private static bool RestsOnAbsence(FreezeState state)
    {
        if (state.Request.Spec.DryRun || state.Request.Status is not { Phase: > FreezePhase.Pending } status) return false;
        if (state.IsFinal) return StuckCalls.Of(status).Any(s => !state.NodeFreezes.ContainsKey(s.Node)) && StuckCalls.Condition(status) is { Status: ConditionStatus.True };
        // Before they are commanded to freeze, nodes that were called may have no plan, and hold nothing.
        if (state.Window is { } window && InternalObjects.IsCalled(window) && WindowRecord.Of(window).CommandedAt is null) return false;
        return state.Window is null || WindowRecord.Of(state.Window).Nodes?.Names.All(state.NodeFreezes.ContainsKey) is not true;
    }

    private async Task<Known> ReadWorkloadsAsync(FreezeRequest request, Known known, CancellationToken cancellationToken)
    {
        try
        {
            return known with { Workloads = await objects.ReadWorkloadsAsync(request.Metadata.NamespaceProperty, cancellationToken) };
        }
        catch (KubernetesApiException) when (request.Status?.FrozenAt is not null)
        {
            // In an open window they are read for a warning beside a raise alone, and neither window nor raise depend on that.
            return known with { Workloads = Workloads.None };
        }
        catch (KubernetesApiException e) when (FreezeWrites.IsForGood(e))
        {
            return known with { WriteRefused = FreezeWrites.Refusal(e) };
        }
    }

    private async Task<Known> ActAsync(FreezeState state, Decision decision, Known known, CancellationToken cancellationToken)
    {
        var (key, action) = (ObjectKey.Of(state.Request), decision.Action!.GetType().Name);
        LogAction(key, action);
        try
        {
            switch (decision.Action)
            {
                case FreezeAction.Claim:
                    await writes.ClaimAsync(state.Request, cancellationToken);
                    break;
                case FreezeAction.RunHooks run:
                    await RunHooksAsync(state, decision.Status!, run.Starts, cancellationToken);
                    break;
                case FreezeAction.CancelHooks:
                    hooks.Cancel(state.Uid);
                    break;
                case FreezeAction.CreateWindow create:
                    var status = decision.Status is null ? Task.CompletedTask : WriteBesideAsync(state, decision.Status, cancellationToken);
                    await Task.WhenAll(writes.CreateWindowAsync(create.Window, create.Nodes, cancellationToken), status);
                    break;
                case FreezeAction.CreateNodeFreezes create:
                    await writes.CreateNodeFreezesAsync(create.NodeFreezes, cancellationToken);
                    break;
                case FreezeAction.Command command:
                    await writes.CommandAsync(state.Window!, command.Patch, cancellationToken);
                    break;
                case FreezeAction.Raise raise:
                    await writes.CommandAsync(state.Window!, raise.Patch, cancellationToken);
                    break;
                case FreezeAction.Thaw thaw:
                    await writes.ThawAsync(state.Window!, thaw.Patch, cancellationToken);
                    break;
                case FreezeAction.ReleaseRequest:
                    await writes.ReleaseAsync(state.Request, cancellationToken);
                    break;
                case FreezeAction.DeleteInternals:
                    await writes.DeleteAsync(state.Window, objects.NodeFreezeCache.ByIndex(state.Uid), cancellationToken);
                    Forget(state.Uid);
                    break;
                case FreezeAction.DeleteRequest:
                    await writes.DeleteRequestAsync(state.Request, cancellationToken);
                    break;
            }
        }
        catch (KubernetesApiException e) when (e.IsConflict && decision.Action is FreezeAction.Claim or FreezeAction.ReleaseRequest or FreezeAction.RunHooks)
        {
            if (!await ReadAgainAsync(state.Request, cancellationToken)) throw;
            return known;
        }
        catch (KubernetesApiException e) when (FreezeWrites.IsForGood(e))
        {
            switch (decision.Action)
            {
                case FreezeAction.Claim or FreezeAction.CreateWindow or FreezeAction.CreateNodeFreezes or FreezeAction.Command:
                    return known with { WriteRefused = FreezeWrites.Refusal(e) };
                // Once: what follows from it may be written, and if it is not, nothing can be.
                case FreezeAction.RunHooks when state.Window is null && known.WriteRefused is null:
                    return known with { WriteRefused = FreezeWrites.Refusal(e) };
                case FreezeAction.Raise:
                    return known with { RaiseRefused = FreezeWrites.Refusal(e) };
                default:
                    throw;
            }
        }

        foreach (var story in decision.Stories) events.Tell(state.Request, story, isNew: state.Request.Status is null);
        return known;
    }

    /// <summary>Writes what begins before it begins, so that whoever comes after knows.</summary>
    private async Task RunHooksAsync(FreezeState state, FreezeRequestStatus status, IReadOnlyList<HookStatus> starts, CancellationToken cancellationToken)
    {
        hooks.Intend(state.Uid, starts);
        var (before, after) = (state.Request, state.Request with { Status = status });
        if (StatusDiffers(before, after))
        {
            objects.FreezeRequestCache.Observe(await objects.FreezeRequests.PatchStatusAsync(before, after, cancellationToken));
            Written(before, status);
        }

        hooks.Start(after, starts, cancellationToken);
    }

    /// <summary>Writes the status if it differs and its time has come.</summary>
    /// <returns>When to go on, if there is nothing more to do now; null when something was written.</returns>
    private async Task<Rest?> WriteStatusAsync(FreezeState state, Decision decision, CancellationToken cancellationToken)
    {
        var before = state.Request;
        if (decision.Status is not { } status) return new(decision.RequeueAfter);
        var after = before with { Status = status };
        if (!StatusDiffers(before, after)) return new(decision.RequeueAfter);
        // Also of one that is over before its time to be written has come.
        if (status.Phase < FreezePhase.Thawed) traces.Phase(state.Uid, status.Phase.ToString(), null, isFinal: false, isError: false);
        var wait = decision.Stories.Count > 0 ? TimeSpan.Zero : _pace.Wait(state.Uid, before.Status, status); // what is told is told with the status it is told of
        if (wait > TimeSpan.Zero) return new(decision.RequeueAfter is { } due && due < wait ? due : wait);
        try
        {
            objects.FreezeRequestCache.Observe(await objects.FreezeRequests.PatchStatusAsync(before, after, cancellationToken));
        }
        catch (KubernetesApiException e) when (e.IsConflict)
        {
            return await ReadAgainAsync(before, cancellationToken) ? null : new(LongestRestOnAbsence);
        }
        catch (KubernetesApiException e) when (e.IsNotFound)
        {
            // If that is true the watch tells; if it is not, nobody else does.
            return new(LongestRestOnAbsence);
        }

        Written(before, status);
        if (status.Phase >= FreezePhase.Thawed) hooks.Forget(state.Uid);
        foreach (var story in decision.Stories) events.Tell(before, story, isNew: before.Status is null);
        return null;
    }

    private void Written(FreezeRequest before, FreezeRequestStatus status)
    {
        _pace.Written(before.Metadata.Uid);
        if (before.Status?.Phase == status.Phase) return;
        var key = ObjectKey.Of(before);
        LogPhase(key, status.Phase, status.Reason, status.Message);
        meter.Phase(before.Status, status);
        traces.Phase(before.Metadata.Uid, status.Phase.ToString(), status.Reason, status.Phase >= FreezePhase.Thawed, status.Phase > FreezePhase.Thawed);
    }

    /// <summary>Writes a status that nothing waits for: what goes wrong with it is mended by the next one.</summary>
    private async Task WriteBesideAsync(FreezeState state, FreezeRequestStatus status, CancellationToken cancellationToken)
    {
        var before = state.Request;
        try
        {
            objects.FreezeRequestCache.Observe(
                await objects.FreezeRequests.PatchStatusAsync(before, before with { Status = status }, cancellationToken));
        }
        catch (KubernetesApiException e)
        {
            var key = ObjectKey.Of(before);
            LogBeside(key, e.Message);
        }
    }

    /// <returns>False when there is none: the watch tells whether that is true.</returns>
    private async Task<bool> ReadAgainAsync(FreezeRequest request, CancellationToken cancellationToken)
    {
        var now = await objects.FreezeRequests.GetAsync(request.Metadata.NamespaceProperty, request.Metadata.Name, cancellationToken);
        if (now is null) return false;
        if (now.Metadata.Uid != request.Metadata.Uid) objects.FreezeRequestCache.ObserveDeletion(request);
        objects.FreezeRequestCache.Observe(now);
        return true;
    }

    private void Forget(string uid)
    {
        _pace.Forget(uid);
        _instances.Forget(uid);
        hooks.Forget(uid);
        traces.Forget(uid);
    }

    private static bool StatusDiffers(FreezeRequest before, FreezeRequest after) =>
        System.Text.Json.JsonSerializer.Serialize(before.Status, CrdsJson.Default.FreezeRequestStatus)
        != System.Text.Json.JsonSerializer.Serialize(after.Status, CrdsJson.Default.FreezeRequestStatus);

    /// <summary>What one run of the loop has found out beside the caches.</summary>
    private sealed record Known(
        ClusterView Cluster, bool IsFresh = false, Workloads? Workloads = null, Refusal? WriteRefused = null, Refusal? RaiseRefused = null);

    private readonly record struct Rest(TimeSpan? RequeueAfter);

    [LoggerMessage(Level = LogLevel.Debug, Message = "FreezeRequest {key}: {action}")]
    private partial void LogAction(ObjectKey key, string action);

    [LoggerMessage(Level = LogLevel.Information, Message = "FreezeRequest {key} is {phase}: {reason}: {text}")]
    private partial void LogPhase(ObjectKey key, FreezePhase phase, string? reason, string? text);

    [LoggerMessage(Level = LogLevel.Debug, Message = "FreezeRequest {key}: the status beside the window was not written: {error}")]
    private partial void LogBeside(ObjectKey key, string error);

    [LoggerMessage(Level = LogLevel.Warning, Message = "FreezeRequest {key}: many writes in one go; resting for a second")]
    private partial void LogManySteps(ObjectKey key);
}
