using System.Net;
using System.Runtime.CompilerServices;
using System.Text.Json;
using k8s;
using k8s.Models;

namespace Quiesce.Crds.Client;

/// <summary>One watch request: from a resource version to the end of the answer.</summary>
/// <remarks>
/// The client library's own watch drops the server's <c>ERROR</c> event unless it is given a callback, and its NativeAOT build
/// has none. How an answer ends: plainly, when the server's time is up or it shuts down; with an <c>ERROR</c> event (410 most
/// often) inside an HTTP 200; with an <see cref="IOException"/> or <see cref="HttpRequestException"/> when the connection is
/// cut. A version from the future (the server's storage was set back) is answered with silence to the end of its time.
/// </remarks>
internal sealed class WatchStream<T>(ResourceClient<T> client, ListWatchOptions options, TimeProvider time)
    where T : class, IKubernetesObject<V1ObjectMeta>
{
    /// <summary>An entry of the stream; <see cref="Object"/> is null for a bookmark.</summary>
    internal readonly record struct Entry(string Type, T? Object, string? ResourceVersion);

    /// <summary>Opens the watch and yields its entries to its end.</summary>
    /// <exception cref="KubernetesApiException">Refused, cut, silent for too long, or ended by an <c>ERROR</c> event.</exception>
    public async IAsyncEnumerable<Entry> ReadAsync(string resourceVersion, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var kind = client.Kind;
#pragma warning disable CA5394 // Spreading reconnects out needs no secrecy.
        var seconds = (int)Math.Ceiling(options.WatchTimeout.TotalSeconds * (1 + (Random.Shared.NextDouble() / 2)));
#pragma warning restore CA5394
        var path = $"{kind.Type.CollectionPath(options.Namespace)}?watch=true&allowWatchBookmarks=true&timeoutSeconds={seconds}"
            + $"&resourceVersion={Uri.EscapeDataString(resourceVersion)}"
            + ResourceClient<T>.Selectors(options.LabelSelector, options.FieldSelector);
        var operation = $"WATCH {path}";
        using var response = await client.Connection.SendAsync(HttpMethod.Get, path, null, cancellationToken);
        using var silence = new CancellationTokenSource(Timeout.InfiniteTimeSpan, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, silence.Token);
        await using var body = await response.Content.ReadAsStreamAsync(cancellationToken);
        using var reader = new StreamReader(body);
        while (true)
        {
            string? line;
            silence.CancelAfter(TimeSpan.FromSeconds(seconds) + options.SilenceAllowance);
            try
            {
                line = await reader.ReadLineAsync(either.Token);
            }
            catch (Exception e) when (e is IOException or HttpRequestException or OperationCanceledException or ObjectDisposedException)
            {
                cancellationToken.ThrowIfCancellationRequested();
                throw silence.IsCancellationRequested
                    ? new KubernetesApiException(operation, null, "Timeout", "the watch has gone silent", innerException: e)
                    : client.Connection.NoAnswer(operation, e);
            }

            // Only the wait for the server counts, not what the consumer does with an entry.
            silence.CancelAfter(Timeout.InfiniteTimeSpan);
            if (line is null) yield break;
            if (line.Length != 0) yield return Parse(operation, line);
        }
    }

    private Entry Parse(string operation, string line)
    {
        try
        {
            var entry = JsonSerializer.Deserialize(line, CoreJson.Default.WatchLine)!;
            switch (entry.Type)
            {
                case "BOOKMARK":
                    return new(entry.Type, null, entry.Object.Deserialize(CoreJson.Default.BookmarkObject)?.Metadata?.ResourceVersion);
                case "ERROR":
                    var status = entry.Object.Deserialize(CoreJson.Default.ApiStatus);
                    var code = (HttpStatusCode)(status?.Code ?? 500);
                    throw new KubernetesApiException(
                        operation, code, status?.Reason ?? code.ToString(), status?.Message ?? "the watch was ended by the server");
                default:
                    var o = entry.Object.Deserialize(client.Kind.Json) ?? throw new JsonException("the object is null");
                    return new(entry.Type ?? "", ResourceClient<T>.Strip(o), o.Metadata.ResourceVersion);
            }
        }
        catch (JsonException e)
        {
            var detail = $"a line of the watch cannot be read: {e.Message}";
            throw new KubernetesApiException(operation, HttpStatusCode.OK, "BadAnswer", detail, innerException: e);
        }
    }
}
