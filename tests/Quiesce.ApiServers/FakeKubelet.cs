using System.Collections.Concurrent;
using System.Globalization;
using System.Net.WebSockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Quiesce.ApiServers;

/// <summary>
/// The exec endpoint of a kubelet, for nodes that are objects only: an API server, real or local, passes <c>pods/exec</c> on to it over WebSocket, as to
/// a kubelet of 1.36. It speaks <c>v5.channel.k8s.io</c> or <c>v4</c>; what a command does is up to a script.
/// </summary>
public sealed class FakeKubelet : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly ConcurrentQueue<ExecCall> _calls = new();
    private readonly ConcurrentQueue<string> _protocols = new();
    private readonly string[] _speaks;

    private FakeKubelet(WebApplication app, string[] speaks) => (_app, _speaks) = (app, speaks);

    /// <summary>What commands do; the default writes nothing and ends with 0.</summary>
    public Func<ExecCall, Task<int>> Script { get; set; } = _ => Task.FromResult(0);

    /// <summary>Every command so far, in the order they came.</summary>
    public IReadOnlyList<ExecCall> Calls => [.. _calls];

    /// <summary>The subprotocol of each.</summary>
    public IReadOnlyList<string> Protocols => [.. _protocols];

    private int Port { get; set; }

    /// <summary>Starts one on a free port of 127.0.0.1.</summary>
    /// <param name="protocols">What it speaks, the best first; by default v5 and v4.</param>
    public static async Task<FakeKubelet> StartAsync(params string[] protocols)
    {
        var certificate = ServerCertificate.Create();
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddRouting();
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel => kestrel.Listen(
            System.Net.IPAddress.Loopback, 0, listen => listen.UseHttps(X509Certificate2.CreateFromPem(certificate.CertificatePem, certificate.KeyPem))));
        var app = builder.Build();
        var kubelet = new FakeKubelet(app, protocols.Length > 0 ? protocols : ["v5.channel.k8s.io", "v4.channel.k8s.io"]);
        app.UseWebSockets();
        app.Run(kubelet.ServeAsync);
        await app.StartAsync().ConfigureAwait(false);
        kubelet.Port = new Uri(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single()).Port;
        return kubelet;
    }

    /// <summary>Makes it the kubelet of a node.</summary>
    /// <param name="api">Whose base address is the API server.</param>
    /// <param name="node">The node, which exists.</param>
    public async Task ServeAsync(HttpClient api, string node)
    {
        var status = new JsonObject
        {
            ["addresses"] = new JsonArray(new JsonObject { ["type"] = "InternalIP", ["address"] = "127.0.0.1" }),
            ["daemonEndpoints"] = new JsonObject { ["kubeletEndpoint"] = new JsonObject { [nameof(Port)] = Port } },
            // To one without it kube-apiserver speaks SPDY, unless the client asks for v4 alone.
            ["declaredFeatures"] = new JsonArray("ExtendWebSocketsToKubelet"),
        };
        using var patch = new StringContent(new JsonObject { ["status"] = status }.ToJsonString(), Encoding.UTF8, "application/merge-patch+json");
        using var answer = await api.PatchAsync(new Uri($"/api/v1/nodes/{node}/status", UriKind.Relative), patch).ConfigureAwait(false);
        answer.EnsureSuccessStatusCode();
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        using var now = new CancellationTokenSource();
        await now.CancelAsync().ConfigureAwait(false);
        await _app.StopAsync(now.Token).ConfigureAwait(false);
        await _app.DisposeAsync().ConfigureAwait(false);
    }

    private async Task ServeAsync(HttpContext http)
    {
        var path = (http.Request.Path.Value ?? "").Split('/', StringSplitOptions.RemoveEmptyEntries);
        if (path is not ["exec", var ns, var pod, var container] || !http.WebSockets.IsWebSocketRequest)
        {
            http.Response.StatusCode = 404;
            return;
        }

        var protocol = _speaks.FirstOrDefault(http.WebSockets.WebSocketRequestedProtocols.Contains);
        if (protocol is null)
        {
            http.Response.StatusCode = 403;
            return;
        }

        using var socket = await http.WebSockets.AcceptWebSocketAsync(protocol).ConfigureAwait(false);
        var call = new ExecCall(socket, ns, pod, container, [.. http.Request.Query["command"].OfType<string>()], http.RequestAborted);
        _protocols.Enqueue(protocol);
        _calls.Enqueue(call);
        try
        {
            var code = await Script(call).ConfigureAwait(false);
            await call.EndAsync(code).ConfigureAwait(false);
        }
        catch (Exception e) when (e is WebSocketException or OperationCanceledException)
        {
            // Whoever asked has gone, or the script cut the connection.
        }
    }
}

