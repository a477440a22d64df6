using Quiesce.ApiServers;

namespace Quiesce.EndToEnd.Tests.Running;

/// <summary>One program's own way to the API server, which a test can cut.</summary>
internal sealed class Way : IAsyncDisposable
{
    private Way(CuttableProxy proxy, string kubeconfig) => (Proxy, Kubeconfig) = (proxy, kubeconfig);

    internal CuttableProxy Proxy { get; }

    /// <summary>A kubeconfig that leads along it.</summary>
    internal string Kubeconfig { get; }

    /// <summary>Opens one.</summary>
    /// <param name="server">Where to.</param>
    /// <param name="kubeconfig">The file to write.</param>
    internal static Way Open(ApiServerUnderTest server, string kubeconfig) => new(CuttableProxy.Start(server, kubeconfig), kubeconfig);

    public ValueTask DisposeAsync() => Proxy.DisposeAsync();
}
