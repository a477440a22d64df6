namespace Quiesce.Holder;

/// <summary>Threads of the holder: small, because their stacks are locked, and in the background, because a stuck call must not keep the process from exiting.</summary>
internal static class Threads
{
    // Deep enough for everything here; the default of 8 MB would be prefaulted by mlockall for each.
    internal const int StackSize = 128 * 1024;

    internal static Thread Start(string name, Action body)
    {
        var thread = new Thread(() => body(), StackSize) { IsBackground = true, Name = name };
        thread.Start();
        return thread;
    }
}
