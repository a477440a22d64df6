using Quiesce.Benchmarks.Results;
using Quiesce.Benchmarks.Tracing;
using Quiesce.RealFilesystems;
using Tmds.Linux;

namespace Quiesce.Benchmarks.Stalls;

/// <summary>
/// How long applications stand still: from the first FIFREEZE entered to the last one returned, side by side with what people would use instead. Every round is cold: a second
/// at least since the last thaw of each filesystem.
/// </summary>
internal sealed class StallBenchmark(int rounds, IReadOnlyList<StallCell> cells)
{
    private const string Ours = "quiesce";
    private const string OursNormal = "quiesce, not expedited";
    private const string Limit = "slowest call of the loop";
    private static readonly TimeSpan Cold = TimeSpan.FromSeconds(1.2);
    private static readonly TimeSpan GuardTime = TimeSpan.FromSeconds(90);

    internal async Task RunAsync(Report report)
    {
        await using var trace = await FreezeTrace.StartAsync();
        string[] peers = [Ours, OursNormal, GuestAgentPeer.ColumnName, "fsfreeze(8)", IoctlPeer.ColumnName];
        var stalls = new Table($"Stall: from the first FIFREEZE entered to the last one returned, cold, in milliseconds; median (least–most) of {rounds} rounds, and the ratio to qemu-ga", "filesystems", [.. peers, Limit], GuestAgentPeer.ColumnName);
        var warm = new Table("The same, warm: frozen again at once", "filesystems", peers, GuestAgentPeer.ColumnName);
        var writes = new Table("The longest write of an application, thawed as soon as frozen, in milliseconds", "filesystems", peers, GuestAgentPeer.ColumnName);
        var thaws = new Table("Thaw: from the request to the last FITHAW returned, in milliseconds", "filesystems", peers, GuestAgentPeer.ColumnName);
        foreach (var table in (Table[])[stalls, warm, writes, thaws]) report.Add(table);

        foreach (var cell in cells)
        {
            Console.Error.WriteLine(cell.Name);
            var filesystems = new List<RealFilesystem>();
            try
            {
                for (var i = 0; i < cell.Count; i++)
                    filesystems.Add(await RealFilesystem.CreateAsync(cell.Kinds[i % cell.Kinds.Count], 400 + (3 * cell.DirtyMegabytes)));
                await using var guestAgent = await QemuGuestAgent.StartAsync(Path.GetTempPath());
                IPeer[] all = [new QuiescePeer(Ours, "always"), new QuiescePeer(OursNormal, "never"), new GuestAgentPeer(guestAgent), new FsfreezePeer(), new IoctlPeer()];
                for (var round = 0; round < rounds; round++)
                    for (var turn = 0; turn < all.Length; turn++) // by turns, so that none is always the first
                        await MeasureAsync(cell, filesystems, all[(turn + round) % all.Length], trace, stalls, warm, writes, thaws);
            }
            finally
            {
                foreach (var filesystem in filesystems) await filesystem.DisposeAsync();
            }
        }
    }

    private static async Task MeasureAsync(StallCell cell, List<RealFilesystem> filesystems, IPeer peer, FreezeTrace trace, Table stalls, Table warm, Table writes, Table thaws)
    {
        string[] paths = [.. filesystems.Select(f => f.MountPoint)];
        await Task.Run(() => Flush(paths));
        await Task.Delay(Cold);
        using var guard = Guard.Start(GuardTime, paths);
        await Task.Run(() => Parallel.ForEach(paths, path => Dirty(path, cell.DirtyMegabytes)));
        var writers = cell.Writers ? paths.Select(path => new SteadyWriter(path)).ToList() : [];
        try
        {
            if (cell.Writers)
            {
                await Task.Delay(300);
                foreach (var writer in writers) _ = writer.TakeLongest();
            }
            var (calls, asked) = await OnceAsync(peer, paths, trace);
            var frozen = calls.Where(c => c is { Freeze: true, Answer: 0 }).ToList();
            if (frozen.Count != paths.Length) throw new InvalidOperationException($"{peer.Name}: {frozen.Count} of {paths.Length} filesystems were frozen: {string.Join(", ", calls)}");
            stalls[cell.Name, peer.Name].Add((frozen.Max(c => c.Returned) - frozen.Min(c => c.Entered)) * 1000);
            if (peer is IoctlPeer && cell.IsClean) stalls[cell.Name, Limit].Add(frozen.Max(c => c.Milliseconds));
            thaws[cell.Name, peer.Name].Add((calls.Where(c => c is { Freeze: false, Answer: 0 }).Max(c => c.Returned) - asked) * 1000);
            if (cell.Writers)
            {
                await Task.Delay(50); // the write that waited has to come back first
                writes[cell.Name, peer.Name].Add(writers.Max(w => w.TakeLongest()));
            }
            if (!cell.IsClean) return;
            (calls, _) = await OnceAsync(peer, paths, trace);
            frozen = [.. calls.Where(c => c is { Freeze: true, Answer: 0 })];
            warm[cell.Name, peer.Name].Add((frozen.Max(c => c.Returned) - frozen.Min(c => c.Entered)) * 1000);
        }
        finally
        {
            foreach (var writer in writers) writer.Dispose();
        }
    }

    // The calls, and when the thaw was asked for.
    private static async Task<(IReadOnlyList<FreezeCall> Calls, double Asked)> OnceAsync(IPeer peer, string[] paths, FreezeTrace trace)
    {
        await trace.ClearAsync();
        double asked;
        try
        {
            await peer.FreezeAsync(paths);
        }
        finally
        {
            asked = BootClock.Seconds();
            await peer.ThawAsync(paths);
        }
        return (await trace.ReadAsync(), asked);
    }

    private static unsafe void Flush(string[] paths)
    {
        foreach (var path in paths)
        {
            int fd;
            fixed (byte* p = System.Text.Encoding.UTF8.GetBytes($"{path}\0"))
                fd = LibC.open(p, LibC.O_RDONLY | LibC.O_DIRECTORY | LibC.O_CLOEXEC);
            _ = LibC.syncfs(fd);
            _ = LibC.close(fd);
        }
    }

    private static void Dirty(string path, int megabytes)
    {
        if (megabytes == 0) return;
        using var file = new FileStream($"{path}/dirty", FileMode.OpenOrCreate, FileAccess.Write, FileShare.Read, 0);
        var block = new byte[1024 * 1024];
        Random.Shared.NextBytes(block);
        for (var i = 0; i < megabytes; i++) file.Write(block);
    }
}
