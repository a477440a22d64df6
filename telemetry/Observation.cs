using System.Net;
using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Quiesce.Telemetry;

/// <summary>The metrics, traces and health of one process, from its start to its end.</summary>
/// <remarks>
/// Whoever measures or ends a span puts it into bounded memory and goes on: metrics are sums, spans a queue of 2048 that drops what does not fit. Collecting and
/// sending are done by threads of the SDK's own, scrapes by the thread pool, so neither a collector that does not answer nor a scraper that does not read is ever waited for.
/// Spans are made also where nobody collects them: the log and the objects carry their trace id.
/// </remarks>
public sealed class Observation : IAsyncDisposable
{
    /// <summary>The standard variable that says where metrics and traces are sent; without it nothing is.</summary>
    public const string EndpointVariable = "OTEL_EXPORTER_OTLP_ENDPOINT";

    // What is left when a program ends is sent, if it can be sent at once.
    private const int LastMilliseconds = 1000;

    private readonly MeterProvider _metrics;
    private readonly TracerProvider _traces;
    private readonly HttpEndpoint? _endpoint;

    private Observation(TelemetryOptions options, Health health)
    {
        var collected = !string.IsNullOrEmpty(Environment.GetEnvironmentVariable(EndpointVariable));
        var metrics = Sdk.CreateMeterProviderBuilder().ConfigureResource(Describe).AddMeter([.. options.Meters]);
        if (options.Port is not null)
        {
            metrics.AddPrometheusExporter(exporter =>
            {
                exporter.ScopeInfoEnabled = false;
                // The same names for every scraper, also for one that would take dots.
                exporter.TranslationStrategy = PrometheusAspNetCoreTranslationStrategy.UnderscoreEscapingWithSuffixes;
            });
        }

        var traces = Sdk.CreateTracerProviderBuilder().ConfigureResource(Describe).AddSource(options.Source);
        if (collected)
        {
            metrics.AddOtlpExporter();
            traces.AddOtlpExporter();
        }

        _metrics = metrics.Build();
        _traces = traces.Build();
        if (options.Port is { } port) _endpoint = new(options.Address, port, health, _metrics);

        void Describe(ResourceBuilder resource)
        {
            resource.AddService(options.Service, serviceVersion: typeof(Observation).Assembly.GetName().Version?.ToString(3), serviceInstanceId: options.Instance);
            if (options.Node is { } node) resource.AddAttributes([new("k8s.node.name", node)]);
        }
    }

    /// <summary>Where it answers; null where it was not asked to, and before <see cref="ListenAsync"/>.</summary>
    public IPEndPoint? Endpoint => _endpoint?.Local;

    /// <summary>Begins to collect.</summary>
    /// <param name="options">What, and where it is shown.</param>
    /// <param name="health">What <c>/healthz</c> and <c>/readyz</c> answer.</param>
    public static Observation Start(TelemetryOptions options, Health health) => new(options, health);

    /// <summary>Begins to answer.</summary>
    /// <exception cref="IOException">The address or port is not to be had; the message names it.</exception>
    public Task ListenAsync(CancellationToken cancellationToken) => _endpoint?.StartAsync(cancellationToken) ?? Task.CompletedTask;

    /// <summary>Stops to answer and sends what is left, for at most a second each.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_endpoint is not null) await _endpoint.DisposeAsync();
        await Task.WhenAll(Task.Run(() => _traces.Shutdown(LastMilliseconds)), Task.Run(() => _metrics.Shutdown(LastMilliseconds)));
        _traces.Dispose();
        _metrics.Dispose();
    }
}
