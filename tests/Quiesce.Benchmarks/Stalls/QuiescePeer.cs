using System.Diagnostics;

namespace Quiesce.Benchmarks.Stalls;

/// <summary>Our agent as a local command: the same holder, and the same way to freeze, as for a NodeFreeze.</summary>
internal sealed class QuiescePeer(string name, string expediteRcu) : IPeer
{
    private Process? process;

    public string Name => name;

    public async Task FreezeAsync(IReadOnlyList<string> mountPoints)
    {
        process = Process.Start(new ProcessStartInfo(Programs.Agent, ["freeze", "--json", "--for", "60s", "--freeze-timeout", "60s", "--until-stdin-closes", "--expedite-rcu", expediteRcu, .. mountPoints])
        {
            WorkingDirectory = "/",
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!;
        while (await process.StandardOutput.ReadLineAsync() is { } line)
        {
            if (line.Contains("\"phase\":\"Frozen\"", StringComparison.Ordinal)) return;
            if (line.Contains("\"phase\":\"Failed\"", StringComparison.Ordinal)) throw new InvalidOperationException(line);
        }
        throw new InvalidOperationException("quiesce-agent ended without freezing");
    }

    public async Task ThawAsync(IReadOnlyList<string> mountPoints)
    {
        process!.StandardInput.Close();
        var rest = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        var code = process.ExitCode;
        process.Dispose();
        if (code != 0) throw new InvalidOperationException($"quiesce-agent: exit code {code}: {rest}");
    }
}
