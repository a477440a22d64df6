namespace Quiesce.Operator.Hosting;

/// <summary>Descriptors 0 to 2 as a program expects them.</summary>
internal static class StandardDescriptors
{
    // O_CLOEXEC, as fdinfo has it, in octal (proc_pid_fdinfo(5)).
    private const int CloseOnExec = 0x80000;

    /// <summary>Standard output; one that takes in everything where the program was started without.</summary>
    public static Stream OpenOutput() => IsInherited(1) ? Console.OpenStandardOutput() : Stream.Null;

    /// <summary>Standard error; one that takes in everything where the program was started without.</summary>
    public static Stream OpenError() => IsInherited(2) ? Console.OpenStandardError() : Stream.Null;

    /// <summary>
    /// Whether a descriptor is the starter's: what comes through exec cannot be closed by it. The runtime of a program that is not native has pipes of its
    /// own before the program's first line, and without this takes log lines for its commands.
    /// </summary>
    private static bool IsInherited(int descriptor)
    {
        try
        {
            var flags = File.ReadLines($"/proc/self/fdinfo/{descriptor}").First(line => line.StartsWith("flags:", StringComparison.Ordinal));
            return (Convert.ToInt32(flags["flags:".Length..].Trim(), 8) & CloseOnExec) == 0;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidOperationException)
        {
            // Without /proc it is taken for what it should be.
            return true;
        }
    }

    /// <summary>
    /// Opens <c>/dev/null</c> in the place of those that were closed at the start, before anything else is opened: else a connection or the runtime's
    /// signal pipe gets the number 1, and the log is written into it.
    /// </summary>
    public static void Ensure()
    {
        while (true)
        {
            // Shared in every way, so that it is not locked.
            var handle = File.OpenHandle("/dev/null", FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
            if (handle.DangerousGetHandle() > 2)
            {
                handle.Dispose();
                return;
            }

            // Open for the life of the process: nobody closes it by collecting its handle.
            var kept = true;
            handle.DangerousAddRef(ref kept);
            handle.SetHandleAsInvalid();
        }
    }
}
