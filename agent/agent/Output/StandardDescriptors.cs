using Tmds.Linux;

namespace Quiesce.Agent.Output;

/// <summary>Descriptors 0 to 2 as a program expects them.</summary>
internal static unsafe class StandardDescriptors
{
    /// <summary>
    /// Opens <c>/dev/null</c> in the place of those that were closed at the start, before anything else is opened: else a holder's channel or the
    /// runtime's signal pipe gets the number 1, and output is written into it.
    /// </summary>
    internal static void Ensure()
    {
        fixed (byte* nothing = "/dev/null\0"u8)
        {
            int fd;
            while ((fd = LibC.open(nothing, LibC.O_RDWR | LibC.O_CLOEXEC)) is >= 0 and <= 2)
            {
            }
            if (fd > 2) _ = LibC.close(fd);
        }
    }
}
