using System.Net;
using System.Net.Sockets;

namespace Quiesce.EndToEnd.Tests.Running;

/// <summary>A collector that takes connections and whatever is sent, and never answers.</summary>
internal sealed class DeadCollector : IDisposable
{
    private readonly TcpListener listener = new(IPAddress.Loopback, 0);
    private readonly List<TcpClient> clients = [];

    internal DeadCollector()
    {
        listener.Start();
        _ = AcceptAsync();
    }

    internal Uri At => new($"http://{listener.LocalEndpoint}");

    /// <summary>Somebody has connected.</summary>
    internal bool WasMet
    {
        get
        {
            lock (clients) return clients.Count > 0;
        }
    }

    public void Dispose()
    {
        listener.Dispose();
        lock (clients) clients.ForEach(client => client.Dispose());
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var client = await listener.AcceptTcpClientAsync();
                lock (clients) clients.Add(client);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The end.
        }
    }
}
