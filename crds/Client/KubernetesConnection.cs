using System.Net;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using k8s;
using k8s.Authentication;
using k8s.Exceptions;
using YamlDotNet.Core;

namespace Quiesce.Crds.Client;

/// <summary>The one connection of a process to its API server. Safe for any number of threads.</summary>
/// <remarks>
/// One per process, for its life: the client library reads the CA certificate once for each client and keeps a connection pool
/// of its own in each.
/// </remarks>
public sealed class KubernetesConnection : IDisposable
{
    // What a server that is overloaded may ask for; longer, and a proxy's maintenance page could silence a client for a day.
    private static readonly TimeSpan LongestRetryAfter = TimeSpan.FromSeconds(10);

    private readonly string? _tlsServerName;
    private readonly TokenFile? _token;
    private readonly CredentialPlugin? _plugin;
    private volatile Heard? _heard;

    private KubernetesConnection(
        KubernetesClientConfiguration configuration, ConnectionOptions options, string source, DelegatingHandler[] handlers)
    {
        configuration.UserAgent = options.UserAgent;
        configuration.FirstMessageHandlerSetup = handler => Tighten(handler, options);
        _tlsServerName = configuration.TlsServerName;
        if (configuration.TokenProvider is TokenFileAuth) configuration.TokenProvider = new TokenFile(TokenFile.OfServiceAccount, TimeProvider.System);
        _token = configuration.TokenProvider as TokenFile;
        _plugin = configuration.TokenProvider as CredentialPlugin;
        Client = new Kubernetes(configuration, handlers);
        Namespace = string.IsNullOrEmpty(configuration.Namespace) ? null : configuration.Namespace.Trim();
        Options = options;
        Source = source;
    }

    /// <summary>The client library's client, for what this folder does not cover, such as exec.</summary>
    public Kubernetes Client { get; }

    /// <summary>The limits in force.</summary>
    public ConnectionOptions Options { get; }

    /// <summary>Where the configuration came from, for messages: a file and context, or <c>the pod's service account</c>.</summary>
    public string Source { get; }

    /// <summary>The namespace of the kubeconfig context or of the pod; null when there is none.</summary>
    public string? Namespace { get; }

    /// <summary>The API server's clock, from its last answer and the time since: to compare the times that it writes with. Null before the first answer.</summary>
    /// <remarks>HTTP gives whole seconds, rounded down. No clock that people set on this machine has a part in it.</remarks>
    public DateTimeOffset? ServerTime => _heard is { } heard ? heard.Date + TimeProvider.System.GetElapsedTime(heard.At) : null;

    /// <summary>Connects to the cluster of the file, else of <c>$KUBECONFIG</c>, else of the pod, else of <c>~/.kube/config</c>.</summary>
    /// <param name="kubeconfigPath">A kubeconfig file; null to search.</param>
    /// <param name="context">A context in it; null for its current one.</param>
    /// <param name="options">Limits; null for the defaults.</param>
    /// <exception cref="KubeConfigException">No usable configuration; the message names the file and what is wrong with it.</exception>
    public static KubernetesConnection Create(string? kubeconfigPath = null, string? context = null, ConnectionOptions? options = null)
    {
        var (configuration, source) = Configure(kubeconfigPath, context);
        return Create(configuration, options, source);
    }

    /// <summary>Connects with a configuration made elsewhere.</summary>
    /// <param name="configuration">The configuration; its user agent and handler set-up are replaced.</param>
    /// <param name="options">Limits; null for the defaults.</param>
    /// <param name="source">Where it came from, for messages.</param>
    /// <param name="handlers">Handlers that see every request first: how tests count calls, fail them, or answer them.</param>
    public static KubernetesConnection Create(
        KubernetesClientConfiguration configuration,
        ConnectionOptions? options = null,
        string source = "a given configuration",
        params DelegatingHandler[] handlers) =>
        new(configuration, options ?? new(), source, handlers);

    /// <inheritdoc/>
    public void Dispose() => Client.Dispose();

    /// <summary>The version of an API group that the server prefers.</summary>
    /// <returns>Such as <c>v1</c>; null when the server has no such group.</returns>
    /// <exception cref="KubernetesApiException">Refused or not answered.</exception>
    public async Task<string?> PreferredVersionAsync(string group, CancellationToken cancellationToken)
    {
        try
        {
            using var response = await SendAsync(HttpMethod.Get, $"apis/{group}", null, cancellationToken);
            return (await JsonSerializer.DeserializeAsync(await response.Content.ReadAsStreamAsync(cancellationToken), CoreJson.Default.ApiGroup, cancellationToken))?.PreferredVersion?.Version;
        }
        catch (KubernetesApiException e) when (e.IsNotFound)
        {
            return null;
        }
    }

