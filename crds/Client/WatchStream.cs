using System.Buffers;
using System.IO.Pipelines;
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
    /// <summary>An entry of the stream; <see cref="Object"/> is null for a bookmark, and for the opening.</summary>
    internal readonly record struct Entry(string Type, T? Object, string? ResourceVersion)
    {
        /// <summary>The first one, made here: the server has answered, and it answers when it has begun to watch.</summary>
        internal static readonly Entry Opening = new("OPENING", null, null);

        internal bool IsOpening => Type == Opening.Type;
    }

    /// <summary>The reason of the error that a watch ends with when it was given up as silent.</summary>
    internal const string Silent = "Silent";

    /// <summary>Opens the watch and yields its entries to its end.</summary>
    /// <exception cref="KubernetesApiException">Refused, cut, silent for too long, or ended by an <c>ERROR</c> event.</exception>
    public async IAsyncEnumerable<Entry> ReadAsync(string resourceVersion, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var kind = client.Kind;
#pragma warning disable CA5394 // Spreading reconnects out needs no secrecy.
        var seconds = (int)Math.Ceiling(options.WatchTimeout.TotalSeconds * (1 + Random.Shared.NextDouble()));
        var quiet = options.LongestSilence * (1 + (Random.Shared.NextDouble() / 2));
#pragma warning restore CA5394
        var path = $"{kind.Type.CollectionPath(options.Namespace)}?watch=true&allowWatchBookmarks=true&timeoutSeconds={seconds}"
            + $"&resourceVersion={Uri.EscapeDataString(resourceVersion)}"
            + ResourceClient<T>.Selectors(options.LabelSelector, options.FieldSelector);
        var operation = $"WATCH {path}";
        using var response = await client.Connection.SendAsync(HttpMethod.Get, path, null, cancellationToken);
        var patience = TimeSpan.FromSeconds(seconds) + options.SilenceAllowance;
        if (quiet < patience) patience = quiet;
        using var silence = new CancellationTokenSource(Timeout.InfiniteTimeSpan, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, silence.Token);
        var body = PipeReader.Create(await response.Content.ReadAsStreamAsync(cancellationToken));
        yield return Entry.Opening;
        try
        {
            for (var scanned = 0L; ;)
            {
                ReadResult read;
                silence.CancelAfter(patience);
                try
                {
                    read = await body.ReadAsync(either.Token);
                }
                catch (Exception e) when (e is IOException or HttpRequestException or OperationCanceledException or ObjectDisposedException)
                {
                    cancellationToken.ThrowIfCancellationRequested();
                    throw silence.IsCancellationRequested
                        ? new KubernetesApiException(operation, null, Silent, "the watch has gone silent", innerException: e)
                        : client.Connection.NoAnswer(operation, e);
                }

                // Only the wait for the server counts, not what the consumer does with an entry.
                silence.CancelAfter(Timeout.InfiniteTimeSpan);
                var rest = read.Buffer;
                while (rest.Slice(scanned).PositionOf((byte)'\n') is { } end)
                {
                    var line = rest.Slice(0, end);
                    rest = rest.Slice(rest.GetPosition(1, end));
                    scanned = 0;
                    if (!line.IsEmpty) yield return Parse(operation, line);
                }

                if (read.IsCompleted)
                {
                    if (!rest.IsEmpty) yield return Parse(operation, rest);
                    yield break;
                }

                scanned = rest.Length; // a line may come in hundreds of pieces
                body.AdvanceTo(rest.Start, rest.End);
            }
        }
        finally
        {
            await body.CompleteAsync();
        }
    }

    private Entry Parse(string operation, ReadOnlySequence<byte> line)
    {
        try
        {
            var reader = new Utf8JsonReader(line);
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject) throw new JsonException("it is no object");
            string? type = null;
            Utf8JsonReader o = default;
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                if (reader.ValueTextEquals("type"u8))
                {
                    reader.Read();
                    type = reader.GetString();
                }
                else if (reader.ValueTextEquals("object"u8))
                {
                    reader.Read();
                    o = reader;
                    if (type is not null) break; // as the server writes it: the object is read once
                    reader.Skip();
                }
                else
                {
                    reader.Skip();
                }
            }

            if (type is null || o.TokenType != JsonTokenType.StartObject) throw new JsonException("it has no type, or no object");
            switch (type)
            {
                case "BOOKMARK":
                    return new(type, null, JsonSerializer.Deserialize(ref o, CoreJson.Default.BookmarkObject)?.Metadata?.ResourceVersion);
                case "ERROR":
                    var status = JsonSerializer.Deserialize(ref o, CoreJson.Default.ApiStatus);
                    var code = (HttpStatusCode)(status?.Code ?? 500);
                    throw new KubernetesApiException(
                        operation, code, status?.Reason ?? code.ToString(), status?.Message ?? "the watch was ended by the server");
                default:
                    var item = ResourceClient<T>.Complete(JsonSerializer.Deserialize(ref o, client.Kind.Json)!);
                    return new(type, item, item.Metadata.ResourceVersion);
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            var detail = $"a line of the watch cannot be read: {e.Message}";
            throw new KubernetesApiException(operation, HttpStatusCode.OK, "BadAnswer", detail, innerException: e);
        }
    }
}
