using System.Diagnostics;
using System.Globalization;
using Tmds.Linux;

namespace Quiesce.Benchmarks.Clusters;

/// <summary>A program of ours that runs until it is ended; what it says is read and kept, the last lines of it.</summary>
internal sealed class ChildProgram : IAsyncDisposable
{
    private const int Kept = 50;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly Process process;
    private readonly Queue<string> said = [];
    private readonly string phrase;
    private readonly TaskCompletionSource ready = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private ChildProgram(string program, string phrase, IEnumerable<string> arguments)
    {
        this.phrase = phrase;
        process = new Process
        {
            StartInfo = new ProcessStartInfo(program, arguments) { WorkingDirectory = "/", RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true },
            EnableRaisingEvents = true,
        };
        process.OutputDataReceived += (_, line) => Said(line.Data);
        process.ErrorDataReceived += (_, line) => Said(line.Data);
        process.Exited += (_, _) => ready.TrySetException(new InvalidOperationException($"{Path.GetFileName(program)} has ended: {Last}"));
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    internal int Id => process.Id;

    /// <summary>What it said last.</summary>
    internal string Last
    {
        get
        {
            lock (said) return string.Join('\n', said);
        }
    }

    /// <summary>Starts it and waits until it says something that has the phrase in it.</summary>
    internal static async Task<ChildProgram> StartAsync(string program, string phrase, params IEnumerable<string> arguments)
    {
        var child = new ChildProgram(program, phrase, arguments);
        await child.ready.Task.WaitAsync(Patience);
        return child;
    }

    /// <summary>Resident memory in megabytes.</summary>
    internal double ResidentMegabytes => Field("VmRSS") / 1024.0;

    /// <summary>The most it ever was.</summary>
    internal double PeakMegabytes => Field("VmHWM") / 1024.0;

    /// <summary>Seconds of processor time, of all its threads since its start.</summary>
    internal double ProcessorSeconds
    {
        get
        {
            var fields = File.ReadAllText($"/proc/{Id}/stat").Split(')')[^1].Split(' ', StringSplitOptions.RemoveEmptyEntries);
            return (double.Parse(fields[11], CultureInfo.InvariantCulture) + double.Parse(fields[12], CultureInfo.InvariantCulture)) / 100; // clock ticks of the interface, always 100 a second
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (!process.HasExited) _ = LibC.kill(process.Id, LibC.SIGTERM);
        try
        {
            await process.WaitForExitAsync().WaitAsync(Patience);
        }
        catch (TimeoutException)
        {
            process.Kill();
        }
        _ = ready.Task.Exception; // ended because we said so
        process.Dispose();
    }

    private double Field(string name) =>
        double.Parse(File.ReadLines($"/proc/{Id}/status").First(l => l.StartsWith(name, StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);

    private void Said(string? line)
    {
        if (line is null) return;
        lock (said)
        {
            said.Enqueue(line);
            if (said.Count > Kept) said.Dequeue();
        }
        if (line.Contains(phrase, StringComparison.Ordinal)) ready.TrySetResult();
    }
}
