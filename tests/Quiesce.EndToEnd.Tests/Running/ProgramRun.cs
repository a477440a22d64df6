using System.Diagnostics;
using Tmds.Linux;

namespace Quiesce.EndToEnd.Tests.Running;

/// <summary>A program under test: its folder is <c>/</c>, its output is kept for the failure's message.</summary>
internal sealed class ProgramRun : IAsyncDisposable
{
    private readonly Process process;
    private readonly List<string> lines = [];

    /// <summary>Starts it.</summary>
    /// <param name="start">How.</param>
    /// <param name="command">The program and its arguments.</param>
    internal ProgramRun(ProgramStart start, params IEnumerable<string> command)
    {
        IEnumerable<string> redirect = start.Redirection is null ? [] : ["sh", "-c", $"exec \"$@\" {start.Redirection}", "sh"];
        process = new Process
        {
            StartInfo = new ProcessStartInfo(Starter.StopWith[0], [.. Starter.StopWith.Skip(1), .. start.Wrapper, .. redirect, .. command, .. start.Arguments])
            {
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
                WorkingDirectory = "/",
            },
        };
        foreach (var (name, value) in start.Environment) process.StartInfo.Environment[name] = value;
        process.OutputDataReceived += (_, e) => Keep(e.Data);
        process.ErrorDataReceived += (_, e) => Keep(e.Data);
        Starter.Start(process);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    /// <summary>Its process: that of the program, because whatever wraps it executes it.</summary>
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

    /// <summary>The last of it.</summary>
    internal string SaidLast
    {
        get
        {
            lock (lines) return string.Join('\n', lines.TakeLast(30));
        }
    }

    internal Task SaysAsync(string text) =>
        Eventually.TrueAsync(() => Said.Contains(text, StringComparison.Ordinal) || HasExited, $"'{text}' in the output of process {Id}");

    internal void Signal(int signal)
    {
        if (!process.HasExited) _ = LibC.kill(process.Id, signal);
    }

    /// <summary>Sends SIGSTOP and waits until it is so: a thread that is on a processor goes on until another one of the process has got round to the signal.</summary>
    internal Task PauseAsync()
    {
        Signal(LibC.SIGSTOP);
        return Eventually.TrueAsync(() => HasExited || Stands(), $"process {Id} stopped");

        bool Stands()
        {
            try
            {
                return Directory.GetDirectories($"/proc/{Id}/task").All(t => File.ReadAllText($"{t}/stat").Split(')')[^1].TrimStart()[0] == 'T');
            }
            catch (IOException)
            {
                return false; // a thread that has just ended
            }
        }
    }

    internal async Task KillAsync()
    {
        Signal(LibC.SIGKILL);
        await process.WaitForExitAsync(CancellationToken.None);
    }

    /// <summary>Waits for its end.</summary>
    /// <returns>Its exit code.</returns>
    internal async Task<int> EndAsync()
    {
        await Eventually.TrueAsync(() => HasExited, $"the end of process {Id}");
        await process.WaitForExitAsync(CancellationToken.None); // and of its output
        return process.ExitCode;
    }

    internal async Task StopAsync()
    {
        Signal(LibC.SIGTERM);
        using var enough = new CancellationTokenSource(TimeSpan.FromSeconds(15));
        await process.WaitForExitAsync(enough.Token);
    }

    public async ValueTask DisposeAsync()
    {
        Signal(LibC.SIGCONT); // one that a failed test left stopped
        if (!process.HasExited) await KillAsync();
        process.Dispose();
    }

    private void Keep(string? line)
    {
        if (line is null) return;
        lock (lines) lines.Add(line);
    }
}
