using System.Diagnostics;
using System.Globalization;
using Quiesce.RealFilesystems;
using Tmds.Linux;

namespace Quiesce.EndToEnd.Tests.Running;

/// <summary>
/// Watches one filesystem from outside and without touching a freeze: a process of its own that writes a little every few milliseconds and says when each write began and
/// returned. What it could not write through was frozen, whatever anybody says; and it is timed by itself, so that a test host that is slow to look changes nothing.
/// </summary>
internal sealed class StandingWriter : IAsyncDisposable
{
    // Ends by itself when nobody reads any more.
    private const string Script = """
        use Time::HiRes qw(clock_gettime CLOCK_BOOTTIME); use strict; $| = 1;
        open(my $file, '+>>', $ARGV[0]) or die "$ARGV[0]: $!"; my ($writes, $size) = (0, 0);
        while (1) {
          my $begin = clock_gettime(CLOCK_BOOTTIME);
          printf "%.6f ", $begin or exit;
          syswrite($file, "standing\n") or die "$ARGV[0]: $!";
          if (($size += 9) > 65536) { truncate($file, 0); $size = 0; }
          printf "%.6f\n", clock_gettime(CLOCK_BOOTTIME) or exit;
          select(undef, undef, undef, 0.005);
        }
        """;

    private readonly RealFilesystem filesystem;
    private readonly Process process;
    private readonly Task reading;
    private readonly List<Stall> stalls = [];
    private long writes;
    private double began;

    private StandingWriter(RealFilesystem filesystem)
    {
        this.filesystem = filesystem;
        process = new Process
        {
            StartInfo = new ProcessStartInfo(Starter.DieWith[0], [.. Starter.DieWith.Skip(1), "perl", "-e", Script, $"{filesystem.MountPoint}/standing"])
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
                WorkingDirectory = "/",
            },
        };
        Starter.Start(process);
        reading = Task.Factory.StartNew(Read, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
    }

    /// <summary>Whether it stands in a write for longer than any disk takes.</summary>
    internal bool StandsStill => Stalls.Any(s => s.End is null);

    /// <summary>When it could not write for so long that it can be nothing but a freeze; the last one may last still.</summary>
    internal IReadOnlyList<Stall> Stalls
    {
        get
        {
            lock (stalls)
            {
                if (began == 0) return [.. stalls];
                var since = TimeSpan.FromSeconds(began);
                return BootTime.Now - since < Stall.OfAFreeze ? [.. stalls] : [.. stalls, new Stall(since, null)];
            }
        }
    }

    /// <summary>Starts one and waits for its first writes.</summary>
    internal static async Task<StandingWriter> StartAsync(RealFilesystem filesystem)
    {
        var writer = new StandingWriter(filesystem);
        await Eventually.TrueAsync(() => Interlocked.Read(ref writer.writes) > 2 || writer.process.HasExited, $"the writer on {filesystem.MountPoint} writes");
        if (writer.process.HasExited) Assert.Fail($"the writer has ended: {await writer.process.StandardError.ReadToEndAsync()}");
        return writer;
    }

    /// <summary>Waits until it stands still: the filesystem is frozen.</summary>
    internal Task StandsStillAsync(TimeSpan? bound = null) => Eventually.TrueAsync(() => StandsStill, $"{filesystem.MountPoint} frozen", bound);

    /// <summary>Waits until it writes again.</summary>
    internal Task GoesOnAsync(TimeSpan? bound = null) => Eventually.TrueAsync(() => !StandsStill, $"{filesystem.MountPoint} thawed", bound);

    /// <summary>It was frozen once, for no longer than this, and is not now.</summary>
    internal async Task FrozenOnceAsync(double longestSeconds, double shortestSeconds = 0)
    {
        await WritesAsync();
        Assert.InRange(Assert.Single(Stalls) is { End: { } end, Begin: var begin } ? (end - begin).TotalSeconds : double.PositiveInfinity, shortestSeconds, longestSeconds);
    }

    /// <summary>It was never frozen, and is not now.</summary>
    internal async Task NeverFrozenAsync()
    {
        await WritesAsync();
        Assert.Empty(Stalls);
    }

    private async Task WritesAsync()
    {
        // The second one from now on was begun after now.
        var before = Interlocked.Read(ref writes);
        await Eventually.TrueAsync(() => Interlocked.Read(ref writes) > before + 1, $"{filesystem.MountPoint} takes writes");
    }

    /// <summary>Ends it, which a frozen filesystem does not let happen: the guard sees to that.</summary>
    public async ValueTask DisposeAsync()
    {
        if (!process.HasExited) _ = LibC.kill(process.Id, LibC.SIGKILL);
        await process.WaitForExitAsync(CancellationToken.None);
        await reading;
        process.Dispose();
    }

    private void Read()
    {
        var words = new System.Text.StringBuilder();
        while (process.StandardOutput.Read() is >= 0 and var c)
        {
            if (c is not (' ' or '\n'))
            {
                _ = words.Append((char)c);
                continue;
            }
            var moment = double.Parse(words.ToString(), CultureInfo.InvariantCulture);
            _ = words.Clear();
            lock (stalls)
            {
                if (c == ' ')
                {
                    began = moment;
                    continue;
                }
                if (moment - began >= Stall.OfAFreeze.TotalSeconds) stalls.Add(new Stall(TimeSpan.FromSeconds(began), TimeSpan.FromSeconds(moment)));
                began = 0;
            }
            _ = Interlocked.Increment(ref writes);
        }
    }
}
