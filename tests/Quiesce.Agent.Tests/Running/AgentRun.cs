using System.Diagnostics;
using System.Text.Json;
using Tmds.Linux;

namespace Quiesce.Agent.Tests.Running;

/// <summary>How a run of the agent ended.</summary>
/// <param name="Code">Its exit status.</param>
/// <param name="Lines">Its standard output.</param>
/// <param name="Errors">Its standard error.</param>
internal sealed record AgentEnd(int Code, IReadOnlyList<string> Lines, string Errors)
{
    internal string Text => string.Join('\n', Lines);

    internal string All => $"exit status {Code}\n{Text}\n{Errors}";
}

/// <summary>One run of <c>quiesce-agent</c>. It never stands on the filesystems it freezes: its folder is <c>/</c>, its output a pipe.</summary>
internal sealed class AgentRun : IAsyncDisposable
{
    private readonly Process process;
    private readonly List<string> lines = [];
    private readonly Task<string> errors;
    private readonly Task reading;
    private IReadOnlyList<int> holders = [];

    private AgentRun(ProcessStartInfo start, bool readOutput)
    {
        start.RedirectStandardInput = start.RedirectStandardOutput = start.RedirectStandardError = true;
        start.WorkingDirectory = "/";
        process = Process.Start(start)!;
        errors = process.StandardError.ReadToEndAsync();
        reading = readOutput ? ReadAsync() : Task.CompletedTask;
    }

    /// <summary>Its process; the same before and after the programs that prepare the start.</summary>
    internal int Id => process.Id;

    /// <summary>Starts the agent with the default for every signal: a test run in the background has SIGINT ignored, and children inherit that.</summary>
    internal static AgentRun Start(params IEnumerable<string> arguments) => new(Describe([Programs.Agent, .. arguments]), readOutput: true);

    /// <summary>The same as an ordinary user.</summary>
    internal static AgentRun StartAsNobody(params IEnumerable<string> arguments) =>
        new(Describe(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", Programs.Agent, .. arguments]), readOutput: true);

    /// <summary>The same from another installation.</summary>
    internal static AgentRun StartFrom(string folder, params IEnumerable<string> arguments) =>
        new(Describe([$"{folder}/quiesce-agent", .. arguments]), readOutput: true);

    /// <summary>Starts it with what a shell makes of <paramref name="redirections"/>.</summary>
    internal static AgentRun StartRedirected(string redirections, params IEnumerable<string> arguments) =>
        StartInShell($"exec \"$@\" {redirections}", arguments);

    /// <summary>Starts it in a shell, whose script comes to <c>exec "$@"</c>.</summary>
    internal static AgentRun StartInShell(string script, params IEnumerable<string> arguments) =>
        new(Describe(["sh", "-c", script, "sh", Programs.Agent, .. arguments]), readOutput: true);

    /// <summary>Runs it to its end.</summary>
    internal static async Task<AgentEnd> ToEndAsync(params string[] arguments)
    {
        await using var run = Start(arguments);
        run.CloseInput();
        return await run.EndAsync();
    }

    internal void Signal(int signal)
    {
        if (process.HasExited) return;
        if (signal == LibC.SIGKILL) holders = ProcessTable.ChildrenOf(Id); // they go after it, and are waited for at the end
        _ = LibC.kill(process.Id, signal);
    }

    internal void CloseInput() => process.StandardInput.Close();

    /// <summary>Waits for a line of output that begins so.</summary>
    internal async Task<string> LineAsync(string beginning)
    {
        string? found = null;
        await Poll.UntilAsync(
            () =>
            {
                var over = reading.IsCompleted;
                lock (lines) found = lines.Find(l => l.StartsWith(beginning, StringComparison.Ordinal));
                if (found is null && over) Assert.Fail($"the agent ended without a line '{beginning}...'; it said: {Said()}");
                return found is not null;
            },
            $"a line '{beginning}...'");
        return found!;
    }

    /// <summary>Waits until the window is open.</summary>
    internal Task<string> FrozenAsync() => LineAsync("FROZEN ");

    /// <summary>Waits until the window is open, of an agent that cannot say so. A writer stands still some milliseconds earlier, inside the freeze.</summary>
    internal async Task HeldAsync()
    {
        var holder = await HolderAsync();
        await Poll.UntilAsync(() => Journals.AllHeld(Programs.JournalFolders, holder), "the journal says that everything is held");
        await Task.Delay(30, CancellationToken.None); // from the last record to the window's own opinion; nothing tells of that
    }

    /// <summary>The holder of its open window: it has a journal, while the one that looks after older windows at the start has none.</summary>
    internal async Task<int> HolderAsync()
    {
        var holder = 0;
        await Poll.UntilAsync(() => (holder = Holders().FirstOrDefault(h => Journals.Of(Programs.JournalFolders, h))) > 0, "a holder with a journal");
        return holder;
    }

    /// <summary>Its first holder, as early as there is one. Only with a host root of its own: else it may be one that looks after older windows.</summary>
    internal async Task<int> FirstHolderAsync()
    {
        var holder = 0;
        await Poll.UntilAsync(() => (holder = Holders().FirstOrDefault()) > 0, "a holder");
        return holder;
    }

    // Before it is that program, the child is still a part of the agent, which waits for it in vfork(2).
    private IEnumerable<int> Holders() => ProcessTable.ChildrenOf(Id).Where(c => ProcessTable.Program(c).EndsWith("/quiesce-holder", StringComparison.Ordinal));

    /// <summary>Waits until it has ended.</summary>
    internal async Task<AgentEnd> EndAsync(TimeSpan? bound = null)
    {
        using var enough = new CancellationTokenSource(bound ?? Poll.Bound);
        try
        {
            await process.WaitForExitAsync(enough.Token);
        }
        catch (OperationCanceledException)
        {
            Assert.Fail($"the agent did not end within {bound ?? Poll.Bound}; it said: {Said()}");
        }
        await reading;
        lock (lines) return new AgentEnd(process.ExitCode, [.. lines], errors.GetAwaiter().GetResult());
    }

    /// <summary>A line of <c>--json</c>.</summary>
    internal static JsonElement Json(string line) => JsonDocument.Parse(line).RootElement;

    public async ValueTask DisposeAsync()
    {
        Signal(LibC.SIGKILL);
        await process.WaitForExitAsync(CancellationToken.None);
        foreach (var holder in holders) _ = LibC.kill(holder, LibC.SIGCONT); // one that a failed test left stopped
        await Poll.UntilAsync(() => !holders.Any(ProcessTable.Lives), "the holder of a killed agent thaws and exits");
        process.Dispose();
    }

    private static ProcessStartInfo Describe(IEnumerable<string> command) => new("env", ["--default-signal=HUP,INT,QUIT,PIPE,TERM", .. command]);

    private async Task ReadAsync()
    {
        while (await process.StandardOutput.ReadLineAsync() is { } line)
            lock (lines) lines.Add(line);
    }

    private string Said()
    {
        lock (lines) return $"{string.Join('\n', lines)}\n{(errors.IsCompletedSuccessfully ? errors.Result : "")}";
    }
}