    /// <summary>Sends one request and returns a successful answer as soon as its headers are there.</summary>
    /// <exception cref="KubernetesApiException">Refused, or not answered within <see cref="ConnectionOptions.RequestTimeout"/>.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    internal async Task<HttpResponseMessage> SendAsync(
        HttpMethod method, string pathAndQuery, HttpContent? content, CancellationToken cancellationToken)
    {
        var operation = $"{method} {pathAndQuery}";
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(Options.RequestTimeout);
        try
        {
            for (var again = false; ; again = true)
            {
                // HTTP/2 where TLS offers it, else 1.1: the library's rule.
                using var request = new HttpRequestMessage(method, new Uri(Client.BaseUri, pathAndQuery));
                (request.Content, request.Version) = (content, HttpVersion.Version20);
                if (Client.Credentials is { } credentials) await credentials.ProcessHttpRequestAsync(request, limit.Token);
                if (!string.IsNullOrWhiteSpace(_tlsServerName)) request.Headers.Host = _tlsServerName;
                var response = await Client.HttpClient.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, limit.Token);
                if (response.Headers.Date is { } date) _heard = new(date, TimeProvider.System.GetTimestamp());
                if (response.IsSuccessStatusCode) return response;
                using (response)
                {
                    if (response.StatusCode == HttpStatusCode.Unauthorized) Refused();
                    if (response.StatusCode != HttpStatusCode.Unauthorized || _plugin is null || again) throw await RefusalAsync(operation, response, limit.Token);
                }

                request.Content = null; // the next one has it
            }
        }
        catch (Exception e) when (e is not KubernetesApiException)
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw NoAnswer(operation, e);
        }
    }

    /// <summary>Opens a WebSocket, over the same handlers as every other request.</summary>
    /// <param name="operation">What it is, for messages.</param>
    /// <param name="pathAndQuery">Relative to the server.</param>
    /// <param name="protocols">The subprotocols that are offered, the best first; the server takes one.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="KubernetesApiException">Refused, or not answered within <see cref="ConnectionOptions.RequestTimeout"/>.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    internal async Task<ClientWebSocket> OpenWebSocketAsync(
        string operation, string pathAndQuery, IReadOnlyList<string> protocols, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(Options.RequestTimeout);
        var socket = new ClientWebSocket();
        try
        {
            var uri = new UriBuilder(new Uri(Client.BaseUri, pathAndQuery));
            uri.Scheme = uri.Scheme == Uri.UriSchemeHttps ? Uri.UriSchemeWss : Uri.UriSchemeWs;
            foreach (var protocol in protocols) socket.Options.AddSubProtocol(protocol);
            socket.Options.CollectHttpResponseDetails = true;
            socket.Options.KeepAliveInterval = Options.KeepAliveDelay;
            socket.Options.KeepAliveTimeout = Options.KeepAliveTimeout;
            // The library's credentials set a header on a request of HttpClient's, and the handshake takes headers one by one.
            using var headers = new HttpRequestMessage(HttpMethod.Get, uri.Uri);
            if (Client.Credentials is { } credentials) await credentials.ProcessHttpRequestAsync(headers, limit.Token);
            foreach (var (name, values) in headers.Headers) socket.Options.SetRequestHeader(name, string.Join(", ", values));
            socket.Options.SetRequestHeader("User-Agent", Options.UserAgent);
            if (!string.IsNullOrWhiteSpace(_tlsServerName)) socket.Options.SetRequestHeader("Host", _tlsServerName);
            await socket.ConnectAsync(uri.Uri, Client.HttpClient, limit.Token);
            if (!protocols.Contains(socket.SubProtocol))
                throw new KubernetesApiException(operation, HttpStatusCode.SwitchingProtocols, "BadAnswer", $"the server speaks none of {string.Join(", ", protocols)}");
            return socket;
        }
        catch (Exception e)
        {
            var status = socket.HttpStatusCode;
            socket.Dispose();
            if (e is KubernetesApiException) throw;
            cancellationToken.ThrowIfCancellationRequested();
            if (status is 0 or HttpStatusCode.SwitchingProtocols) throw NoAnswer(operation, e);
            if (status == HttpStatusCode.Unauthorized) Refused();
            throw new KubernetesApiException(operation, status, status.ToString(), "the API server refused to open a stream", innerException: e);
        }
    }

    /// <summary>A transport failure in the words of <see cref="KubernetesApiException"/>.</summary>
    internal KubernetesApiException NoAnswer(string operation, Exception e) => e is OperationCanceledException
        ? new(operation, null, "Timeout", $"{Client.BaseUri} is silent for {Options.RequestTimeout.TotalSeconds:0.#} s", innerException: e)
        : new(operation, null, "Unreachable", $"{Client.BaseUri}: {(e is KubeConfigException ? e : e.GetBaseException()).Message}", innerException: e);

    private void Refused()
    {
        _token?.Refused();
        _plugin?.Refused();
    }

    private static async Task<KubernetesApiException> RefusalAsync(
        string operation, HttpResponseMessage response, CancellationToken cancellationToken)
    {
        var body = await response.Content.ReadAsByteArrayAsync(cancellationToken);
        ApiStatus? status = null;
        try
        {
            status = JsonSerializer.Deserialize(body, CoreJson.Default.ApiStatus);
        }
        catch (JsonException)
        {
            // A proxy's error page, or plain text as the API server sends before its handlers are up.
        }

        var seconds = status?.Details?.RetryAfterSeconds ?? 0;
        var retryAfter = response.Headers.RetryAfter?.Delta ?? (seconds > 0 ? TimeSpan.FromSeconds(seconds) : null);
        return new(
            operation,
            response.StatusCode,
            string.IsNullOrEmpty(status?.Reason) ? response.StatusCode.ToString() : status.Reason,
            string.IsNullOrEmpty(status?.Message) ? Shorten(Encoding.UTF8.GetString(body)) : status.Message,
            retryAfter < LongestRetryAfter ? retryAfter : retryAfter is null ? null : LongestRetryAfter);
    }

    private static string Shorten(string text) => text.Length <= 300 ? text.Trim() : string.Concat(text.AsSpan(0, 300), "…");

    private static (KubernetesClientConfiguration Configuration, string Source) Configure(string? path, string? context)
    {
        if (string.IsNullOrEmpty(path))
        {
            // A list of files, of which kubectl reads all; here the first that exists is taken (`kubectl config view --flatten` merges).
            var variable = Environment.GetEnvironmentVariable("KUBECONFIG") ?? "";
            var listed = variable.Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries);
            if (listed.Length > 0) path = Array.Find(listed, File.Exists) ?? listed[0];
        }

        if (string.IsNullOrEmpty(path))
        {
            if (KubernetesClientConfiguration.IsInCluster())
                return (KubernetesClientConfiguration.InClusterConfig(), "the pod's service account");
            path = KubernetesClientConfiguration.KubeConfigDefaultLocation;
            if (!File.Exists(path))
            {
                throw new KubeConfigException(
                    $"no cluster to talk to: no --kubeconfig given, $KUBECONFIG not set, not running in a pod, and {path} does not exist");
            }
        }

        if (!File.Exists(path)) throw new KubeConfigException($"kubeconfig {path} does not exist");
        try
        {
            var configuration = Kubeconfig.Read(path, context);
            return (configuration, $"{path}, context {configuration.CurrentContext}");
        }
        catch (Exception e) when (e is KubeConfigException or YamlException or IOException or UnauthorizedAccessException
            or FormatException or CryptographicException)
        {
            throw new KubeConfigException($"kubeconfig {path} cannot be used: {e.Message}", e);
        }
    }

    private static void Tighten(SocketsHttpHandler handler, ConnectionOptions options)
    {
        handler.ConnectTimeout = options.ConnectTimeout;
        handler.KeepAlivePingPolicy = HttpKeepAlivePingPolicy.WithActiveRequests;
        handler.KeepAlivePingDelay = options.KeepAliveDelay;
        handler.KeepAlivePingTimeout = options.KeepAliveTimeout;
        // HTTP/1.1, which a plain-text API server speaks, has no ping: there it is up to TCP. Three probes within the timeout.
        handler.ConnectCallback = async (connection, cancellationToken) =>
        {
            var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            try
            {
                socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
                socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, Seconds(options.KeepAliveDelay));
                socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, Seconds(options.KeepAliveTimeout / 3));
                socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveRetryCount, 3);
                await socket.ConnectAsync(connection.DnsEndPoint, cancellationToken);
                return new NetworkStream(socket, ownsSocket: true);
            }
            catch
            {
                socket.Dispose();
                throw;
            }
        };
    }

    private sealed record Heard(DateTimeOffset Date, long At);

    private static int Seconds(TimeSpan time) => Math.Max(1, (int)Math.Ceiling(time.TotalSeconds));
}
