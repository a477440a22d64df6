using System.Diagnostics;

namespace Quiesce.Agent.Tests.Running;

/// <summary>A process on each of some frozen filesystems that sleeps in its one write, and ends with the thaw: the thaw as applications see it.</summary>
internal sealed class StandingWriters : IAsyncDisposable
{
    private readonly List<Process> processes = [];

    /// <summary>Starts them and waits until all sleep.</summary>
    internal static async Task<StandingWriters> StartAsync(IEnumerable<string> frozen)
    {
        var writers = new StandingWriters();
        foreach (var path in frozen)
            writers.processes.Add(Process.Start(new ProcessStartInfo("sh", ["-c", "exec 2>/dev/null >\"$1\"", "sh", $"{path}/standing"]) { WorkingDirectory = "/" })!);
        await Poll.UntilAsync(() => writers.processes.All(p => ProcessTable.State(p.Id) == 'D'), "the writers stand still");
        return writers;
    }

    /// <summary>Waits until all have gone on.</summary>
    /// <returns>How long that took.</returns>
    internal async Task<TimeSpan> GoOnAsync()
    {
        var age = Stopwatch.StartNew();
        using var enough = new CancellationTokenSource(Poll.Bound);
        foreach (var process in processes) await process.WaitForExitAsync(enough.Token);
        return age.Elapsed;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var process in processes)
        {
            await process.WaitForExitAsync(CancellationToken.None); // the guard sees to it that this ends
            process.Dispose();
        }
    }
}
