using System.Diagnostics;
using Tmds.Linux;

namespace Quiesce.EndToEnd.Tests.Running;

/// <summary>A program of ours under test: its folder is <c>/</c>, its output is kept for the failure's message.</summary>
internal sealed class ProgramRun : IAsyncDisposable
{
    private readonly Process process;
    private readonly List<string> lines = [];

    internal ProgramRun(string program, params IEnumerable<string> arguments)
    {
        // setpriv: should the test host die, the program is asked to stop, and thaws.
        var start = new ProcessStartInfo("setpriv", ["--pdeathsig", "TERM", program, .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = "/",
        };
        process = Process.Start(start)!;
        process.OutputDataReceived += (_, e) => Keep(e.Data);
        process.ErrorDataReceived += (_, e) => Keep(e.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    internal int Id => process.Id;

    internal bool HasExited => process.HasExited;

    /// <summary>What it said so far.</summary>
    internal string Said
    {
        get
        {
            lock (lines) return string.Join('\n', lines);
        }
    }

    internal Task SaysAsync(string text) =>
        Eventually.TrueAsync(() => Said.Contains(text, StringComparison.Ordinal) || HasExited, $"'{text}' in the output of process {Id}");

    internal void Signal(int signal)
    {
        if (!process.HasExited) _ = LibC.kill(process.Id, signal);
    }

    internal async Task KillAsync()
    {
        Signal(LibC.SIGKILL);
        await process.WaitForExitAsync(CancellationToken.None);
    }

    internal async Task StopAsync()
    {
        Signal(LibC.SIGTERM);
        using var enough = new CancellationTokenSource(TimeSpan.FromSeconds(15));
        await process.WaitForExitAsync(enough.Token);
    }

    public async ValueTask DisposeAsync()
    {
        if (!process.HasExited) await KillAsync();
        process.Dispose();
    }

    private void Keep(string? line)
    {
        if (line is null) return;
        lock (lines) lines.Add(line);
    }
}
