using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Quiesce.Crds;
using Quiesce.Crds.Client;
using Quiesce.Operator.Freezing;
using Quiesce.Operator.Hooks;
using Quiesce.Operator.Reconciling;
using Quiesce.Operator.Telemetry;
using Quiesce.Runtime;

namespace Quiesce.Operator.Hosting;

/// <summary>Runs caches, election and controllers for the life of the process.</summary>
/// <remarks>A replica that does not lead keeps its caches warm, so that it can lead at once.</remarks>
internal sealed partial class OperatorService : BackgroundService
{
    private readonly ClusterObjects _objects;
    private readonly EventRecorder _events;
    private readonly OrphanSweep _sweep;
    private readonly Controller<FreezeRequest> _freezes;
    private readonly Controller<ThawRequest> _thaws;
    private readonly LeaderElection? _election;
    private readonly ILogger _logger;

    public OperatorService(
        OperatorOptions options,
        KubernetesConnection connection,
        ClusterObjects objects,
        FreezeRequestReconciler freezes,
        ThawRequestReconciler thaws,
        HookRuns hooks,
        OrphanSweep sweep,
        EventRecorder events,
        OperatorMeter meter,
        RuntimeMeter runtime,
        RequestTraces traces,
        TimeProvider time,
        ILogger<OperatorService> logger)
    {
        (_objects, _events, _sweep, _logger) = (objects, events, sweep, logger);
        var freezing = new Traced<FreezeRequest>("FreezeRequest", freezes, freezes, request =>
        {
            var window = objects.WindowOf(request.Metadata.Uid);
            return traces.Of(request.Kind, request.Metadata, request.Status is { Phase: >= FreezePhase.Thawed }, window?.Metadata);
        });
        _freezes = new(
            objects.FreezeRequests, objects.FreezeRequestCache, freezing, freezing, new() { Workers = 8, Finalizer = QuiesceApi.Finalizer }, time, logger, runtime);
        _freezes.Also(
            objects.NodeFreezeCache,
            nodeFreeze => KeyOf(nodeFreeze.Spec.Request, ofThawRequests: false),
            nodeFreeze => ReportPause.After(nodeFreeze, objects.WindowOf(nodeFreeze.Spec.Request.Uid)));
        _freezes.Also(objects.WindowCache, window => KeyOf(window.Spec.Request, ofThawRequests: false));
        hooks.Ended = _freezes.Enqueue;
        // Not to reconcile when one changes, but to wait for: a request is resolved to nodes with ready agents.
        _freezes.Also(objects.NodeCache, _ => []);
        // What an agent held that has ended is thawed, and the request is to know before its successor says so.
        _freezes.Also(objects.PodCache, pod => pod.IsDown()
            ? objects.NodeFreezeCache.All.Where(n => n.Spec.NodeName == pod.Spec?.NodeName).SelectMany(n => KeyOf(n.Spec.Request, ofThawRequests: false))
            : []);

        var thawing = new Traced<ThawRequest>("ThawRequest", thaws, null, request =>
            traces.Of(request.Kind, request.Metadata, request.Status is { Phase: >= ThawPhase.Thawed }, objects.NodeFreezeCache.ByIndex(request.Metadata.Uid) is [var plan, ..] ? plan.Metadata : null));
        _thaws = new(objects.ThawRequests, objects.ThawRequestCache, thawing, null, new() { Workers = 2 }, time, logger, runtime);
        _thaws.Also(objects.NodeFreezeCache, nodeFreeze => KeyOf(nodeFreeze.Spec.Request, ofThawRequests: true));
        _thaws.Also(objects.NodeCache, _ => []);
        _thaws.Also(objects.PodCache, _ => []);
        meter.Requests(() => objects.FreezeRequestCache.All);
        meter.Nodes(() => objects.NodeFreezeCache.All, objects.View);

        if (!options.LeaderElect) return;
        var election = new LeaderElectionOptions { Namespace = options.Namespace, LeaseName = "quiesce-operator", Identity = options.Identity };
        _election = new(new(connection, Kinds.Leases), election, time, logger, runtime);
    }

    /// <summary>Every cache is in step with the API server.</summary>
    public bool IsReady => _objects.Synced.IsCompletedSuccessfully && _objects.IsConnected;

    /// <summary>What only a new process would mend, or null.</summary>
    public string? Fault => _objects.Fault;

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken);
        Task[] parts =
        [
            _objects.RunAsync(ended.Token),
            _events.RunAsync(ended.Token),
            _election is null ? LeadAsync(ended.Token) : _election.RunAsync(LeadAsync, ended.Token),
        ];
        try
        {
            // Each runs until it is told to end: the first to end has failed, and takes the process with it.
            await await Task.WhenAny(parts);
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // Told to end.
        }
        finally
        {
            await ended.CancelAsync();
            await Task.WhenAll(parts).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task LeadAsync(CancellationToken cancellationToken)
    {
        LogStarted();
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task[] parts = [_freezes.RunAsync(ended.Token), _thaws.RunAsync(ended.Token), _sweep.RunAsync(ended.Token)];
        try
        {
            await await Task.WhenAny(parts);
        }
        finally
        {
            await ended.CancelAsync();
            await Task.WhenAll(parts).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private static IEnumerable<ObjectKey> KeyOf(RequestReference request, bool ofThawRequests)
    {
        if (request.Namespace.Length == 0 == ofThawRequests) yield return new(ofThawRequests ? null : request.Namespace, request.Name);
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "controllers started")]
    private partial void LogStarted();
}
