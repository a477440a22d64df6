using System.Net;
using System.Net.Sockets;
using System.Text;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Quiesce.Operator.Hosting;

/// <summary>Answers <c>/livez</c> and <c>/readyz</c> over plain HTTP.</summary>
/// <remarks>By hand, because two constant answers are not worth a web server in a small native program.</remarks>
internal sealed partial class HealthService(OperatorOptions options, OperatorService service, ILogger<HealthService> logger) : BackgroundService
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    /// <summary>Where it listens; null before it does and when it was not asked to.</summary>
    public IPEndPoint? Endpoint { get; private set; }

    /// <inheritdoc/>
    public override Task StartAsync(CancellationToken cancellationToken) => options.HealthPort is null ? Task.CompletedTask : base.StartAsync(cancellationToken);

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var listener = new TcpListener(options.HealthAddress, options.HealthPort!.Value);
        try
        {
            listener.Start();
        }
        catch (SocketException e)
        {
            throw new IOException($"cannot listen on {options.HealthAddress}:{options.HealthPort} for /livez and /readyz: {e.Message}", e);
        }

        Endpoint = (IPEndPoint)listener.LocalEndpoint;
        LogListening(Endpoint);
        while (!stoppingToken.IsCancellationRequested)
        {
            var client = await listener.AcceptTcpClientAsync(stoppingToken);
            _ = AnswerAsync(client, stoppingToken);
        }
    }

    private async Task AnswerAsync(TcpClient client, CancellationToken stoppingToken)
    {
        using var _ = client;
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken);
        limit.CancelAfter(Patience);
        try
        {
            var stream = client.GetStream();
            using var reader = new StreamReader(stream, Encoding.ASCII, leaveOpen: true);
            var path = (await reader.ReadLineAsync(limit.Token))?.Split(' ') is ["GET", var target, ..] ? target.Split('?')[0] : "";
            while (await reader.ReadLineAsync(limit.Token) is { Length: > 0 })
            {
                // To the end of the headers: closing with unread input would reset the connection.
            }

            var (status, body) = path switch
            {
                "/livez" => ("200 OK", "ok"),
                "/readyz" when service.IsReady => ("200 OK", "ok"),
                "/readyz" => ("503 Service Unavailable", "not in step with the API server"),
                _ => ("404 Not Found", "/livez or /readyz"),
            };
            var answer = $"HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {body.Length}\r\nConnection: close\r\n\r\n{body}";
            await stream.WriteAsync(Encoding.ASCII.GetBytes(answer), limit.Token);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or SocketException)
        {
            // The asker went away, or is too slow.
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "health on http://{endpoint}/livez and /readyz")]
    private partial void LogListening(IPEndPoint endpoint);
}
