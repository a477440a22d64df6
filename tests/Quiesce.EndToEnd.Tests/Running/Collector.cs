using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Quiesce.EndToEnd.Tests.Running;

/// <summary>A span as a collector got it.</summary>
internal sealed record ReceivedSpan(string TraceId, string SpanId, string ParentId, string Name, ulong Start, ulong End);

/// <summary>A collector of traces: takes OTLP over HTTP, in protobuf, and keeps the spans.</summary>
internal sealed class Collector : IDisposable
{
    private readonly TcpListener listener = new(IPAddress.Loopback, 0);
    private readonly ConcurrentQueue<ReceivedSpan> spans = new();

    internal Collector()
    {
        listener.Start();
        _ = AcceptAsync();
    }

    /// <summary>What tells a program of it.</summary>
    internal IReadOnlyDictionary<string, string> Environment => new Dictionary<string, string>
    {
        ["OTEL_EXPORTER_OTLP_ENDPOINT"] = $"http://{listener.LocalEndpoint}",
        ["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf",
        ["OTEL_BSP_SCHEDULE_DELAY"] = "200",
    };

    internal IReadOnlyList<ReceivedSpan> Spans => [.. spans];

    public void Dispose() => listener.Dispose();

    private async Task AcceptAsync()
    {
        try
        {
            while (true) _ = ServeAsync(await listener.AcceptTcpClientAsync());
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The end.
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        using var _ = client;
        await using var stream = client.GetStream();
        try
        {
            while (await HeadAsync(stream) is { } head)
            {
                var length = head.Split("\r\n").First(line => line.StartsWith("Content-Length:", StringComparison.OrdinalIgnoreCase)).Split(':')[1];
                var body = new byte[int.Parse(length, System.Globalization.CultureInfo.InvariantCulture)];
                await stream.ReadExactlyAsync(body);
                if (head.StartsWith("POST /v1/traces", StringComparison.Ordinal)) Keep(body);
                await stream.WriteAsync("HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\n"u8.ToArray());
            }
        }
        catch (IOException)
        {
            // The program has ended.
        }
    }

    private static async Task<string?> HeadAsync(NetworkStream stream)
    {
        var head = new StringBuilder();
        var one = new byte[1];
        while (!head.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal))
        {
            if (await stream.ReadAsync(one) == 0) return null;
            head.Append((char)one[0]);
        }
        return head.ToString();
    }

    // ExportTraceServiceRequest.resource_spans (1) . scope_spans (2) . spans (2): opentelemetry/proto/trace/v1/trace.proto.
    private void Keep(byte[] body)
    {
        foreach (var resource in Fields(body).Where(f => f.Number == 1))
            foreach (var scope in Fields(resource.Bytes).Where(f => f.Number == 2))
                foreach (var span in Fields(scope.Bytes).Where(f => f.Number == 2))
                {
                    var fields = Fields(span.Bytes).ToLookup(f => f.Number);
                    spans.Enqueue(new(Hex(1), Hex(2), Hex(4), Encoding.UTF8.GetString(fields[5].First().Bytes.Span), BitConverter.ToUInt64(fields[7].First().Bytes.Span), BitConverter.ToUInt64(fields[8].First().Bytes.Span)));

                    string Hex(int number) => Convert.ToHexStringLower(fields[number].FirstOrDefault().Bytes.Span);
                }
    }

    private static IEnumerable<(int Number, ReadOnlyMemory<byte> Bytes)> Fields(ReadOnlyMemory<byte> message)
    {
        for (var at = 0; at < message.Length;)
        {
            var tag = Varint(message.Span, ref at);
            var length = (tag & 7) switch
            {
                0 => Length(message.Span, at),
                1 => 8,
                5 => 4,
                _ => (int)Varint(message.Span, ref at),
            };
            yield return ((int)(tag >> 3), message.Slice(at, length));
            at += length;
        }
    }

    private static int Length(ReadOnlySpan<byte> bytes, int at)
    {
        var end = at;
        _ = Varint(bytes, ref end);
        return end - at;
    }

    private static ulong Varint(ReadOnlySpan<byte> bytes, ref int at)
    {
        ulong value = 0;
        for (var shift = 0; ; shift += 7)
        {
            var part = bytes[at++];
            value |= (ulong)(part & 0x7F) << shift;
            if (part < 0x80) return value;
        }
    }
}
