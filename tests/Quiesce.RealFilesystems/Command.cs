using System.Diagnostics;

namespace Quiesce.RealFilesystems;

/// <summary>Runs a program of the system and waits for it.</summary>
public static class Command
{
    // Nothing here takes a second on an idle machine; a mount or unmount that hangs must not hang the test run.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    /// <summary>Runs it and gives its output, without the last line break.</summary>
    /// <exception cref="InvalidOperationException">It failed or did not end; the message carries what it said.</exception>
    public static async Task<string> RunAsync(string program, params string[] arguments)
    {
        var (code, output) = await TryAsync(program, arguments).ConfigureAwait(false);
        return code == 0 ? output : throw new InvalidOperationException($"{program} {string.Join(' ', arguments)}: exit code {code}: {output}");
    }

    /// <summary>Runs it and gives its exit code and output.</summary>
    public static Task<(int Code, string Output)> TryAsync(string program, params string[] arguments) => TryAsync(Patience, program, arguments);

    /// <summary>The same for one that takes its time.</summary>
    public static async Task<(int Code, string Output)> TryAsync(TimeSpan patience, string program, params string[] arguments)
    {
        using var process = Process.Start(Describe(program, arguments)) ?? throw new InvalidOperationException($"{program} did not start");
        using var enough = new CancellationTokenSource(patience);
        try
        {
            var output = process.StandardOutput.ReadToEndAsync(enough.Token);
            var errors = process.StandardError.ReadToEndAsync(enough.Token);
            await process.WaitForExitAsync(enough.Token).ConfigureAwait(false);
            return (process.ExitCode, ((await output.ConfigureAwait(false)) + await errors.ConfigureAwait(false)).TrimEnd());
        }
        catch (OperationCanceledException)
        {
            process.Kill();
            throw new InvalidOperationException($"{program} {string.Join(' ', arguments)}: did not end within {patience}");
        }
    }

    internal static ProcessStartInfo Describe(string program, IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
            WorkingDirectory = "/",
        };
        start.Environment["PATH"] = $"{Environment.GetEnvironmentVariable("PATH")}:/usr/sbin:/sbin";
        start.Environment["LC_ALL"] = "C";
        return start;
    }
}
