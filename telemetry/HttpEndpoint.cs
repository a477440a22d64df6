using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using OpenTelemetry.Metrics;

namespace Quiesce.Telemetry;

/// <summary>Answers <c>/metrics</c>, <c>/healthz</c> and <c>/readyz</c> over plain HTTP/1.1, from memory alone.</summary>
/// <remarks>
/// Kestrel without a host around it: no configuration files, no content root, no signals. It bounds what the asker can cost: connections, headers, and the time to read an answer.
/// </remarks>
internal sealed class HttpEndpoint : IHttpApplication<HttpContext>, IAsyncDisposable
{
    // Two scrapers, kubelet, and people; whoever comes beyond that is hung up on.
    private const int MostConnections = 32;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    private readonly IPAddress _address;
    private readonly int _port;
    private readonly Health _health;
    private readonly RequestDelegate _metrics;
    private readonly KestrelServer _server;
    private readonly SemaphoreSlim _turn = new(1);

    public HttpEndpoint(IPAddress address, int port, Health health, MeterProvider metrics)
    {
        (_address, _port, _health) = (address, port, health);
        _metrics = new ApplicationBuilder(NoServices.Instance).UseOpenTelemetryPrometheusScrapingEndpoint(metrics, context => true, null, null, null).Build();
        var options = new KestrelServerOptions { AddServerHeader = false };
        options.Limits.MaxConcurrentConnections = MostConnections;
        options.Limits.MaxRequestBodySize = 0;
        options.Limits.RequestHeadersTimeout = Patience;
        // Also for one that is opened and says nothing at all: it takes the place of kubelet's probes.
        options.Limits.KeepAliveTimeout = Patience;
        // A scraper that reads a byte a second is cut off after this.
        options.Limits.MinResponseDataRate = new(bytesPerSecond: 1024, gracePeriod: Patience);
        options.Listen(address, port, listen => listen.Protocols = HttpProtocols.Http1);
        _server = new(Options.Create(options), new SocketTransportFactory(Options.Create(new SocketTransportOptions()), NullLoggerFactory.Instance), NullLoggerFactory.Instance);
    }

    /// <summary>Where it listens; null before it does.</summary>
    public IPEndPoint? Local { get; private set; }

    /// <summary>Begins to listen.</summary>
    /// <exception cref="IOException">The address or port is not to be had.</exception>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        try
        {
            await _server.StartAsync(this, cancellationToken);
        }
        catch (Exception e) when (e is IOException or SocketException)
        {
            throw new IOException($"cannot listen on {new IPEndPoint(_address, _port)} for /metrics, /healthz and /readyz: {e.Message}", e);
        }

        var bound = _server.Features.Get<IServerAddressesFeature>()?.Addresses.FirstOrDefault();
        Local = new(_address, bound is null ? _port : new Uri(bound).Port);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromMilliseconds(100));
        await _server.StopAsync(limit.Token);
        _server.Dispose();
        _turn.Dispose();
    }

    /// <inheritdoc/>
    public HttpContext CreateContext(IFeatureCollection contextFeatures) => new DefaultHttpContext(contextFeatures);

    /// <inheritdoc/>
    public Task ProcessRequestAsync(HttpContext context) => (HttpMethods.IsGet(context.Request.Method), context.Request.Path.Value) switch
    {
        (true, "/metrics") => MetricsAsync(context),
        (true, "/healthz" or "/livez") => AnswerAsync(context, _health.LivenessFault),
        (true, "/readyz") => AnswerAsync(context, _health.ReadinessFault),
        _ => AnswerAsync(context, "GET /metrics, /healthz or /readyz", StatusCodes.Status404NotFound),
    };

    /// <inheritdoc/>
    public void DisposeContext(HttpContext context, Exception? exception)
    {
    }

    /// <summary>
    /// One at a time, into memory, and then to whoever asked. The exporter waits until the last answer has been read, on the thread that asks: a scraper that hardly reads would take
    /// a thread of everybody who comes after it, and with a few of those nothing else of this process would go on.
    /// </summary>
    private async Task MetricsAsync(HttpContext context)
    {
        if (!await _turn.WaitAsync(Patience, context.RequestAborted))
        {
            await AnswerAsync(context, "others are asking");
            return;
        }

        using var answer = new MemoryStream();
        var asker = context.Response.Body;
        context.Response.Body = answer;
        try
        {
            await _metrics(context);
        }
        finally
        {
            context.Response.Body = asker;
            _turn.Release();
        }

        context.Response.ContentLength = answer.Length;
        await asker.WriteAsync(answer.GetBuffer().AsMemory(0, (int)answer.Length), context.RequestAborted);
    }

    private static Task AnswerAsync(HttpContext context, string? fault, int failed = StatusCodes.Status503ServiceUnavailable)
    {
        context.Response.StatusCode = fault is null ? StatusCodes.Status200OK : failed;
        context.Response.ContentType = "text/plain; charset=utf-8";
        return context.Response.WriteAsync($"{fault ?? "ok"}\n", context.RequestAborted);
    }

    /// <summary>The middleware is made with arguments, and asks for nothing.</summary>
    private sealed class NoServices : IServiceProvider
    {
        public static NoServices Instance { get; } = new();

        public object? GetService(Type serviceType) => null;
    }
}
