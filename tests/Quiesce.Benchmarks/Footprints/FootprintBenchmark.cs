using System.Diagnostics;
using Quiesce.Benchmarks.Clusters;
using Quiesce.Benchmarks.Results;
using Quiesce.RealFilesystems;
using Tmds.Linux;

namespace Quiesce.Benchmarks.Footprints;

/// <summary>What it costs to have it installed: memory and processor time of idle programs, how fast they start, how large they are.</summary>
internal sealed class FootprintBenchmark(int rounds, TimeSpan idle)
{
    private const string Agent = "agent";
    private const string Operator = "operator";
    private const string Holder = "holder with 8 filesystems";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    internal async Task RunAsync(Report report)
    {
        var table = new Table($"Footprint, {rounds} rounds; idle for {idle.TotalSeconds:0} s on the {(Installation.Assets[0] is null ? "local cluster" : "kube-apiserver")}", "", [Agent, Holder, Operator]);
        report.Add(table);
        table["program, MB", Agent].Add(Megabytes(Programs.Agent));
        table["program, MB", Holder].Add(Megabytes(Programs.Holder));
        table["program, MB", Operator].Add(Megabytes(Programs.Operator));
        for (var round = 0; round < rounds; round++)
        {
            Console.Error.WriteLine($"round {round + 1} of {rounds}");
            await using var installation = await Installation.StartAsync(Installation.Assets[0]);
            var started = Stopwatch.GetTimestamp();
            var agent = await installation.AddAgentAsync(1);
            table["exec to serving, ms", Agent].Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
            await Task.Delay(TimeSpan.FromSeconds(5));
            var (agentBefore, operatorBefore) = (agent.ProcessorSeconds, installation.Operator.ProcessorSeconds);
            await Task.Delay(idle);
            table["resident, idle, MB", Agent].Add(agent.ResidentMegabytes);
            table["resident, idle, MB", Operator].Add(installation.Operator.ResidentMegabytes);
            table["processor, idle, % of one", Agent].Add((agent.ProcessorSeconds - agentBefore) / idle.TotalSeconds * 100);
            table["processor, idle, % of one", Operator].Add((installation.Operator.ProcessorSeconds - operatorBefore) / idle.TotalSeconds * 100);
            await HoldAsync(table);
        }
    }

    // A holder, and a start after agent and holder were killed at one moment.
    private static async Task HoldAsync(Table table)
    {
        var filesystems = new List<RealFilesystem>();
        try
        {
            for (var i = 0; i < 8; i++) filesystems.Add(await RealFilesystem.CreateAsync(FilesystemKind.Ext4));
            string[] paths = [.. filesystems.Select(f => f.MountPoint)];
            using var guard = Guard.Start(TimeSpan.FromSeconds(60), paths);
            using var agent = Process.Start(new ProcessStartInfo(Programs.Agent, ["freeze", "--json", "--for", "30s", .. paths]) { WorkingDirectory = "/", RedirectStandardOutput = true, RedirectStandardInput = true })!;
            while (await agent.StandardOutput.ReadLineAsync() is { } line && !line.Contains("\"phase\":\"Frozen\"", StringComparison.Ordinal))
            {
            }
            var holder = File.ReadAllText($"/proc/{agent.Id}/task/{agent.Id}/children").Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(int.Parse).ToList();
            holder.AddRange(Directory.EnumerateDirectories($"/proc/{agent.Id}/task").SelectMany(t => File.ReadAllText($"{t}/children").Split(' ', StringSplitOptions.RemoveEmptyEntries)).Select(int.Parse));
            var id = holder.Distinct().First(h => File.ReadAllText($"/proc/{h}/comm").StartsWith("quiesce-holder", StringComparison.Ordinal));
            table["resident, holding, MB", Holder].Add(double.Parse(File.ReadLines($"/proc/{id}/status").First(l => l.StartsWith("VmRSS", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], System.Globalization.CultureInfo.InvariantCulture) / 1024);
            _ = LibC.kill(id, LibC.SIGSTOP);
            _ = LibC.kill(agent.Id, LibC.SIGSTOP);
            _ = LibC.kill(id, LibC.SIGKILL);
            _ = LibC.kill(agent.Id, LibC.SIGKILL);
            await agent.WaitForExitAsync().WaitAsync(Patience);
            // Whoever waits in a write sees when it is over.
            var writer = Task.Run(() => File.WriteAllText($"{paths[0]}/waits", "."));
            await Task.Delay(100);
            if (writer.IsCompleted) throw new InvalidOperationException("the filesystem was not left frozen, so there is nothing to recover");
            var started = Stopwatch.GetTimestamp();
            using var next = Process.Start(new ProcessStartInfo(Programs.Agent, ["thaw", "--json", paths[0]]) { WorkingDirectory = "/", RedirectStandardOutput = true })!;
            await writer.WaitAsync(Patience);
            table["exec to a waiting writer going on, after agent and holder were killed, ms", Agent].Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
            _ = await next.StandardOutput.ReadToEndAsync();
            await next.WaitForExitAsync().WaitAsync(Patience);
        }
        finally
        {
            foreach (var filesystem in filesystems) await filesystem.DisposeAsync();
        }
    }

    private static double Megabytes(string file) => new FileInfo(file).Length / 1e6;
}
