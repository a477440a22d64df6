using System.Net;
using System.Net.Sockets;

namespace Quiesce.ApiServers;

/// <summary>
/// A TCP forwarder on loopback between one client and the API server, whose way can be cut as networks cut it: refused, silent, or slow. It forwards
/// bytes and so works with TLS as well. Each client that is to be cut off alone gets one of its own.
/// </summary>
/// <remarks>Every way can be changed at any time and from any thread; what is on its way when it changes is held back, never reordered and never lost but with its connection.</remarks>
public sealed class CuttableProxy : IAsyncDisposable
{
    private const int SolSocket = 1, SoReusePort = 15;

    private readonly Uri _server;
    private readonly IPEndPoint _address;
    private readonly Socket _reservation;
    private readonly CancellationTokenSource _end = new();
    private readonly Lock _gate = new();
    private readonly HashSet<Connection> _connections = [];
    private TaskCompletionSource _passing = NewGate();
    private Socket? _listener;
    private TimeSpan _delay;

    private CuttableProxy(Uri server)
    {
        _server = server;
        // Bound but not listening: it keeps the port ours while the listener is closed, and a connection to it is refused.
        _reservation = Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _address = (IPEndPoint)_reservation.LocalEndPoint!;
    }

    /// <summary>Where it listens, with the scheme of the server behind it and without a slash at the end.</summary>
    public string Url => $"{_server.Scheme}://{_address}";

    /// <summary>Connections that are open now.</summary>
    public int Connections
    {
        get
        {
            lock (_gate) return _connections.Count;
        }
    }

    /// <summary>Starts one that passes everything on.</summary>
    /// <param name="url">The server's, as <see cref="ApiServerUnderTest.Url"/>; its host is an address or <c>localhost</c>.</param>
    public static CuttableProxy Start(string url)
    {
        var proxy = new CuttableProxy(new Uri(url));
        proxy.Pass();
        return proxy;
    }

    /// <summary>Starts one before <paramref name="server"/> and writes a kubeconfig that leads through it.</summary>
    public static CuttableProxy Start(ApiServerUnderTest server, string kubeconfig)
    {
        ArgumentNullException.ThrowIfNull(server);
        var proxy = Start(server.Url);
        File.WriteAllText(kubeconfig, proxy.Kubeconfig(server));
        return proxy;
    }

    /// <summary>The server's kubeconfig, led through this proxy.</summary>
    public string Kubeconfig(ApiServerUnderTest server)
    {
        ArgumentNullException.ThrowIfNull(server);
        return server.Kubeconfig.Replace(server.Url, Url, StringComparison.Ordinal);
    }

    /// <summary>Passes everything on, also what a black hole had held back: a partition that healed.</summary>
    public void Pass() => Delay(TimeSpan.Zero);

    /// <summary>Passes everything on, each piece later by this much, in both directions: a request and its answer take twice as long.</summary>
    public void Delay(TimeSpan delay)
    {
        lock (_gate)
        {
            _delay = delay;
            Listen();
            _ = _passing.TrySetResult();
        }
    }

    /// <summary>Open connections are reset, new ones refused: the server is gone, its host is not.</summary>
    public void Refuse()
    {
        lock (_gate)
        {
            _listener?.Dispose();
            _listener = null;
            Hold();
            foreach (var connection in _connections) connection.Dispose();
        }
    }

    /// <summary>Open connections stay open and new ones are accepted, but nothing passes: a partition, in which a watch is dead and does not know.</summary>
    public void BlackHole()
    {
        lock (_gate)
        {
            Listen();
            Hold();
        }
    }

    /// <summary>Connections that are open now carry nothing any more, ever, while new ones pass: a watch that some middle box has forgotten.</summary>
    public void Strand()
    {
        lock (_gate)
        {
            foreach (var connection in _connections) connection.Strand();
            _delay = TimeSpan.Zero;
            Listen();
            _ = _passing.TrySetResult();
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync().ConfigureAwait(false);
        Refuse();
        _reservation.Dispose();
    }

    private static TaskCompletionSource NewGate() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private static Socket Bind(IPEndPoint address)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.SetRawSocketOption(SolSocket, SoReusePort, BitConverter.GetBytes(1));
        socket.Bind(address);
        return socket;
    }

