using System.Diagnostics;
using System.Text;
using static Tmds.Linux.LibC;

namespace Quiesce.Benchmarks.Stalls;

/// <summary>An application on one filesystem: 16 KiB every millisecond, and how long the longest write took.</summary>
internal sealed unsafe class SteadyWriter : IDisposable
{
    private const int Block = 16 * 1024;
    private const int Blocks = 512; // 8 MiB, over and over

    private readonly Thread thread;
    private volatile bool stop;
    private long longest;

    internal SteadyWriter(string mountPoint)
    {
        int fd;
        fixed (byte* p = Encoding.UTF8.GetBytes($"{mountPoint}/steady\0"))
            fd = open(p, O_WRONLY | O_CREAT | O_CLOEXEC, 0x180);
        if (fd < 0) throw new InvalidOperationException($"{mountPoint}/steady cannot be opened: errno {errno}");
        thread = new Thread(() => Write(fd)) { IsBackground = true };
        thread.Start();
    }

    /// <summary>The longest write since the last time this was asked, in milliseconds.</summary>
    internal double TakeLongest() => Interlocked.Exchange(ref longest, 0) * 1000.0 / Stopwatch.Frequency;

    public void Dispose()
    {
        stop = true;
        thread.Join();
    }

    private void Write(int fd)
    {
        var data = stackalloc byte[Block];
        new Span<byte>(data, Block).Fill(0x51);
        for (var i = 0; !stop; i = (i + 1) % Blocks)
        {
            var before = Stopwatch.GetTimestamp();
            if ((long)pwrite(fd, data, Block, i * Block) != Block) break;
            var took = Stopwatch.GetTimestamp() - before;
            if (took > Interlocked.Read(ref longest)) Interlocked.Exchange(ref longest, took);
            _ = poll(null, 0, 1);
        }
        _ = close(fd);
    }
}