/// <summary>One command that a kubelet was asked to run.</summary>
public sealed class ExecCall
{
    private readonly WebSocket _socket;
    private readonly CancellationToken _gone;

    internal ExecCall(WebSocket socket, string ns, string pod, string container, IReadOnlyList<string> command, CancellationToken gone)
    {
        (_socket, _gone) = (socket, gone);
        (Namespace, Pod, Container, Command) = (ns, pod, container, command);
    }

    /// <summary>The pod's namespace.</summary>
    public string Namespace { get; }

    /// <summary>The pod.</summary>
    public string Pod { get; }

    /// <summary>The container.</summary>
    public string Container { get; }

    /// <summary>Program and arguments.</summary>
    public IReadOnlyList<string> Command { get; }

    /// <summary>Cancelled when whoever asked has gone.</summary>
    public CancellationToken Gone => _gone;

    /// <summary>Writes to standard output.</summary>
    public Task WriteAsync(string text) => SendAsync(1, Encoding.UTF8.GetBytes(text));

    /// <summary>Writes to standard error.</summary>
    public Task WriteErrorAsync(string text) => SendAsync(2, Encoding.UTF8.GetBytes(text));

    /// <summary>Sends bytes on a channel, in one message.</summary>
    public Task SendAsync(byte channel, byte[] data) => _socket.SendAsync(new byte[] { channel }.Concat(data).ToArray(), WebSocketMessageType.Binary, true, _gone);

    /// <summary>Cuts the connection without a word.</summary>
    public void Cut()
    {
        _socket.Abort();
        throw new OperationCanceledException("cut");
    }

    /// <summary>Tells why the command could not be run.</summary>
    public async Task<int> RefuseAsync(string message)
    {
        await SendAsync(3, Encoding.UTF8.GetBytes(new JsonObject { ["metadata"] = new JsonObject(), ["status"] = "Failure", ["message"] = message, ["reason"] = "InternalError", ["code"] = 500 }.ToJsonString())).ConfigureAwait(false);
        await CloseAsync().ConfigureAwait(false);
        throw new OperationCanceledException("refused");
    }

    internal async Task EndAsync(int exitCode)
    {
        var status = exitCode == 0
            ? new JsonObject { ["metadata"] = new JsonObject(), ["status"] = "Success" }
            : new JsonObject
            {
                ["metadata"] = new JsonObject(),
                ["status"] = "Failure",
                ["message"] = string.Create(CultureInfo.InvariantCulture, $"command terminated with non-zero exit code: exit status {exitCode}"),
                ["reason"] = "NonZeroExitCode",
                ["details"] = new JsonObject
                {
                    ["causes"] = new JsonArray(new JsonObject { ["reason"] = "ExitCode", ["message"] = exitCode.ToString(CultureInfo.InvariantCulture) }),
                },
            };
        await SendAsync(3, Encoding.UTF8.GetBytes(status.ToJsonString())).ConfigureAwait(false);
        await CloseAsync().ConfigureAwait(false);
    }

    private async Task CloseAsync()
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(_gone);
        limit.CancelAfter(TimeSpan.FromSeconds(2));
        await _socket.CloseAsync(WebSocketCloseStatus.NormalClosure, "", limit.Token).ConfigureAwait(false);
    }
}