    private void Hold()
    {
        if (_passing.Task.IsCompleted) _passing = NewGate();
    }

    private void Listen()
    {
        if (_listener is not null || _end.IsCancellationRequested) return;
        var listener = _listener = Bind(_address);
        listener.Listen();
        _ = AcceptAsync(listener);
    }

    private async Task AcceptAsync(Socket listener)
    {
        try
        {
            while (true)
            {
                var client = await listener.AcceptAsync(_end.Token).ConfigureAwait(false);
                var connection = new Connection(this, client);
                lock (_gate)
                {
                    _ = _connections.Add(connection);
                    if (_listener != listener) connection.Dispose(); // accepted while the way was being cut
                }
                _ = ForwardAsync(connection);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or OperationCanceledException)
        {
            // Refused from now on.
        }
    }

    private async Task ForwardAsync(Connection connection)
    {
        await connection.RunAsync().ConfigureAwait(false);
        lock (_gate) _ = _connections.Remove(connection);
    }

    // Returns when the next piece may go.
    private async Task PassableAsync(CancellationToken cancel)
    {
        while (true)
        {
            Task passing;
            TimeSpan delay;
            lock (_gate) (passing, delay) = (_passing.Task, _delay);
            if (passing.IsCompleted && delay > TimeSpan.Zero) await Task.Delay(delay, cancel).ConfigureAwait(false);
            await passing.WaitAsync(cancel).ConfigureAwait(false);
            lock (_gate)
                if (_passing.Task.IsCompleted) return;
        }
    }

    /// <summary>One client's connection and the one to the server behind it.</summary>
    private sealed class Connection(CuttableProxy proxy, Socket client) : IDisposable
    {
        private readonly Socket _server = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        private readonly CancellationTokenSource _end = CancellationTokenSource.CreateLinkedTokenSource(proxy._end.Token);
        private volatile bool _stranded;

        internal async Task RunAsync()
        {
            client.NoDelay = true;
            try
            {
                await PassableAsync().ConfigureAwait(false);
                await _server.ConnectAsync(proxy._server.Host, proxy._server.Port, _end.Token).ConfigureAwait(false);
                // Either side may close its half first; the connection ends with both.
                await Task.WhenAll(PumpAsync(client, _server), PumpAsync(_server, client)).ConfigureAwait(false);
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException or OperationCanceledException)
            {
                // Cut, or one side broke it off: the other is to see that too.
            }
            Dispose();
        }

        internal void Strand() => _stranded = true;

        /// <summary>Ends both sides with a reset; what has ended already stays as it is.</summary>
        public void Dispose()
        {
            _end.Cancel();
            client.Close(0);
            _server.Close(0);
        }

        private async Task PumpAsync(Socket from, Socket to)
        {
            try
            {
                var buffer = new byte[16 * 1024];
                while (true)
                {
                    var count = await from.ReceiveAsync(buffer, _end.Token).ConfigureAwait(false);
                    await PassableAsync().ConfigureAwait(false);
                    if (count == 0)
                    {
                        to.Shutdown(SocketShutdown.Send);
                        return;
                    }
                    for (var sent = 0; sent < count;) sent += await to.SendAsync(buffer.AsMemory(sent, count - sent), _end.Token).ConfigureAwait(false);
                }
            }
            catch
            {
                await _end.CancelAsync().ConfigureAwait(false); // the other direction waits for nobody any more
                throw;
            }
        }

        private async Task PassableAsync()
        {
            await proxy.PassableAsync(_end.Token).ConfigureAwait(false);
            if (_stranded) await Task.Delay(Timeout.Infinite, _end.Token).ConfigureAwait(false);
        }
    }
}
