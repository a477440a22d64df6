using Quiesce.Freezing;
using Quiesce.Freezing.Reports;

namespace Quiesce.Holder;

/// <summary>Makes thaw calls side by side, so that a dead device holds up nobody, and waits for their answers only so long.</summary>
internal sealed class ParallelThaw
{
    private readonly object gate = new();
    private int running;

    /// <summary>Starts all and waits; what has not answered by then is reported as stuck.</summary>
    /// <param name="thaws">What to do for each, and how to name it when it is stuck.</param>
    /// <param name="patience">Longest wait, in milliseconds.</param>
    internal IReadOnlyList<FilesystemReport> Run(IReadOnlyList<(FilesystemReport Named, Func<FilesystemReport> Thaw)> thaws, int patience)
    {
        var answers = new FilesystemReport?[thaws.Count];
        running = thaws.Count;
        for (var i = 0; i < thaws.Count; i++)
        {
            var index = i;
            Threads.Start("thaw", () =>
            {
                var answer = thaws[index].Thaw();
                lock (gate)
                {
                    answers[index] = answer;
                    running--;
                    Monitor.Pulse(gate);
                }
            });
        }
        lock (gate)
        {
            var until = Environment.TickCount64 + patience;
            while (running > 0 && until - Environment.TickCount64 is > 0 and var left) Monitor.Wait(gate, (int)left);
            return [.. answers.Select((answer, i) => answer ?? thaws[i].Named with
            {
                State = FilesystemState.Stuck,
                Reason = FreezeReason.ThawStuck,
                Message = StuckCalls.Thaw(thaws[i].Named.Path),
            })];
        }
    }

    /// <summary>Waits for the last call, however long: until then this process is what ends it.</summary>
    internal void WaitForStuckOnes()
    {
        lock (gate)
            while (running > 0) Monitor.Wait(gate);
    }
}
