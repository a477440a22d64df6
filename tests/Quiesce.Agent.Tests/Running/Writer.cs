using System.Diagnostics;
using System.Globalization;
using Tmds.Linux;

namespace Quiesce.Agent.Tests.Running;

/// <summary>
/// A process that writes to a filesystem again and again and says so each time. Only its own descriptors are on the filesystem, and each is closed
/// before it says so; its folder and its output are elsewhere.
/// </summary>
internal sealed class Writer : IAsyncDisposable
{
    private readonly Process process;
    private long count;

    private Writer(Process process)
    {
        this.process = process;
        _ = ReadAsync();
    }

    /// <summary>Writes done so far.</summary>
    internal long Count => Interlocked.Read(ref count);

    /// <summary>It sleeps in the kernel, where no signal reaches it.</summary>
    internal bool StandsStill => ProcessTable.State(process.Id) == 'D';

    /// <summary>Starts one and waits for its first write.</summary>
    internal static async Task<Writer> StartAsync(string folder)
    {
        var start = new ProcessStartInfo("sh", ["-c", "while :; do echo x >> \"$1\" || exit; echo x; done", "writer", $"{folder}/written"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            WorkingDirectory = "/",
        };
        var writer = new Writer(Process.Start(start)!);
        await writer.GoesOnAsync();
        return writer;
    }

    /// <summary>Waits for more writes.</summary>
    internal async Task GoesOnAsync()
    {
        var before = Count;
        await Poll.UntilAsync(() => Count > before + 1, string.Create(CultureInfo.InvariantCulture, $"the writer goes on after {before} writes"));
    }

    public async ValueTask DisposeAsync()
    {
        if (!process.HasExited) _ = LibC.kill(process.Id, LibC.SIGKILL);
        await process.WaitForExitAsync(CancellationToken.None);
        process.Dispose();
    }

    private async Task ReadAsync()
    {
        while (await process.StandardOutput.ReadLineAsync() is not null) Interlocked.Increment(ref count);
    }
}
