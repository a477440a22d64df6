using System.Diagnostics;
using System.Globalization;
using Tmds.Linux;

namespace Quiesce.RealFilesystems;

/// <summary>
/// A process that thaws after a few seconds whatever becomes of the test: a writer to a frozen filesystem sleeps where no signal reaches it,
/// and a test run that hangs in one would leave it frozen. Start one before the first freeze.
/// </summary>
/// <remarks>
/// It is in a session of its own, in <c>/</c>, without any descriptor of the test, so that it outlives the test and keeps no mount busy. Once its
/// time has come it thaws every second, because a freeze that was stuck may succeed only after the first thaw.
/// </remarks>
public sealed class Guard : IDisposable
{
    private const string Script = """
        after=$1; shift
        sleep "$after"
        for round in $(seq 60); do
          for path in "$@"; do fsfreeze -u "$path" & done
          sleep 1
        done
        """;

    private readonly Process process;
    private readonly Stopwatch age = Stopwatch.StartNew();
    private readonly TimeSpan timeout;
    private readonly IReadOnlyList<string> paths;

    private Guard(Process process, TimeSpan timeout, IReadOnlyList<string> paths)
    {
        this.process = process;
        this.timeout = timeout;
        this.paths = paths;
    }

    /// <summary>Whether its time has come.</summary>
    public bool Fired => age.Elapsed >= timeout;

    /// <summary>Starts one.</summary>
    /// <param name="timeout">When it thaws.</param>
    /// <param name="paths">Mount points. They are thawed side by side, so that one that hangs holds up no other.</param>
    public static Guard Start(TimeSpan timeout, params IEnumerable<string> paths)
    {
        var all = paths.ToList();
        // sh closes its pipes at once: nobody reads them, and a full or broken one must not end it.
        var start = Command.Describe("setsid", ["sh", "-c", $"exec </dev/null >/dev/null 2>&1\n{Script}", "guard", timeout.TotalSeconds.ToString(CultureInfo.InvariantCulture), .. all]);
        return new Guard(Process.Start(start) ?? throw new InvalidOperationException("setsid did not start"), timeout, all);
    }

    /// <summary>Ends it.</summary>
    /// <exception cref="InvalidOperationException">Its time had come: something hung, and what the test saw afterwards is the guard's doing.</exception>
    public void Dispose()
    {
        var fired = Fired;
        _ = LibC.kill(-process.Id, LibC.SIGKILL); // its session's process group: sh, and its sleep
        _ = LibC.kill(process.Id, LibC.SIGKILL); // setsid(1), should it not have come to it yet; not reaped yet, so the number is its own
        process.WaitForExit();
        process.Dispose();
        if (fired)
            throw new InvalidOperationException($"the test took more than {timeout.TotalSeconds} s and its guard has thawed {string.Join(", ", paths)}");
    }
}
