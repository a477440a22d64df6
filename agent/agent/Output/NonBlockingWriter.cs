using System.Text;
using Tmds.Linux;

namespace Quiesce.Agent.Output;

/// <summary>
/// Lines to a descriptor that may be full, stopped, or on the very filesystem that is frozen: they wait in bounded memory and a thread of its
/// own writes them. A line that does not fit is dropped and counted; nobody who writes ever waits.
/// </summary>
internal sealed class NonBlockingWriter
{
    private readonly object gate = new();
    private readonly Queue<byte[]> lines = new();
    private readonly int fd;
    private readonly int capacity;
    private bool writing;
    private bool held;
    private long dropped;
    private long told;

    /// <param name="fd">1 or 2, or a test's pipe.</param>
    /// <param name="capacity">The most lines kept.</param>
    internal NonBlockingWriter(int fd, int capacity = 4096)
    {
        this.fd = fd;
        this.capacity = capacity;
        new Thread(WriteAll) { IsBackground = true, Name = "output" }.Start();
    }

    /// <summary>Makes the line that says how many were dropped.</summary>
    internal Func<long, string> Notice { get; set; } = dropped => $"{dropped} lines were dropped because the output did not take them";

    /// <summary>Lines dropped so far.</summary>
    internal long Dropped => Interlocked.Read(ref dropped);

    /// <summary>Adds a line; never waits.</summary>
    internal void WriteLine(string line)
    {
        var bytes = Encoding.UTF8.GetBytes(line + "\n");
        lock (gate)
        {
            if (lines.Count >= capacity)
            {
                Interlocked.Increment(ref dropped);
                return;
            }
            lines.Enqueue(bytes);
            Monitor.PulseAll(gate);
        }
    }

    /// <summary>While held, lines stay in memory: nothing of the agent writes while something is frozen.</summary>
    internal void Hold(bool hold)
    {
        lock (gate)
        {
            held = hold;
            Monitor.PulseAll(gate);
        }
    }

    /// <summary>Waits until everything is written, but not longer than this; what is left then is lost.</summary>
    internal void Drain(TimeSpan patience)
    {
        lock (gate)
        {
            var until = Environment.TickCount64 + (long)patience.TotalMilliseconds;
            while ((lines.Count > 0 || writing) && until - Environment.TickCount64 is > 0 and var left) Monitor.Wait(gate, (int)left);
        }
    }

    private void WriteAll()
    {
        while (true)
        {
            byte[] line;
            lock (gate)
            {
                writing = false;
                Monitor.PulseAll(gate);
                while (lines.Count == 0 || held) Monitor.Wait(gate);
                line = lines.Dequeue();
                // Said as soon as the output takes lines again: behind all that were kept, in front of whatever comes now.
                if (lines.Count == 0 && dropped > told)
                {
                    lines.Enqueue(Encoding.UTF8.GetBytes($"{Notice(dropped - told)}\n"));
                    told = dropped;
                }
                writing = true;
            }
            Write(line);
        }
    }

    private unsafe void Write(byte[] line)
    {
        fixed (byte* p = line)
        {
            for (var done = 0; done < line.Length;)
            {
                var n = (long)LibC.write(fd, p + done, line.Length - done);
                if (n > 0) done += (int)n;
                else if (n < 0 && LibC.errno == LibC.EAGAIN) _ = Poll();
                else if (n < 0 && LibC.errno == LibC.EINTR) continue;
                else return; // closed: there is nobody to tell
            }
        }
    }

    private unsafe int Poll()
    {
        var wait = new pollfd { fd = fd, events = LibC.POLLOUT };
        return LibC.poll(&wait, 1, -1);
    }
}
