using System.Collections.Concurrent;

namespace Quiesce.EndToEnd.Tests.Running;

/// <summary>Installations beside the one of all tests, each for one test at a time.</summary>
public sealed class SpareInstallations : IAsyncDisposable
{
    /// <summary>Each is an API server that takes its share of two processors.</summary>
    private const int Count = 2;

    private readonly SemaphoreSlim turn = new(Count);
    private readonly ConcurrentBag<Installation> free = [];

    /// <summary>Waits for its turn.</summary>
    internal async Task<Installation> TakeAsync(CancellationToken cancellationToken)
    {
        await turn.WaitAsync(cancellationToken);
        if (free.TryTake(out var spare)) return spare;
        spare = new Installation();
        try
        {
            await spare.InitializeAsync();
            return spare;
        }
        catch
        {
            await GiveBackAsync(spare, isSpoiled: true);
            throw;
        }
    }

    /// <summary>Takes it back for the next one, or ends it where nobody knows what became of it.</summary>
    internal async Task GiveBackAsync(Installation spare, bool isSpoiled)
    {
        try
        {
            if (isSpoiled) await spare.DisposeAsync();
            else free.Add(spare);
        }
        finally
        {
            turn.Release();
        }
    }

    /// <summary>Ends every program of all.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach (var installation in free) await installation.DisposeAsync();
        turn.Dispose();
    }
}
