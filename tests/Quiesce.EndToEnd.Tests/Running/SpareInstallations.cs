using System.Collections.Concurrent;

namespace Quiesce.EndToEnd.Tests.Running;

/// <summary>Installations beside the one of all tests, each for one test at a time.</summary>
public sealed class SpareInstallations : IAsyncDisposable
{
    /// <summary>Each is an API server that takes its share of two processors.</summary>
    private const int Count = 2;

    private readonly SemaphoreSlim turn = new(Count);
    private readonly ConcurrentBag<Installation> free = [];
    private readonly ConcurrentBag<Installation> all = [];

    /// <summary>Waits for its turn.</summary>
    internal async Task<Installation> TakeAsync()
    {
        await turn.WaitAsync();
        try
        {
            if (free.TryTake(out var spare)) return spare;
            all.Add(spare = new Installation());
            await spare.InitializeAsync();
            return spare;
        }
        catch
        {
            turn.Release();
            throw;
        }
    }

    internal void GiveBack(Installation spare)
    {
        free.Add(spare);
        turn.Release();
    }

    /// <summary>Ends every program of all.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach (var installation in all) await installation.DisposeAsync();
        turn.Dispose();
    }
}

/// <summary>Tests that do something to the operator or to what all tests share, each with an installation of its own: the others go on beside them.</summary>
public abstract class OwnInstallation(SpareInstallations spares) : IAsyncLifetime
{
    /// <summary>The test's own; it may leave the operator as it likes, the next one finds an ordinary one.</summary>
    internal Installation Installation { get; private set; } = null!;

    /// <inheritdoc/>
    public async ValueTask InitializeAsync() => Installation = await spares.TakeAsync();

    /// <summary>Gives the installation back; what a test has changed of it is in order again by then.</summary>
    public virtual ValueTask DisposeAsync()
    {
        if (Installation is not null) spares.GiveBack(Installation);
        GC.SuppressFinalize(this);
        return ValueTask.CompletedTask;
    }
}
