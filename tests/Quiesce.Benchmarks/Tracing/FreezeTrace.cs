using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Quiesce.RealFilesystems;
using static Tmds.Linux.LibC;

namespace Quiesce.Benchmarks.Tracing;

/// <summary>One FIFREEZE or FITHAW of any process that this one started, as the kernel saw it.</summary>
/// <param name="Freeze">Or a thaw.</param>
/// <param name="Entered">Seconds of <c>CLOCK_BOOTTIME</c>.</param>
/// <param name="Returned">Likewise.</param>
/// <param name="Answer">Zero, or a negative errno.</param>
/// <param name="Thread">Name and number of the thread.</param>
internal readonly record struct FreezeCall(bool Freeze, double Entered, double Returned, long Answer, string Thread)
{
    internal double Milliseconds => (Returned - Entered) * 1000;
}

/// <summary>
/// The kernel's own record of the calls, by tracefs: the same clock for every peer, whatever it is written in, and nothing added to what is measured. Only
/// threads of this process and what they start are followed.
/// </summary>
internal sealed partial class FreezeTrace : IAsyncDisposable
{
    private const string FIFREEZE = "c0045877";
    private const string FITHAW = "c0045878";

    private readonly string root;
    private readonly string instance;

    private FreezeTrace(string root) => (this.root, instance) = (root, $"{root}/instances/quiesce-bench-{Environment.ProcessId.ToString(CultureInfo.InvariantCulture)}");

    /// <summary>Starts recording.</summary>
    /// <exception cref="InvalidOperationException">The kernel has no tracefs, or no events of system calls.</exception>
    internal static async Task<FreezeTrace> StartAsync()
    {
        var root = Directory.CreateTempSubdirectory("quiesce-bench-tracefs-").FullName;
        _ = await Command.RunAsync("mount", "-t", "tracefs", "tracefs", root);
        var trace = new FreezeTrace(root);
        Directory.CreateDirectory(trace.instance);
        if (!Directory.Exists($"{trace.instance}/events/syscalls/sys_enter_ioctl"))
        {
            await trace.DisposeAsync();
            throw new InvalidOperationException("this kernel records no system calls (CONFIG_FTRACE_SYSCALLS), which is how the calls are timed");
        }
        await trace.WriteAsync("trace_clock", "boot");
        await trace.WriteAsync("options/event-fork", "1");
        await trace.WriteAsync("events/syscalls/sys_enter_ioctl/filter", $"cmd == 0x{FIFREEZE} || cmd == 0x{FITHAW}");
        await trace.FollowAsync();
        await trace.WriteAsync("events/syscalls/sys_enter_ioctl/enable", "1");
        await trace.WriteAsync("events/syscalls/sys_exit_ioctl/enable", "1");
        return trace;
    }

    /// <summary>Forgets what was recorded, and follows the threads there are now.</summary>
    internal async Task ClearAsync()
    {
        await FollowAsync();
        Truncate($"{instance}/trace");
    }

    /// <summary>What was recorded since.</summary>
    internal async Task<IReadOnlyList<FreezeCall>> ReadAsync()
    {
        var calls = new List<FreezeCall>();
        var entered = new Dictionary<string, (bool Freeze, double At)>();
        foreach (var line in await File.ReadAllLinesAsync($"{instance}/trace"))
        {
            if (Line().Match(line) is not { Success: true } match) continue;
            var (thread, at, what) = (match.Groups[1].Value, double.Parse(match.Groups[2].Value, CultureInfo.InvariantCulture), match.Groups[3].Value);
            if (what.Contains($"cmd: {FIFREEZE}", StringComparison.Ordinal) || what.Contains($"cmd: 0x{FIFREEZE}", StringComparison.Ordinal)) entered[thread] = (true, at);
            else if (what.Contains($"cmd: {FITHAW}", StringComparison.Ordinal) || what.Contains($"cmd: 0x{FITHAW}", StringComparison.Ordinal)) entered[thread] = (false, at);
            else if (what.StartsWith("sys_ioctl -> ", StringComparison.Ordinal) && entered.Remove(thread, out var call))
                calls.Add(new FreezeCall(call.Freeze, call.At, at, unchecked((long)ulong.Parse(what.AsSpan("sys_ioctl -> 0x".Length), NumberStyles.HexNumber, CultureInfo.InvariantCulture)), thread));
        }
        return calls;
    }

    public async ValueTask DisposeAsync()
    {
        if (Directory.Exists(instance))
        {
            await WriteAsync("events/enable", "0");
            Directory.Delete(instance);
        }
        _ = await Command.RunAsync("umount", root);
        Directory.Delete(root);
    }

    private async Task FollowAsync()
    {
        var threads = Directory.EnumerateDirectories("/proc/self/task").Select(Path.GetFileName);
        await WriteAsync("set_event_pid", string.Join(' ', threads));
    }

    private Task WriteAsync(string file, string text) => File.WriteAllTextAsync($"{instance}/{file}", text);

    // Opening it so is what empties the buffer; .NET would open it first and cut it then.
    private static unsafe void Truncate(string file)
    {
        fixed (byte* p = Encoding.UTF8.GetBytes($"{file}\0"))
            _ = close(open(p, O_WRONLY | O_TRUNC | O_CLOEXEC));
    }

    [GeneratedRegex(@"^\s*(\S.*-\d+)\s+\[\d+\]\s+\S+\s+([\d.]+): (.*)$")]
    private static partial Regex Line();
}
