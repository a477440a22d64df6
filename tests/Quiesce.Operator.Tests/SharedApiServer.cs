using System.Collections.Concurrent;
using Quiesce.ApiServers;
using Quiesce.Cluster;
using Quiesce.Operator.Tests;

[assembly: AssemblyFixture(typeof(SharedApiServer))]

namespace Quiesce.Operator.Tests;

/// <summary>The real API servers of a run, each for one test at a time; a local cluster is handed out anew to each.</summary>
public sealed class SharedApiServer : IAsyncDisposable
{
    /// <summary>Tests mostly wait, and each server takes its share of two processors.</summary>
    private const int Servers = 2;

    private static readonly SemaphoreSlim Turn = new(Servers, Servers);
    private static readonly ConcurrentBag<ApiServerUnderTest> All = [];
    private static readonly ConcurrentBag<ApiServerUnderTest> Free = [];

    private static bool IsReal => !string.IsNullOrEmpty(Environment.GetEnvironmentVariable(ApiServerUnderTest.AssetsVariable));

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (var server in All) await server.DisposeAsync();
    }

    /// <summary>Waits for the test's turn.</summary>
    /// <param name="local">For the local cluster.</param>
    internal static async Task<(ApiServerUnderTest Server, Action Release)> TakeAsync(LocalClusterOptions local)
    {
        if (!IsReal) return (await ApiServerUnderTest.StartAsync(new ApiServerOptions { Local = local }), () => { });
        await Turn.WaitAsync();
        try
        {
            if (!Free.TryTake(out var server)) All.Add(server = await ApiServerUnderTest.StartAsync());
            return (server, () => GiveBack(server));
        }
        catch
        {
            Turn.Release();
            throw;
        }
    }

    private static void GiveBack(ApiServerUnderTest server)
    {
        Free.Add(server);
        Turn.Release();
    }
}
