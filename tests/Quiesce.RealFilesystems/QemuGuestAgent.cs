using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Tmds.Linux;

namespace Quiesce.RealFilesystems;

/// <summary>
/// A running <c>qemu-ga</c> on a socket instead of a virtual machine's port. Only <c>guest-fsfreeze-freeze-list</c> with our own mounts is ever asked
/// of it: <c>guest-fsfreeze-freeze</c> would freeze this machine's root.
/// </summary>
public sealed class QemuGuestAgent : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(15);

    private static int made;

    private readonly Process process;
    private readonly string folder;

    private QemuGuestAgent(Process process, string folder)
    {
        this.process = process;
        this.folder = folder;
    }

    /// <summary>Its process.</summary>
    public int Id => process.Id;

    /// <summary>Starts one.</summary>
    /// <param name="place">A folder for its socket and its state.</param>
    /// <param name="alone">
    /// In a mount namespace that has no loop mounts but ours: its thaw thaws all it finds, and other test runs' filesystems are none of its business. What
    /// is mounted or unmounted afterwards it does not see.
    /// </param>
    public static async Task<QemuGuestAgent> StartAsync(string place, bool alone = true)
    {
        var folder = Directory.CreateDirectory(Path.Combine(place, string.Create(CultureInfo.InvariantCulture, $"ga-{Interlocked.Increment(ref made)}"))).FullName;
        var others = File.ReadLines("/proc/self/mountinfo").Select(line => line.Split(' '))
            .Where(f => f[^2].StartsWith("/dev/loop", StringComparison.Ordinal) && !f[4].StartsWith(RealFilesystem.Root + "/", StringComparison.Ordinal))
            .Select(f => f[4]).Reverse();
        string[] agent = ["qemu-ga", "-m", "unix-listen", "-p", $"{folder}/socket", "-t", folder, "-f", $"{folder}/pid"];
        ProcessStartInfo start = alone
            ? new("unshare", ["--mount", "sh", "-c", "for m; do [ \"$m\" = -- ] && break; umount -l \"$m\"; shift; done; shift; exec \"$@\"", "sh", .. others, "--", .. agent])
            : new(agent[0], agent[1..]);
        start.RedirectStandardOutput = start.RedirectStandardError = true;
        start.WorkingDirectory = "/";
        start.Environment["PATH"] = $"{Environment.GetEnvironmentVariable("PATH")}:/usr/sbin:/sbin";
        var process = Process.Start(start)!;
        process.OutputDataReceived += static (_, _) => { };
        process.ErrorDataReceived += static (_, _) => { };
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        var guestAgent = new QemuGuestAgent(process, folder);
        for (var age = Stopwatch.StartNew(); !File.Exists($"{folder}/socket"); await Task.Delay(10).ConfigureAwait(false))
            if (process.HasExited || age.Elapsed > Patience) throw new InvalidOperationException(process.HasExited ? "qemu-ga ended at its start" : "qemu-ga does not listen");
        return guestAgent;
    }

    /// <summary><c>guest-fsfreeze-freeze-list</c>: how many it froze.</summary>
    public async Task<int> FreezeAsync(params IEnumerable<string> mountPoints) =>
        (await AskAsync("guest-fsfreeze-freeze-list", $$"""{"mountpoints":[{{string.Join(',', mountPoints.Select(p => $"\"{p}\""))}}]}""")).GetProperty("return").GetInt32();

    /// <summary><c>guest-fsfreeze-thaw</c>: how many it thawed.</summary>
    public async Task<int> ThawAsync() => (await AskAsync("guest-fsfreeze-thaw")).GetProperty("return").GetInt32();

    /// <summary><c>guest-fsfreeze-status</c>.</summary>
    public async Task<string> StatusAsync() => (await AskAsync("guest-fsfreeze-status")).GetProperty("return").GetString()!;

    /// <summary>Asks and gives the whole answer.</summary>
    public async Task<JsonElement> AskAsync(string command, string? arguments = null)
    {
        using var enough = new CancellationTokenSource(Patience);
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint($"{folder}/socket"), enough.Token);
        await using var stream = new NetworkStream(socket);
        var line = arguments is null ? $$"""{"execute":"{{command}}"}""" : $$"""{"execute":"{{command}}","arguments":{{arguments}}}""";
        await stream.WriteAsync(Encoding.UTF8.GetBytes(line + "\n"), enough.Token);
        using var reader = new StreamReader(stream);
        return JsonDocument.Parse((await reader.ReadLineAsync(enough.Token))!).RootElement;
    }

    /// <summary>Kills it and starts it anew on the same state, as a service would be.</summary>
    public void Kill() => _ = LibC.kill(process.Id, LibC.SIGKILL);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (!process.HasExited) Kill();
        await process.WaitForExitAsync(CancellationToken.None);
        process.Dispose();
        Directory.Delete(folder, recursive: true);
    }
}
