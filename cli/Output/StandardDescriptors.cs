namespace Quiesce.Cli.Output;

/// <summary>Descriptors 0 to 2 as a program expects them.</summary>
internal static class StandardDescriptors
{
    /// <summary>
    /// Opens <c>/dev/null</c> in the place of those that were closed at the start, before anything else is opened: else a connection or the runtime's
    /// signal pipe gets the number 2, what is for a person is written into it, and the program is aborted in its window.
    /// </summary>
    internal static void Ensure()
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
