using System.Collections.Concurrent;
using System.Diagnostics;

namespace Quiesce.EndToEnd.Tests.Running;

/// <summary>
/// Starts every process of the tests from one thread that never ends: the kernel sends the parent-death signal when the starting <em>thread</em> ends, and a
/// pool thread may end at any time.
/// </summary>
internal static class Starter
{
    private static readonly BlockingCollection<Action> Work = [];

    static Starter() => new Thread(Run) { IsBackground = true, Name = "starter" }.Start();

    /// <summary>Should the test host die, an agent is asked to stop, and thaws.</summary>
    internal static IReadOnlyList<string> StopWith { get; } = ["setpriv", "--pdeathsig", "TERM"];

    /// <summary>Should the test host die, the process does too.</summary>
    internal static IReadOnlyList<string> DieWith { get; } = ["setpriv", "--pdeathsig", "KILL"];

    internal static void Start(Process process)
    {
        var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Work.Add(() =>
        {
            try
            {
                _ = process.Start();
                started.SetResult();
            }
            catch (Exception e) when (e is System.ComponentModel.Win32Exception or InvalidOperationException)
            {
                started.SetException(e);
            }
        });
        started.Task.GetAwaiter().GetResult();
    }

    private static void Run()
    {
        foreach (var work in Work.GetConsumingEnumerable()) work();
    }
}
