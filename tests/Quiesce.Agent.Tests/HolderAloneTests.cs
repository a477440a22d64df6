using System.Globalization;
using Quiesce.Agent.Holding;
using Quiesce.Agent.Tests.Running;
using Quiesce.Freezing.Holders;
using Quiesce.Freezing.Kernel;
using Quiesce.Freezing.Planning;
using Quiesce.Freezing.Reports;
using Quiesce.Freezing.Windows;
using Quiesce.RealFilesystems;
using Tmds.Linux;

namespace Quiesce.Agent.Tests;

/// <summary>A holder without an agent: this process has started it and keeps all but one of what could end its window from happening.</summary>
public sealed class HolderAloneTests
{
    private static readonly TimeSpan Promised = TimeSpan.FromSeconds(1);

    [Fact]
    public async Task The_end_of_its_channel_alone_ends_the_window()
    {
        Programs.Require();
        await using var filesystems = await ThreeKinds.CreateAsync();
        using var guard = filesystems.Guard();
        await using var holder = await LoneHolder.FrozenAsync(filesystems, TimeSpan.FromSeconds(60));
        await using var writers = await StandingWriters.StartAsync(filesystems.MountPoints);
        holder.CloseChannel();
        Assert.InRange(await writers.GoOnAsync(), TimeSpan.Zero, Promised);
    }

    [Fact]
    public async Task The_parent_death_signal_alone_ends_the_window()
    {
        Programs.Require();
        await using var filesystems = await ThreeKinds.CreateAsync();
        using var guard = filesystems.Guard();
        await using var holder = await LoneHolder.FrozenAsync(filesystems, TimeSpan.FromSeconds(60));
        await using var writers = await StandingWriters.StartAsync(filesystems.MountPoints);
        holder.EndStartingThread(); // the channel stays open
        Assert.InRange(await writers.GoOnAsync(), TimeSpan.Zero, Promised);
    }

