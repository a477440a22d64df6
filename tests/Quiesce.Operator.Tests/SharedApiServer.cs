using Quiesce.ApiServers;
using Quiesce.Operator.Tests;

[assembly: AssemblyFixture(typeof(SharedApiServer))]

namespace Quiesce.Operator.Tests;

/// <summary>The one real API server of a run, for one test at a time; a local cluster is handed out anew to each.</summary>
public sealed class SharedApiServer : IAsyncDisposable
{
    private static readonly SemaphoreSlim Turn = new(1, 1);
    private static ApiServerUnderTest? real;

    private static bool IsReal => !string.IsNullOrEmpty(Environment.GetEnvironmentVariable(ApiServerUnderTest.AssetsVariable));

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (real is not null) await real.DisposeAsync();
    }

    /// <summary>Waits for the test's turn.</summary>
    internal static async Task<(ApiServerUnderTest Server, Action Release)> TakeAsync()
    {
        if (!IsReal) return (await ApiServerUnderTest.StartAsync(), () => { });
        await Turn.WaitAsync();
        try
        {
            return (real ??= await ApiServerUnderTest.StartAsync(), () => Turn.Release());
        }
        catch
        {
            Turn.Release();
            throw;
        }
    }
}
