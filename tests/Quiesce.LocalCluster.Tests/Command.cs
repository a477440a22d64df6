using System.Diagnostics;

namespace Quiesce.Cluster.Tests;

/// <summary>A program that a test runs; ended with the test.</summary>
internal sealed class Command : IAsyncDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    private readonly Process _process;
    private readonly Task<string> _error;

    private Command(Process process)
    {
        _process = process;
        _error = process.StandardError.ReadToEndAsync();
    }

    public int Pid => _process.Id;

    public static Command Start(string program, IEnumerable<string> arguments, IReadOnlyDictionary<string, string>? environment = null)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var (name, value) in environment ?? new Dictionary<string, string>())
            start.Environment[name] = value;
        return new Command(Process.Start(start)!);
    }

    /// <summary>Runs a program to its end.</summary>
    public static async Task<CommandResult> RunAsync(
        string program, IEnumerable<string> arguments, CancellationToken cancellationToken, IReadOnlyDictionary<string, string>? environment = null, string input = "")
    {
        await using var command = Start(program, arguments, environment);
        var output = command._process.StandardOutput.ReadToEndAsync(cancellationToken);
        await command._process.StandardInput.WriteAsync(input.AsMemory(), cancellationToken);
        command._process.StandardInput.Close();
        await command._process.WaitForExitAsync(cancellationToken).WaitAsync(Limit, cancellationToken);
        return new CommandResult(command._process.ExitCode, await output, await command._error);
    }

    /// <summary>The next line of output; null at its end.</summary>
    public Task<string?> ReadLineAsync(CancellationToken cancellationToken) => _process.StandardOutput.ReadLineAsync(cancellationToken).AsTask().WaitAsync(Limit, cancellationToken);

    /// <summary>Sends a signal and waits for the end.</summary>
    /// <returns>The exit code.</returns>
    public async Task<int> SignalAsync(string signal, CancellationToken cancellationToken)
    {
        using var kill = Process.Start("/bin/kill", ["-s", signal, $"{_process.Id}"]);
        await kill.WaitForExitAsync(cancellationToken);
        await _process.WaitForExitAsync(cancellationToken).WaitAsync(Limit, cancellationToken);
        return _process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
            await _process.WaitForExitAsync();
        }

        _process.Dispose();
    }
}
