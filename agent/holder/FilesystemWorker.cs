using Quiesce.Freezing.Windows;

namespace Quiesce.Holder;

/// <summary>The thread of one filesystem: makes its calls one after the other, so that none waits for another filesystem.</summary>
internal sealed class FilesystemWorker
{
    private readonly object signal = new();
    private WindowAction pending;
    private bool hasPending;

    internal FilesystemWorker(string name, Action<WindowAction> perform)
    {
        Threads.Start(name, () =>
        {
            while (true) perform(Next());
        });
    }

    /// <summary>Hands over the next action; the window never asks for a second one before the first was answered.</summary>
    internal void Post(WindowAction action)
    {
        lock (signal)
        {
            pending = action;
            hasPending = true;
            Monitor.Pulse(signal);
        }
    }

    private WindowAction Next()
    {
        lock (signal)
        {
            while (!hasPending) Monitor.Wait(signal);
            hasPending = false;
            return pending;
        }
    }
}
