using System.Diagnostics;
using Quiesce.Chaos.Tests.Observing;
using Tmds.Linux;

namespace Quiesce.Chaos.Tests.Running;

/// <summary>A process of a suite: its folder is <c>/</c>, what it says is kept with its time.</summary>
internal sealed class ProgramRun : IAsyncDisposable
{
    // A soak's agent says much; only the end of it explains anything.
    private const int KeptLines = 400;

    private readonly Process process;
    private readonly Queue<(TimeSpan At, string Text)> lines = new();

    /// <summary>Starts it.</summary>
    /// <param name="wrapper">A command that ends in executing the program, such as <see cref="Starter.StopWith"/>.</param>
    /// <param name="command">The program and its arguments.</param>
    internal ProgramRun(IEnumerable<string> wrapper, params IEnumerable<string> command)
    {
        List<string> words = [.. wrapper, .. command];
        process = new Process
        {
            StartInfo = new ProcessStartInfo(words[0], words.Skip(1))
            {
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
                WorkingDirectory = "/",
            },
        };
        process.OutputDataReceived += (_, e) => Keep(e.Data);
        process.ErrorDataReceived += (_, e) => Keep(e.Data);
        StartedAt = BootTime.Now;
        Starter.Start(process);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    /// <summary>The process id: that of the program too, because what wraps it executes it.</summary>
    internal int Id => process.Id;

    /// <summary>Right before it was executed, since the boot.</summary>
    internal TimeSpan StartedAt { get; }

    internal bool HasExited => process.HasExited;

    internal int ExitCode => process.ExitCode;

    /// <summary>The last of what it said.</summary>
    internal string Said => string.Join('\n', Lines.Select(l => l.Text));

    /// <summary>The last of what it said, with the time each line came, since the boot.</summary>
    internal IReadOnlyList<(TimeSpan At, string Text)> Lines
    {
        get
        {
            lock (lines) return [.. lines];
        }
    }

    /// <summary>Waits until it says something, or has ended.</summary>
    internal Task SaysAsync(string text) =>
        Eventually.TrueAsync(() => HasExited || Said.Contains(text, StringComparison.Ordinal), () => $"'{text}' in the output of process {Id}: {Said}");

    /// <summary>Sends a signal; false when it has ended already.</summary>
    internal bool Signal(int signal) => !process.HasExited && LibC.kill(process.Id, signal) == 0;

    /// <summary>Its standard input ends.</summary>
    internal void EndInput() => process.StandardInput.Close();

    /// <summary>Waits until it is gone; false when it was not in time.</summary>
    internal async Task<bool> ExitAsync(TimeSpan bound)
    {
        using var enough = new CancellationTokenSource(bound);
        try
        {
            await process.WaitForExitAsync(enough.Token);
            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    public async ValueTask DisposeAsync()
    {
        _ = Signal(LibC.SIGKILL);
        if (!await ExitAsync(Eventually.Bound)) throw new InvalidOperationException($"process {Id} does not go away");
        process.Dispose();
    }

    private void Keep(string? line)
    {
        if (line is null) return;
        lock (lines)
        {
            lines.Enqueue((BootTime.Now, line));
            if (lines.Count > KeptLines) _ = lines.Dequeue();
        }
    }
}
