using System.Globalization;
using Tmds.Linux;

namespace Quiesce.Freezing.Kernel;

/// <summary>Whether a process still runs.</summary>
public enum ProcessLife
{
    /// <summary>There is no such process; its number may be another's by now.</summary>
    Gone,

    /// <summary>Dead, but not gone: a call of one of its threads does not return.</summary>
    Dying,

    /// <summary>It lives, be it stopped.</summary>
    Alive,
}

/// <summary>A process told from a later one of the same number.</summary>
/// <param name="Id">Its number, in this process's PID namespace.</param>
/// <param name="Start">When it started, in clock ticks since boot: field 22 of proc_pid_stat(5).</param>
public readonly record struct ProcessIdentity(int Id, long Start)
{
    /// <summary>The PID namespace that numbers are of, by its inode number; zero where it cannot be told.</summary>
    public static long Namespace { get; } = NamespaceFile.Self("pid");

    /// <summary>This process.</summary>
    public static ProcessIdentity Current() => Of(Environment.ProcessId);

    /// <summary>A process that lives now; its start is zero where it does not.</summary>
    public static ProcessIdentity Of(int id) => new(id, Read(id).Start);

    /// <summary>Whether it still runs.</summary>
    public ProcessLife Life() => Read(Id) switch
    {
        var (start, _) when Id <= 0 || start == 0 || start != Start => ProcessLife.Gone,
        (_, 'Z' or 'X') => ProcessLife.Dying,
        _ => ProcessLife.Alive,
    };

    /// <summary>Sends SIGKILL to this very process, never to a later one of its number; does nothing where it is gone.</summary>
    public void Kill()
    {
        const int pidfd_open = 434, pidfd_send_signal = 424;
        var pidfd = (int)(long)LibC.syscall(pidfd_open, Id, 0);
        if (pidfd < 0) return;
        // The number cannot change hands while the descriptor is open, so what is read now is of the process that is killed.
        if (Life() == ProcessLife.Alive) _ = LibC.syscall(pidfd_send_signal, pidfd, LibC.SIGKILL, 0, 0);
        _ = LibC.close(pidfd);
    }

    private static (long Start, char State) Read(int id)
    {
        string text;
        try
        {
            text = File.ReadAllText($"/proc/{id.ToString(CultureInfo.InvariantCulture)}/stat");
        }
        catch (IOException)
        {
            return default; // gone, or going while we read
        }
        catch (UnauthorizedAccessException)
        {
            return default;
        }
        // The name, field 2, is in brackets and may itself contain any.
        var fields = text[(text.LastIndexOf(')') + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return fields.Length > 19 && long.TryParse(fields[19], NumberStyles.None, CultureInfo.InvariantCulture, out var start) ? (start, fields[0][0]) : default;
    }
}
