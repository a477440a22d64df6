using System.Globalization;
using System.Runtime.InteropServices;
using Tmds.Linux;

namespace Quiesce.RealFilesystems;

/// <summary>
/// A filesystem whose FIFREEZE does not return: a splice(2) into a file on it waits for an empty pipe, inside what the freeze waits for (fs/splice.c takes the
/// right to write before it looks at the pipe). A flush is not held up, and the freeze goes on the moment the pipe has something in it.
/// </summary>
public sealed class StuckFilesystem : IAsyncDisposable
{
    private readonly RealFilesystem lower;
    // gettid(2), on x86-64 and arm64.
    private static readonly int GetThreadId = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 186 : 178;

    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(10);

    private int pipeEnd = -1;
    private Task? splicing;

    private StuckFilesystem(RealFilesystem lower, RealFilesystem upper) => (this.lower, Upper) = (lower, upper);

    /// <summary>The one whose freeze gets stuck.</summary>
    public RealFilesystem Upper { get; }

    /// <summary>The one it lies on.</summary>
    public RealFilesystem Lower => lower;

    /// <summary>Both, for a guard.</summary>
    public IEnumerable<string> MountPoints => [lower.MountPoint, Upper.MountPoint];

    /// <summary>Makes it; from now on a freeze of the upper one does not return.</summary>
    public static async Task<StuckFilesystem> CreateAsync(FilesystemKind kind = FilesystemKind.Ext4)
    {
        // XFS wants 300 MB for its image, all of them sparse.
        var lower = await RealFilesystem.CreateAsync(kind == FilesystemKind.Ext4 ? FilesystemKind.Ext4 : FilesystemKind.Xfs).ConfigureAwait(false);
        try
        {
            var stuck = new StuckFilesystem(lower, await lower.StackedAsync(kind).ConfigureAwait(false));
            var thread = await stuck.Obstruct().ConfigureAwait(false);
            for (var waited = 0; ThreadState(thread) != 'S'; waited += 5)
            {
                Assert.True(waited < Bound.TotalMilliseconds, "the splice does not wait");
                await Task.Delay(5).ConfigureAwait(false);
            }
            return stuck;
        }
        catch
        {
            await lower.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Lets the write, and with it the freeze, go on.</summary>
    public async Task ReleaseAsync()
    {
        if (splicing is null) return;
        Fill();
        await splicing.WaitAsync(Bound).ConfigureAwait(false);
        splicing = null;
    }

    /// <summary>Releases it and takes both away.</summary>
    public async ValueTask DisposeAsync()
    {
        await ReleaseAsync().ConfigureAwait(false);
        await lower.DisposeAsync().ConfigureAwait(false);
    }

    private unsafe void Fill()
    {
        byte something = 0;
        Assert.Equal(1, (long)LibC.write(pipeEnd, &something, 1));
        _ = LibC.close(pipeEnd);
    }

    private static char ThreadState(int thread) => File.ReadAllText($"/proc/self/task/{thread.ToString(CultureInfo.InvariantCulture)}/stat") is var text ? text[text.LastIndexOf(')') + 2] : ' ';

    private unsafe Task<int> Obstruct()
    {
        var ends = stackalloc int[2];
        Assert.Equal(0, LibC.pipe2(ends, LibC.O_CLOEXEC));
        var (read, file) = (ends[0], 0);
        pipeEnd = ends[1];
        fixed (byte* path = System.Text.Encoding.UTF8.GetBytes($"{Upper.MountPoint}/spliced\0"))
            file = LibC.open(path, LibC.O_WRONLY | LibC.O_CREAT | LibC.O_CLOEXEC, 0x180);
        Assert.True(file >= 0);
        var thread = new TaskCompletionSource<int>(TaskCreationOptions.RunContinuationsAsynchronously);
        splicing = Task.Factory.StartNew(
            () =>
            {
                thread.SetResult((int)(long)LibC.syscall(GetThreadId));
                _ = LibC.splice(read, null, file, null, 1, 0);
                _ = LibC.close(read);
                _ = LibC.close(file);
            },
            TaskCreationOptions.LongRunning);
        return thread.Task;
    }
}
