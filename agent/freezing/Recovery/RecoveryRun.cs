using Quiesce.Freezing.Reports;

namespace Quiesce.Freezing.Recovery;

/// <summary>Ends windows that were left behind, each filesystem on a thread of its own, so that a dead device holds up nobody.</summary>
/// <param name="start">Starts a thread of this name.</param>
/// <param name="report">Takes the reports: one for each window after the first round, and a final one for each that was not settled then. On the calling thread.</param>
public sealed class RecoveryRun(Action<string, Action> start, Action<WindowReport> report)
{
    // Long enough for any thaw that is not stuck; until then nobody hears of the others.
    private const int Patience = 1_000;

    private readonly object gate = new();

    /// <summary>Thaws all, and returns when all have their answer, however long that takes.</summary>
    /// <param name="windows">The windows.</param>
    /// <param name="firstRound">Called when each window was reported once; what then still comes is of calls that are stuck.</param>
    public void Run(IReadOnlyList<LeftWindow> windows, Action firstRound)
    {
        foreach (var window in windows)
        {
            foreach (var index in window.OwedAtOnce) Thaw(window, index);
            if (window.OwedLater is not { Count: > 0 } later) continue;
            start("waits", () =>
            {
                window.Journal.Acquire();
                foreach (var index in later) Thaw(window, index);
            });
        }

        var pending = windows.ToList();
        lock (gate)
        {
            var until = Environment.TickCount64 + Patience;
            while (!pending.TrueForAll(w => w.IsSettled) && until - Environment.TickCount64 is > 0 and var left) Monitor.Wait(gate, (int)left);
        }
        foreach (var window in windows)
        {
            var one = window.Report();
            report(one);
            if (one.IsFinal) Settle(pending, window);
        }
        firstRound();
        while (pending.Count > 0)
        {
            LeftWindow? settled;
            lock (gate)
                while ((settled = pending.Find(w => w.IsSettled)) is null) Monitor.Wait(gate);
            report(settled.Report());
            Settle(pending, settled);
        }
    }

    private static void Settle(List<LeftWindow> pending, LeftWindow window)
    {
        _ = pending.Remove(window);
        if (!window.OwesThaw) window.Journal.Remove(); // else the next start tries again
        window.Journal.Dispose();
    }

    private void Thaw(LeftWindow window, int index) => start("thaw", () =>
    {
        window.Thaw(index);
        lock (gate) Monitor.PulseAll(gate);
    });
}