    [Fact]
    public async Task The_deadline_alone_ends_the_window_with_channel_and_signals_out_of_order()
    {
        Programs.Require();
        await using var filesystems = await ThreeKinds.CreateAsync();
        using var guard = filesystems.Guard();
        await using var holder = await LoneHolder.FrozenAsync(filesystems, TimeSpan.FromSeconds(2));
        holder.SendGarbage(); // and nobody reads what it answers
        await using var writers = await StandingWriters.StartAsync(filesystems.MountPoints);
        _ = await writers.GoOnAsync();
        var late = TimeSpan.FromTicks(Native.BootTimeNanoseconds() / 100) - holder.DeadlineAt;
        Assert.InRange(late, TimeSpan.Zero, Promised);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"[figure] three filesystems thawed after their deadline: {late.TotalMilliseconds:0.0} ms"));
    }

    [Fact]
    public async Task The_memory_of_a_holder_is_small_and_locked()
    {
        Programs.Require();
        var making = Enumerable.Range(0, 8).Select(i => RealFilesystem.CreateAsync((FilesystemKind)(i % 3), TestContext.Current.CancellationToken)).ToList();
        var filesystems = await Task.WhenAll(making);
        try
        {
            using var guard = Guard.Start(TimeSpan.FromSeconds(20), filesystems.Select(f => f.MountPoint));
            await using var run = AgentRun.Start(["freeze", "--for", "15s", .. filesystems.Select(f => f.MountPoint)]);
            await run.FrozenAsync();
            var holder = await run.HolderAsync();
            var status = File.ReadAllLines($"/proc/{holder}/status").Select(l => l.Split(':', 2)).ToDictionary(p => p[0], p => p[1].Trim());
            var resident = int.Parse(status["VmRSS"].Split(' ')[0], CultureInfo.InvariantCulture);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"[figure] resident memory of a holder with 8 filesystems: {resident / 1024.0:0.0} MB"));
            Assert.InRange(resident, 1, 8 * 1024 - 1);
            Assert.Equal("0", status["VmSwap"].Split(' ')[0]);
            AssertProgramIsLocked(holder);
            run.Signal(LibC.SIGTERM);
            Assert.Equal(0, (await run.EndAsync()).Code);
        }
        finally
        {
            foreach (var filesystem in filesystems) await filesystem.DisposeAsync();
        }
    }

    [Fact]
    public async Task Once_it_holds_it_opens_nothing_and_reads_no_disk()
    {
        Programs.Require();
        Programs.RequireTool("strace", "strace");
        await using var filesystems = await ThreeKinds.CreateAsync();
        await using var trace = await ExtraMount.TmpfsAsync("trace");
        using var guard = filesystems.Guard();
        await using var run = AgentRun.Start(["freeze", "--for", "15s", .. filesystems.MountPoints]);
        await run.FrozenAsync();
        var holder = await run.HolderAsync();
        var tracing = Command.TryAsync("strace", "-f", "-e", "trace=%file,%memory", "-o", $"{trace.MountPoint}/calls", "-p", holder.ToString(CultureInfo.InvariantCulture));
        await Poll.UntilAsync(() => File.ReadAllText($"/proc/{holder}/status").Split('\n').Any(l => l.StartsWith("TracerPid:", StringComparison.Ordinal) && !l.EndsWith("\t0", StringComparison.Ordinal)), "it is traced");
        run.Signal(LibC.SIGTERM);
        Assert.Equal(0, (await run.EndAsync()).Code);
        _ = await tracing;
        var calls = await File.ReadAllLinesAsync($"{trace.MountPoint}/calls", TestContext.Current.CancellationToken);
        // Its journal goes when everything is thawed; no memory is asked for before that.
        var unlink = Array.FindIndex(calls, c => c.Contains("unlink", StringComparison.Ordinal) && c.Contains(".journal", StringComparison.Ordinal));
        Assert.True(unlink >= 0, string.Join('\n', calls));
        Assert.DoesNotContain(calls.Take(unlink), c => !c.Contains("--- ", StringComparison.Ordinal) && !c.Contains("resumed", StringComparison.Ordinal));
    }

    // Each mapping of the program's file is locked, and all of it is in memory.
    private static void AssertProgramIsLocked(int process)
    {
        var (name, size, seen) = ("", 0, 0);
        foreach (var line in File.ReadLines($"/proc/{process}/smaps"))
        {
            var fields = line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
            if (fields[0].Contains('-', StringComparison.Ordinal)) name = fields.Length > 5 ? fields[5] : "";
            if (!name.EndsWith("/quiesce-holder", StringComparison.Ordinal)) continue;
            if (fields[0] == "Size:") size = int.Parse(fields[1], CultureInfo.InvariantCulture);
            if (fields[0] == "Rss:") Assert.Equal(size, int.Parse(fields[1], CultureInfo.InvariantCulture));
            if (fields[0] != "VmFlags:") continue;
            Assert.Contains("lo", fields);
            seen++;
        }
        Assert.True(seen >= 2, "the program is mapped");
    }

    /// <summary>The holder, its channel and the thread that started it.</summary>
    private sealed class LoneHolder : IAsyncDisposable
    {
        private readonly ManualResetEventSlim end = new();
        private readonly HolderChannel channel;
        private readonly Thread starting;
        private readonly int process;
        private bool closed;

        private LoneHolder(HolderOrder order)
        {
            var (ours, theirs) = HolderChannel.CreatePair();
            var (id, error) = (0, Errno.None);
            using var started = new ManualResetEventSlim();
            starting = new Thread(() =>
            {
                error = PosixSpawn.Start(Programs.Holder, theirs, out id);
                started.Set();
                end.Wait();
            })
            { IsBackground = true };
            starting.Start();
            started.Wait();
            _ = LibC.close(theirs);
            Assert.Equal(Errno.None, error);
            process = id;
            channel = new HolderChannel(ours);
            Assert.True(channel.TrySend(HolderCodec.Encode(order)));
        }

        /// <summary>By <c>CLOCK_BOOTTIME</c>.</summary>
        internal TimeSpan DeadlineAt { get; private set; }

        internal static async Task<LoneHolder> FrozenAsync(ThreeKinds filesystems, TimeSpan deadline)
        {
            var holder = new LoneHolder(new HolderOrder
            {
                WindowId = $"alone-{Guid.NewGuid():n}",
                AgentProcess = Environment.ProcessId,
                Plan = new PlanOrder { Paths = [.. filesystems.MountPoints] },
                Options = new WindowOptions { Deadline = deadline.Ticks * 100, FreezeTimeout = 10_000_000_000, FreezeAtOnce = true },
            });
            var report = await Task.Run(holder.ReadToFrozen);
            Assert.True(report.Phase == WindowPhase.Frozen, report.Message);
            holder.DeadlineAt = TimeSpan.FromTicks(report.DeadlineAt!.Value / 100);
            return holder;
        }

        internal void CloseChannel()
        {
            closed = true;
            _ = LibC.shutdown(channel.Number, LibC.SHUT_RDWR);
            channel.Dispose();
        }

        internal void EndStartingThread() => end.Set();

        internal void SendGarbage() => Assert.True(channel.TrySend([0xFF, 1, 2, 3]));

        public async ValueTask DisposeAsync()
        {
            if (!closed) CloseChannel();
            await Task.Run(() => PosixSpawn.WaitForExit(process));
            PosixSpawn.Reap(process);
            end.Set();
            starting.Join();
            end.Dispose();
        }

        private WindowReport ReadToFrozen()
        {
            var descriptors = new List<int>();
            while (true)
            {
                var message = channel.Receive(descriptors);
                foreach (var fd in descriptors) _ = LibC.close(fd);
                descriptors.Clear();
                if (message.IsEmpty) return new WindowReport { Phase = WindowPhase.Failed, Message = "it ended" };
                if (HolderCodec.DecodeReport(message) is { Phase: WindowPhase.Frozen or >= WindowPhase.Thawed } report) return report;
            }
        }
    }
}
