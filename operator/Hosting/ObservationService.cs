using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Quiesce.Telemetry;

namespace Quiesce.Operator.Hosting;

/// <summary>Lets the process be looked at from its start to its end.</summary>
internal sealed partial class ObservationService : IHostedService, IDisposable
{
    private readonly Observation _observation;
    private readonly ILogger _logger;
    private bool _disposed;

    public ObservationService(Observation observation, Health health, OperatorService service, ILogger<ObservationService> logger)
    {
        (_observation, _logger) = (observation, logger);
        // Only what a new process would mend: an API server that does not answer is none of it.
        health.Live("caches", () => service.Fault);
        health.Ready("caches", () => service.IsReady ? null : "not in step with the API server");
    }

    /// <inheritdoc/>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        await _observation.ListenAsync(cancellationToken);
        if (_observation.Endpoint is { } endpoint) LogListening(endpoint);
    }

    /// <inheritdoc/>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        if (_disposed) return;
        _disposed = true;
        await _observation.DisposeAsync();
    }

    /// <inheritdoc/>
    public void Dispose() => StopAsync(CancellationToken.None).GetAwaiter().GetResult();

    [LoggerMessage(Level = LogLevel.Information, Message = "/metrics, /healthz and /readyz on http://{endpoint}")]
    private partial void LogListening(System.Net.IPEndPoint endpoint);
}
