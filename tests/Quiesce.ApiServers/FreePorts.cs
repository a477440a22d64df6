using System.Net;
using System.Net.Sockets;

namespace Quiesce.ApiServers;

/// <summary>Ports for programs that cannot choose one themselves.</summary>
internal static class FreePorts
{
    /// <returns>Ports on 127.0.0.1 that nobody used when this was called.</returns>
    public static IReadOnlyList<int> Take(int count)
    {
        // All at once: one closed before the next is asked for could be handed out twice.
        var listeners = Enumerable.Range(0, count).Select(_ => new TcpListener(IPAddress.Loopback, 0)).ToList();
        try
        {
            listeners.ForEach(l => l.Start());
            return [.. listeners.Select(l => ((IPEndPoint)l.LocalEndpoint).Port)];
        }
        finally
        {
            listeners.ForEach(l => l.Dispose());
        }
    }
}
