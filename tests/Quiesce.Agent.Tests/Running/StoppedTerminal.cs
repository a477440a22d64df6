using System.Globalization;
using System.Runtime.InteropServices;
using Tmds.Linux;

namespace Quiesce.Agent.Tests.Running;

/// <summary>A terminal whose output was stopped, as by Ctrl-S: whoever writes to it sleeps.</summary>
internal sealed class StoppedTerminal : IDisposable
{
    private const int TIOCSPTLCK = 0x40045431;
    private const int TIOCGPTN = unchecked((int)0x80045430);
    private const int TCXONC = 0x540A;
    private const int TCOOFF = 0;
    private const int TCOON = 1;

    private readonly int master;
    private readonly int terminal;

    internal unsafe StoppedTerminal()
    {
        fixed (byte* p = "/dev/ptmx\0"u8)
            master = LibC.open(p, LibC.O_RDWR | LibC.O_NOCTTY | LibC.O_CLOEXEC);
        int unlock = 0, number = -1;
        Assert.True(master >= 0 && LibC.ioctl(master, TIOCSPTLCK, &unlock) == 0 && LibC.ioctl(master, TIOCGPTN, &number) == 0, "no pseudo-terminal");
        Path = string.Create(CultureInfo.InvariantCulture, $"/dev/pts/{number}");
        fixed (byte* p = System.Text.Encoding.UTF8.GetBytes(Path + '\0'))
            terminal = LibC.open(p, LibC.O_RDWR | LibC.O_NOCTTY | LibC.O_CLOEXEC);
        Assert.True(terminal >= 0 && LibC.ioctl(terminal, TCXONC, TCOOFF) == 0, $"{Path} cannot be stopped");
    }

    internal string Path { get; }

    /// <summary>Lets the output go on, and gives all of it that has come or comes within the time.</summary>
    internal async Task<string> GoOnAsync(Func<string, bool> enough)
    {
        Resume();
        var text = "";
        await Poll.UntilAsync(() => enough(text += Read()), "the output of the terminal");
        return text;
    }

    public void Dispose()
    {
        _ = LibC.close(terminal);
        _ = LibC.close(master);
    }

    private unsafe void Resume() => _ = LibC.ioctl(terminal, TCXONC, TCOON);

    private unsafe string Read()
    {
        var wait = new pollfd { fd = master, events = LibC.POLLIN };
        if (LibC.poll(&wait, 1, 0) <= 0) return "";
        var buffer = stackalloc byte[4096];
        var length = (long)LibC.read(master, buffer, 4096);
        return length > 0 ? Marshal.PtrToStringUTF8((nint)buffer, (int)length) : "";
    }
}
