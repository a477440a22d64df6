using System.Globalization;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;

namespace Quiesce.Crds.Client;

/// <summary>How a command in a container ended.</summary>
/// <param name="ExitCode">Its exit code; null when it was not run, or nobody knows.</param>
/// <param name="Error">Why there is no exit code, in the words of the server; null where there is one.</param>
/// <param name="Output">The end of standard output and standard error, in the order it came.</param>
public sealed record ExecResult(int? ExitCode, string? Error, string Output);

/// <summary>Runs commands in containers, as <c>kubectl exec</c> does without a terminal and without input. Safe for any number of threads.</summary>
/// <remarks>
/// Over WebSocket with <c>v5.channel.k8s.io</c>, or <c>v4</c> where the server has no newer one: the two differ in how standard input is closed. Not
/// with the client library's own stream reader, which keeps everything a command writes in memory; here only its end is kept.
/// </remarks>
public sealed class PodExec(KubernetesConnection connection)
{
    private const byte StandardOutput = 1;
    private const byte StandardError = 2;
    private const byte Status = 3;

    /// <summary>The longest status that is read, in bytes.</summary>
    private const int MostStatus = 64 * 1024;

    /// <summary>The status may overtake the last of the output, which is waited for as long as this.</summary>
    private static readonly TimeSpan LastWords = TimeSpan.FromSeconds(1);

    /// <summary>Runs a command and waits for its end.</summary>
    /// <param name="ns">The pod's namespace.</param>
    /// <param name="pod">The pod.</param>
    /// <param name="container">The container.</param>
    /// <param name="command">Program and arguments.</param>
    /// <param name="outputLength">Characters of output to keep.</param>
    /// <param name="begun">Called once the server has taken the command: from then on it may have run.</param>
    /// <param name="heard">
    /// Called with the first output: from then on it is known to run, which it is not before. What it is given tells the end of the output, and is to be called once this task has ended.
    /// </param>
    /// <param name="cancellationToken">Gives up waiting; the command itself is not ended by that.</param>
    /// <exception cref="KubernetesApiException">Refused, or not answered, or the connection was lost before the command's end was known.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public async Task<ExecResult> RunAsync(
        string ns,
        string pod,
        string container,
        IReadOnlyList<string> command,
        int outputLength,
        Action? begun,
        Action<Func<string>>? heard,
        CancellationToken cancellationToken)
    {
        var query = string.Join('&', command.Select(c => $"command={Uri.EscapeDataString(c)}"));
        var path = $"api/v1/namespaces/{Uri.EscapeDataString(ns)}/pods/{Uri.EscapeDataString(pod)}/exec";
        var operation = $"EXEC {path}";
        using var socket = await connection.OpenWebSocketAsync(
            operation, $"{path}?container={Uri.EscapeDataString(container)}&stdout=true&stderr=true&{query}", ["v5.channel.k8s.io", "v4.channel.k8s.io"], cancellationToken);
        begun?.Invoke();
        try
        {
            return await ReadAsync(socket, operation, outputLength, heard, cancellationToken);
        }
        catch (Exception e) when (e is WebSocketException or OperationCanceledException)
        {
            // A connection whose other end does not answer is ended as if the reading had been cancelled.
            cancellationToken.ThrowIfCancellationRequested();
            throw connection.NoAnswer(operation, e);
        }
        finally
        {
            socket.Abort();
        }
    }

    private static async Task<ExecResult> ReadAsync(
        ClientWebSocket socket, string operation, int outputLength, Action<Func<string>>? heard, CancellationToken cancellationToken)
    {
        var output = new Tail(outputLength);
        using var status = new MemoryStream();
        var buffer = new byte[16 * 1024];
        using var reading = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var (channel, isNew, isKnown) = ((byte)0, true, false);
        try
        {
            while (true)
            {
                var part = await socket.ReceiveAsync(buffer.AsMemory(), reading.Token);
                if (part.MessageType == WebSocketMessageType.Close)
                {
                    await socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, reading.Token);
                    break;
                }

                var data = buffer.AsMemory(0, part.Count);
                if (isNew && data.Length > 0) (channel, data, isNew) = (buffer[0], data[1..], false);
                if (channel is StandardOutput or StandardError)
                {
                    output.Add(data.Span);
                    // An empty message is the server's own, sent before it asks the kubelet.
                    if (data.Length > 0)
                    {
                        heard?.Invoke(output.ToString);
                        heard = null;
                    }
                }
                else if (channel == Status && !isKnown && status.Length + data.Length <= MostStatus) status.Write(data.Span);
                if (!part.EndOfMessage) continue;
                isNew = true;
                if (channel != Status || isKnown) continue;
                isKnown = true;
                reading.CancelAfter(LastWords);
            }
        }
        catch (Exception e) when (isKnown && e is WebSocketException or OperationCanceledException)
        {
            cancellationToken.ThrowIfCancellationRequested();
        }

        if (!isKnown) throw new KubernetesApiException(operation, null, "Unreachable", "the connection was closed before the command's end was told");
        var (exitCode, error) = Read(status.GetBuffer().AsSpan(0, (int)status.Length));
        return new(exitCode, error, output.ToString());
    }

    /// <summary>A <c>metav1.Status</c>: Success, or a Failure whose cause ExitCode tells the code.</summary>
    private static (int? ExitCode, string? Error) Read(ReadOnlySpan<byte> json)
    {
        try
        {
            var status = JsonSerializer.Deserialize(json, CoreJson.Default.ApiStatus);
            if (status?.Status == "Success") return (0, null);
            var code = status?.Details?.Causes?.FirstOrDefault(c => c.Reason == "ExitCode")?.Message;
            if (int.TryParse(code, NumberStyles.None, CultureInfo.InvariantCulture, out var exitCode)) return (exitCode, null);
            return (null, status?.Message is { Length: > 0 } message ? message : "the server did not say how the command ended");
        }
        catch (JsonException)
        {
            return (null, "the server's word about the command's end cannot be read");
        }
    }

    /// <summary>The last characters of a stream of UTF-8.</summary>
    private sealed class Tail(int length)
    {
        /// <summary>A character has at most four bytes.</summary>
        private readonly byte[] _ring = new byte[Math.Max(1, length * 4)];
        private int _next;
        private bool _isFull;

        public void Add(ReadOnlySpan<byte> data)
        {
            if (data.Length > _ring.Length) data = data[^_ring.Length..];
            var first = Math.Min(data.Length, _ring.Length - _next);
            data[..first].CopyTo(_ring.AsSpan(_next));
            data[first..].CopyTo(_ring);
            _isFull |= _next + data.Length >= _ring.Length;
            _next = (_next + data.Length) % _ring.Length;
        }

        public override string ToString()
        {
            byte[] bytes = _isFull ? [.. _ring[_next..], .. _ring[.._next]] : _ring[.._next];
            // A first byte that continues a character belongs to one that is cut off.
            var skip = 0;
            while (_isFull && skip < bytes.Length && (bytes[skip] & 0xC0) == 0x80) skip++;
            var text = Encoding.UTF8.GetString(bytes, skip, bytes.Length - skip);
            if (text.Length > length) text = text[^length..];
            if (text.Length > 0 && char.IsLowSurrogate(text[0])) text = text[1..];
            // Somebody will look at it in a terminal.
            return string.Create(text.Length, text, (to, from) =>
            {
                for (var i = 0; i < from.Length; i++) to[i] = char.IsControl(from[i]) && from[i] is not ('\n' or '\t') ? '\uFFFD' : from[i];
            });
        }
    }
}
