using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace Quiesce.ApiServers;

/// <summary>
/// Programs that go when this process goes, however it ends, and a folder that goes with them.
/// </summary>
/// <remarks>
/// They are children of a shell that reads its standard input: its end, by <see cref="StopAsync"/> or because the kernel
/// closed the pipe of a dead process, makes the shell kill them by their pids and remove the folder. (A parent-death
/// signal would be tied to the thread that started them.)
/// </remarks>
internal sealed class ProcessGroup
{
    private readonly Process _shell;
    private readonly string _folder;
    private readonly IReadOnlyList<CommandLine> _commands;

    private ProcessGroup(Process shell, string folder, IReadOnlyList<CommandLine> commands)
    {
        _shell = shell;
        _folder = folder;
        _commands = commands;
    }

    /// <summary>Whether one of the programs is gone.</summary>
    public bool HasExited => _shell.HasExited || Pids().Any(pid => !Directory.Exists($"/proc/{pid}"));

    public static ProcessGroup Start(string folder, IReadOnlyList<CommandLine> commands)
    {
        // In a session of their own, Ctrl-C at the terminal does not reach them: they stay until the tests have ended.
        var start = new ProcessStartInfo("setsid", ["/bin/sh", "-c", Script(folder, commands)]) { RedirectStandardInput = true, WorkingDirectory = folder };
        return new ProcessGroup(Process.Start(start)!, folder, commands);
    }

    /// <summary>Kills the programs and removes the folder.</summary>
    public async Task StopAsync()
    {
        _shell.StandardInput.Close();
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(10));
        try
        {
            await _shell.WaitForExitAsync(limit.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            _shell.Kill(entireProcessTree: true);
        }

        _shell.Dispose();
        if (Directory.Exists(_folder))
            Directory.Delete(_folder, recursive: true);
    }

    /// <summary>The last lines that each program wrote.</summary>
    public string LogTails()
    {
        var text = new StringBuilder();
        foreach (var command in _commands)
        {
            var log = Path.Combine(_folder, $"{command.Name}.log");
            text.AppendLine(CultureInfo.InvariantCulture, $"--- {command.Name}");
            foreach (var line in File.Exists(log) ? File.ReadLines(log).TakeLast(20) : [])
                text.AppendLine(line);
        }

        return text.ToString();
    }

    private string[] Pids()
    {
        var file = Path.Combine(_folder, "pids");
        return File.Exists(file) ? File.ReadAllText(file).Split([' ', '\n'], StringSplitOptions.RemoveEmptyEntries) : [];
    }

    private static string Script(string folder, IReadOnlyList<CommandLine> commands)
    {
        var script = new StringBuilder();
        // The shell must outlive whatever ends the rest, to clean up.
        script.AppendLine("trap '' INT TERM HUP; pids=");
        foreach (var command in commands)
            script.AppendLine(CultureInfo.InvariantCulture, $"{string.Join(' ', command.Words.Select(Quote))} </dev/null >{Quote(command.Name + ".log")} 2>&1 & pids=\"$pids $!\"");
        script.AppendLine("echo $pids >pids; cat >/dev/null; kill -9 $pids 2>/dev/null; wait");
        script.AppendLine(CultureInfo.InvariantCulture, $"cd /; rm -rf -- {Quote(folder)}");
        return script.ToString();
    }

    private static string Quote(string word) => $"'{word.Replace("'", "'\\''", StringComparison.Ordinal)}'";
}
