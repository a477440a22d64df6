using Tmds.Linux;

namespace Quiesce.EndToEnd.Tests.Running;

/// <summary>A named pipe for a program's output that nobody reads, or somebody reads slowly. Until it is read it is full from the start.</summary>
internal sealed class Pipe : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("quiesce-pipe-").FullName;
    private readonly CancellationTokenSource end = new();
    private readonly System.Text.StringBuilder said = new();
    private readonly int fd;
    private Task reading = Task.CompletedTask;

    internal unsafe Pipe()
    {
        Path = $"{folder}/pipe";
        fixed (byte* p = System.Text.Encoding.UTF8.GetBytes(Path + '\0'))
        {
            Assert.Equal(0, LibC.mkfifo(p, 0x180));
            fd = LibC.open(p, LibC.O_RDWR | LibC.O_NONBLOCK | LibC.O_CLOEXEC);
        }
        var dots = stackalloc byte[4096];
        new Span<byte>(dots, 4096).Fill((byte)'.');
        while ((long)LibC.write(fd, dots, 4096) > 0)
        {
        }
        Assert.Equal(LibC.EAGAIN, LibC.errno);
    }

    internal string Path { get; }

    /// <summary>What was read so far, without what it had been filled with.</summary>
    internal string Said
    {
        get
        {
            lock (said) return said.ToString().TrimStart('.');
        }
    }

    /// <summary>Begins to read.</summary>
    /// <param name="bytes">At a time.</param>
    /// <param name="pause">Between two times.</param>
    internal void Read(int bytes, TimeSpan pause) => reading = ReadAsync(bytes, pause);

    public void Dispose()
    {
        end.Cancel();
        reading.Wait(TimeSpan.FromSeconds(10));
        _ = LibC.close(fd);
        end.Dispose();
        Directory.Delete(folder, recursive: true);
    }

    private async Task ReadAsync(int bytes, TimeSpan pause)
    {
        var buffer = new byte[bytes];
        while (!end.IsCancellationRequested)
        {
            if (Take(buffer) is > 0 and var count)
                lock (said) _ = said.Append(System.Text.Encoding.UTF8.GetString(buffer, 0, count));
            await Task.Delay(pause, end.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private unsafe int Take(byte[] buffer)
    {
        fixed (byte* p = buffer) return (int)(long)LibC.read(fd, p, buffer.Length);
    }
}
