using Tmds.Linux;

namespace Quiesce.Agent.Tests.Running;

/// <summary>A named pipe that is full and that nobody reads.</summary>
internal sealed unsafe class FullPipe : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("quiesce-pipe-").FullName;
    private readonly int fd;

    internal FullPipe()
    {
        Path = $"{folder}/pipe";
        fixed (byte* p = System.Text.Encoding.UTF8.GetBytes(Path + '\0'))
        {
            Assert.Equal(0, LibC.mkfifo(p, 0x180));
            fd = LibC.open(p, LibC.O_RDWR | LibC.O_NONBLOCK | LibC.O_CLOEXEC);
        }
        var nothing = stackalloc byte[4096];
        while ((long)LibC.write(fd, nothing, 4096) > 0)
        {
        }
        Assert.Equal(LibC.EAGAIN, LibC.errno);
    }

    internal string Path { get; }

    public void Dispose()
    {
        _ = LibC.close(fd);
        Directory.Delete(folder, recursive: true);
    }
}
