using System.Globalization;
using System.Net.WebSockets;
using Microsoft.AspNetCore.Http;
using Quiesce.Cluster.Errors;
using Quiesce.Cluster.Kinds;
using Quiesce.Cluster.Operations;

namespace Quiesce.Cluster.Http;

/// <summary>
/// <c>pods/exec</c> over WebSocket: passed on to the kubelet that the pod's node names in its status, as kube-apiserver does where that speaks WebSocket.
/// </summary>
internal sealed class PodExecProxy(KindCatalog catalog, ResourceOperations operations)
{
    private static readonly TimeSpan Farewell = TimeSpan.FromSeconds(1);

    public async Task ServeAsync(HttpContext http, ApiRequest request)
    {
        if (request.Verb is not ("get" or "create"))
            throw ApiError.MethodNotAllowed(request.Resource!, request.Verb);
        var pod = operations.Get(request.Resource!, request.Namespace, request.Name).Root;
        var container = Container(pod, request.Name, http.Request.Query["container"].ToString());
        if (pod.StringAt("spec", "nodeName") is not { Length: > 0 } node)
            throw ApiError.BadRequest($"pod {request.Name} does not have a host assigned");
        var kubelet = Kubelet(node);
        if (!http.WebSockets.IsWebSocketRequest)
            throw ApiError.BadRequest("Upgrade request required");
        var query = http.Request.Query["command"].Select(c => $"command={Uri.EscapeDataString(c ?? "")}")
            .Concat(Streams(http.Request.Query));
        var uri = new Uri($"wss://{kubelet}/exec/{request.Namespace}/{request.Name}/{container}?{string.Join('&', query)}");
        using var onward = new ClientWebSocket();
#pragma warning disable CA5359 // As kube-apiserver without --kubelet-certificate-authority.
        onward.Options.RemoteCertificateValidationCallback = static (_, _, _, _) => true;
#pragma warning restore CA5359
        foreach (var protocol in http.WebSockets.WebSocketRequestedProtocols)
            onward.Options.AddSubProtocol(protocol);
        try
        {
            await onward.ConnectAsync(uri, http.RequestAborted).ConfigureAwait(false);
        }
        catch (WebSocketException e)
        {
            throw ApiError.Internal($"error dialing backend: {e.GetBaseException().Message}");
        }

        using var client = await http.WebSockets.AcceptWebSocketAsync(onward.SubProtocol).ConfigureAwait(false);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted);
        Task[] pumps = [PumpAsync(client, onward, ended.Token), PumpAsync(onward, client, ended.Token)];
        await Task.WhenAny(pumps).ConfigureAwait(false);
        // The other side answers the end with its own, or is gone: a connection that is torn down before may lose what was sent last.
        ended.CancelAfter(Farewell);
        await Task.WhenAll(pumps).ConfigureAwait(false);
    }

    private string Kubelet(string node)
    {
        var status = operations.Get(catalog.Find("", "v1", "nodes")!, "", node).Root.At("status");
        var address = status?.At("addresses") is { } addresses
            ? addresses.EnumerateArray().Where(a => a.StringAt("type") == "InternalIP").Select(a => a.StringAt("address")).FirstOrDefault()
            : null;
        if (address is null || status?.At("daemonEndpoints", "kubeletEndpoint", "Port") is not { } port)
            throw ApiError.Internal($"no preferred addresses found for node {node}; known addresses: []");
        return string.Create(CultureInfo.InvariantCulture, $"{address}:{port.GetInt32()}");
    }

    private static string Container(System.Text.Json.JsonElement pod, string name, string asked)
    {
        var names = pod.At("spec", "containers") is { } containers ? containers.EnumerateArray().Select(c => c.StringAt("name")).ToArray() : [];
        if (asked.Length == 0)
            return names.Length == 1 ? names[0]! : throw ApiError.BadRequest($"a container name must be specified for pod {name}, choose one of: [{string.Join(' ', names)}]");
        return names.Contains(asked) ? asked : throw ApiError.BadRequest($"container {asked} is not valid for pod {name}");
    }

    /// <summary>The API names the streams, a kubelet's parameters are of older names.</summary>
    private static IEnumerable<string> Streams(IQueryCollection query)
    {
        foreach (var (api, kubelet) in new[] { ("stdin", "input"), ("stdout", "output"), ("stderr", "error"), ("tty", "tty") })
        {
            if (query[api] is ["true" or "1"])
                yield return $"{kubelet}=1";
        }
    }

    private static async Task PumpAsync(WebSocket from, WebSocket to, CancellationToken cancellationToken)
    {
        var buffer = new byte[16 * 1024];
        try
        {
            while (true)
            {
                var part = await from.ReceiveAsync(buffer.AsMemory(), cancellationToken).ConfigureAwait(false);
                if (part.MessageType == WebSocketMessageType.Close)
                {
                    await to.CloseOutputAsync(from.CloseStatus ?? WebSocketCloseStatus.NormalClosure, from.CloseStatusDescription, cancellationToken).ConfigureAwait(false);
                    return;
                }

                await to.SendAsync(buffer.AsMemory(0, part.Count), part.MessageType, part.EndOfMessage, cancellationToken).ConfigureAwait(false);
            }
        }
        catch (Exception e) when (e is WebSocketException or OperationCanceledException)
        {
            // One side is gone; the other is let go with it.
        }
    }
}
