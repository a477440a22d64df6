using System.Runtime.InteropServices;
using System.Text;

namespace Quiesce.Freezing.Tests.Races;

/// <summary>Whoever controls the contents of a volume: swaps a folder in it with something else, as fast as the kernel lets him, until disposed.</summary>
internal sealed unsafe partial class Swapper : IDisposable
{
    private const int AT_FDCWD = -100;
    private const uint RENAME_EXCHANGE = 2;

    private readonly Thread thread;
    private volatile bool stop;
    private long swaps;

    /// <summary>Starts swapping.</summary>
    /// <param name="pairs">Paths that change places.</param>
    /// <param name="exchange">By one renameat2(2) that leaves no moment without either, or by three of rename(2) that do.</param>
    internal Swapper(IReadOnlyList<(string One, string Other)> pairs, bool exchange)
    {
        var bytes = pairs.Select(p => (One: Zero(p.One), Other: Zero(p.Other), Aside: Zero($"{p.Other}-aside"))).ToList();
        thread = new Thread(() =>
        {
            while (!stop)
            {
                foreach (var (one, other, aside) in bytes)
                {
                    if (exchange) Exchange(one, other);
                    else Rotate(one, other, aside);
                    swaps++;
                }
            }
        })
        { IsBackground = true, Name = "swapper" };
        thread.Start();
    }

    /// <summary>How many swaps were made; read after <see cref="Dispose"/>.</summary>
    internal long Swaps => swaps;

    public void Dispose()
    {
        stop = true;
        thread.Join();
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int renameat2(int olddirfd, byte* oldpath, int newdirfd, byte* newpath, uint flags);

    private static void Exchange(byte[] one, byte[] other)
    {
        fixed (byte* a = one)
        fixed (byte* b = other)
            Rename(a, b, RENAME_EXCHANGE);
    }

    private static void Rotate(byte[] one, byte[] other, byte[] aside)
    {
        fixed (byte* a = one)
        fixed (byte* b = other)
        fixed (byte* c = aside)
        {
            Rename(a, c);
            Rename(b, a);
            Rename(c, b);
        }
    }

    private static void Rename(byte* from, byte* to, uint flags = 0)
    {
        if (renameat2(AT_FDCWD, from, AT_FDCWD, to, flags) != 0) throw new InvalidOperationException($"renameat2 failed with errno {Marshal.GetLastPInvokeError()}");
    }

    private static byte[] Zero(string path) => Encoding.UTF8.GetBytes(path + '\0');
}
