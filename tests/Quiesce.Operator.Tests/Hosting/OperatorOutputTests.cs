using System.Diagnostics;
using Quiesce.Crds;
using Quiesce.Operator.Tests.Flows;

namespace Quiesce.Operator.Tests.Hosting;

/// <summary>An output that takes nothing, or little, holds up neither a freeze nor a thaw, and the program ends when it is told to.</summary>
public sealed class OperatorOutputTests
{
    /// <summary>The usual size of a pipe's buffer (pipe(7)).</summary>
    private const int PipeBytes = 64 * 1024;

    /// <summary>Requests that are refused at once, each with some eight kilobytes of log: more than fits into pipe and memory together.</summary>
    private const int Refusals = 60;

    public static TheoryData<string> Outputs => ["a full pipe", "a slow pipe", "closed", "all closed", "a full device"];

    [Theory]
    [MemberData(nameof(Outputs))]
    public async Task A_window_opens_and_ends_in_its_time_whatever_becomes_of_the_output(string output)
    {
        await using var stage = await Stage.SetAsync(2, withOperator: false);
        await using var pipe = output.EndsWith("pipe", StringComparison.Ordinal) ? await Pipe.CreateAsync() : null;
        if (output == "a full pipe") pipe!.Fill();
        using var slow = new CancellationTokenSource();
        var reading = output == "a slow pipe" ? pipe!.ReadSlowlyAsync(slow.Token) : Task.CompletedTask;
        await using var process = OperatorProcess.Start(
            stage.Cluster, output switch { "closed" => ">&-", "all closed" => "<&- >&- 2>&-", "a full device" => ">/dev/full", _ => $">{pipe!.Path}" });

        string[] values = [.. Enumerable.Range(0, 16).Select(i => $"{new string('v', 60)}{i}")];
        var nowhere = new LabelSelector { MatchExpressions = [.. Enumerable.Range(0, 8).Select(i => new LabelSelectorRequirement { Key = $"k{i}", Operator = "In", Values = values })] };
        await Task.WhenAll(Enumerable.Range(0, Refusals).Select(_ => stage.RequestAsync(s => s with { Targets = [new() { HostPath = new() { Path = "/srv", NodeSelector = nowhere } }] })));
        await Eventually.GetAsync(
            async () => (await stage.Cluster.FreezeRequests.ListAsync("shop")).Items.All(r => r.Status?.Phase == FreezePhase.Failed) ? "refused" : null,
            () => $"{Refusals} refusals; exited: {process.HasExited}");

        // A deadline that does not come to its help: what thaws it is the command.
        var request = await stage.RequestAsync(s => s with { DeadlineSeconds = 600 });
        await stage.PhaseAsync(request, FreezePhase.Frozen);
        await stage.ThawAsync(request);
        await Eventually.TrueAsync(() => stage.Ledger.Holding == 0, "a thaw");
        await stage.PhaseAsync(request, FreezePhase.Thawed);
        await stage.CleanAsync();

        await slow.CancelAsync();
        await reading;
        if (pipe is not null)
        {
            // Read to where it says what is missing.
            var said = await pipe.ReadUntilAsync("lines of the log were dropped");
            if (output == "a full pipe") Assert.Contains("in step with the API server", said, StringComparison.Ordinal);
        }

        Assert.False(process.HasExited);
        Assert.Equal(0, await process.StopAsync());
    }

    /// <summary>A named pipe.</summary>
    private sealed class Pipe : IAsyncDisposable
    {
        private readonly string _folder;
        private readonly FileStream _stream;

        private Pipe(string folder, FileStream stream) => (_folder, _stream) = (folder, stream);

        public string Path => _stream.Name;

        public static async Task<Pipe> CreateAsync()
        {
            var folder = Directory.CreateTempSubdirectory("quiesce-pipe-").FullName;
            using (var mkfifo = Process.Start("mkfifo", [$"{folder}/pipe"])) await mkfifo.WaitForExitAsync().Soon();
            // Both ends: it neither waits for a writer nor ends with one.
            return new(folder, new($"{folder}/pipe", FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite, bufferSize: 0));
        }

        public void Fill() => _stream.Write(new byte[PipeBytes]);

        public async Task ReadSlowlyAsync(CancellationToken stop)
        {
            var buffer = new byte[100];
            while (!stop.IsCancellationRequested)
            {
                _ = await _stream.ReadAsync(buffer, CancellationToken.None);
                await Task.Delay(10, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }

        public async Task<string> ReadUntilAsync(string text)
        {
            var said = new System.Text.StringBuilder();
            var buffer = new byte[PipeBytes];
            while (!said.ToString().Contains(text, StringComparison.Ordinal))
            {
                var read = await _stream.ReadAsync(buffer, CancellationToken.None).AsTask().Soon();
                said.Append(System.Text.Encoding.UTF8.GetString(buffer, 0, read));
            }

            return said.ToString();
        }

        public async ValueTask DisposeAsync()
        {
            await _stream.DisposeAsync();
            Directory.Delete(_folder, recursive: true);
        }
    }
}
