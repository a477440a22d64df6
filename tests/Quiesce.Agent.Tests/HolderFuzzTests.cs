using System.Diagnostics;
using CsCheck;
using Quiesce.Agent.Holding;
using Quiesce.Agent.Tests.Running;
using Quiesce.Freezing.Holders;
using Quiesce.Freezing.Planning;
using Quiesce.Freezing.Windows;
using Quiesce.Fuzzing;
using Quiesce.RealFilesystems;
using Tmds.Linux;

namespace Quiesce.Agent.Tests;

/// <summary>
/// A real holder that is told anything: orders and commands that are whole, damaged, too long, in no order, with descriptors that do not belong there. Each ends
/// in time and by itself, says nothing that cannot be read, and leaves nothing frozen.
/// </summary>
/// <remarks>
/// The host root of every order is a filesystem of this test, so that no path of an order, however damaged, names anything else; an order that
/// damage made one about another host root is not sent.
/// </remarks>
public sealed class HolderFuzzTests : IAsyncLifetime
{
    // From the end of the channel until the process is gone: a thaw, and what is left of a plan.
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(5);

    private RealFilesystem host = null!;
    private RealFilesystem data = null!;
    private ExtraMount run = null!;
    private ExtraMount place = null!;
    private Guard guard = null!;
    private bool wasFrozen;

    public async ValueTask InitializeAsync()
    {
        Programs.Require();
        host = await RealFilesystem.CreateAsync(FilesystemKind.Ext4, TestContext.Current.CancellationToken);
        data = await RealFilesystem.CreateAsync(FilesystemKind.Ext4, TestContext.Current.CancellationToken);
        var below = host.MountPoint[(RealFilesystem.Root.Length + 1)..];
        run = await ExtraMount.TmpfsAsync($"{below}/run", "size=1m,mode=755");
        place = await ExtraMount.CreateAsync($"{below}/data", "--bind", data.MountPoint);
        guard = Guard.Start(TimeSpan.FromSeconds(FuzzTime.Seconds + 20), host.MountPoint, data.MountPoint);
    }

    public async ValueTask DisposeAsync()
    {
        guard?.Dispose();
        if (place is not null) await place.DisposeAsync();
        if (run is not null) await run.DisposeAsync();
        if (data is not null) await data.DisposeAsync();
        if (host is not null) await host.DisposeAsync();
    }

    /// <summary>Conversations that were found, or are worth to be tried each time: what is sent, in hexadecimal; <c>order</c> and <c>freeze</c> stand for whole ones.</summary>
    public static TheoryData<string[]> Kept => new()
    {
        Array.Empty<string>(),
        new[] { "" },
        new[] { "00" },
        new[] { "03" },
        new[] { "030000" },
        new[] { "order" },
        new[] { "order", "order", "freeze" },
        new[] { "freeze", "order" },
        new[] { "order", "03", "0300", "0305FFFFFFFFFFFFFFFF", "0302FFFFFFFFFFFFFF7F", "freeze" },
        new[] { "order", "freeze", "0302FFFFFFFFFFFFFF7F", "03020000000000000080", "0303", "freeze" },
        new[] { "order", "0300000000000000000000", "freeze", "freeze", "03010000000000000000", "03040000000000000000", "freeze" },
    };

    [Theory]
    [MemberData(nameof(Kept))]
    public void Kept_conversations_end_in_time(string[] messages)
    {
        var whole = HolderCodec.Encode(Order(HolderTask.Hold, atOnce: false, 10_000_000_000, 5_000_000_000));
        Converse([.. messages.Select(m => new Step(m switch
        {
            "order" => whole,
            "freeze" => HolderCodec.Encode(new HolderCommand(HolderCommandKind.Freeze)),
            _ => Convert.FromHexString(m),
        }, 10, Descriptors: 0))]);
    }

    [Fact]
    public void Whatever_it_is_told_a_holder_ends_in_time_and_leaves_nothing_frozen()
    {
        var (conversations, frozen, told) = (0, 0, 0);
        Conversation.Sample(steps =>
        {
            var harmless = steps.Where(s => IsHarmless(s.Message)).ToArray();
            wasFrozen = false;
            Converse(harmless);
            conversations++;
            told += harmless.Length;
            if (wasFrozen) frozen++;
        }, time: FuzzTime.Seconds, threads: 1, print: steps => string.Join(" | ", steps.Select(s => $"{Convert.ToHexString(s.Message.AsSpan(0, Math.Min(400, s.Message.Length)))} +{s.Wait} ms, {s.Descriptors} descriptors")));
        Assert.True(frozen > 0, "no conversation came to a freeze: nothing was tried");
        Console.WriteLine($"[figure] conversations with a real holder: {conversations:N0} with {told:N0} messages, {frozen:N0} came to a freeze, none left one or ended otherwise than by itself");
    }

    private sealed record Step(byte[] Message, int Wait, int Descriptors);

    private Gen<Step[]> Conversation
    {
        get
        {
            var times = Gen.OneOf(Gen.Long, Gen.Long[0, 3_000_000_000], Gen.OneOf(0, -1, long.MaxValue, long.MinValue, 5_000_000_000));
            var order = from task in Gen.OneOf(HolderTask.Hold, HolderTask.Hold, HolderTask.Hold, HolderTask.Inspect, HolderTask.Recover, HolderTask.ThawUnconditionally)
                        from atOnce in Gen.Bool
                        from deadline in Gen.Frequency((1, times), (2, Gen.Const(10_000_000_000)))
                        from timeout in Gen.Frequency((1, times), (2, Gen.Const(5_000_000_000)))
                        select HolderCodec.Encode(Order(task, atOnce, deadline, timeout));
            var command = Gen.Select(Gen.Frequency((4, Gen.Const(HolderCommandKind.Freeze)), (1, Gen.Enum<HolderCommandKind>())), times).Select(t => HolderCodec.Encode(new HolderCommand(t.Item1, t.Item2)));
            var garbage = Gen.Frequency((4, Gen.Byte.Array[0, 64]), (1, Gen.Int[1, HolderCodec.MaximumMessage + 10].Select(n => new byte[n])));
            var rest = Gen.Frequency(
                (5, command),
                (2, Gen.Select(command, Damage.Any).Select((c, d) => Damage.Do(c, d))),
                (1, order),
                (2, garbage));
            var first = Gen.Frequency((4, order), (3, Gen.Select(order, Damage.Any).Select((o, d) => Damage.Do(o, d))), (1, rest));
            var wait = Gen.OneOf(0, 0, 1, 30, 60);
            var descriptors = Gen.OneOf(0, 0, 0, 1, 7, HolderChannel.MaximumDescriptors);
            var step = (Gen<byte[]> message) => Gen.Select(message, wait, descriptors).Select((m, w, d) => new Step(m, w, d));
            return Gen.Select(step(first), step(rest).Array[0, 6]).Select((f, r) => (Step[])[f, .. r]);
        }
    }

    private HolderOrder Order(HolderTask task, bool atOnce, long deadline, long freezeTimeout) => new()
    {
        Task = task,
        WindowId = "fuzzed",
        AgentProcess = Environment.ProcessId,
        // A host root without /dev: what its loop device lies on cannot be told, so anything may back it, and has to be allowed.
        Plan = new PlanOrder { HostRoot = host.MountPoint, Paths = ["/data"], AllowedPaths = ["/data"] },
        AllowUnprotected = true,
        Options = new WindowOptions { Deadline = deadline, FreezeTimeout = freezeTimeout, FreezeAtOnce = atOnce },
        Journals = task == HolderTask.Recover ? [$"{run.MountPoint}/quiesce/fuzzed.journal"] : [],
    };

    private bool IsHarmless(byte[] message)
    {
        HolderOrder order;
        try
        {
            order = HolderCodec.DecodeOrder(message);
        }
        catch (InvalidDataException)
        {
            return true;
        }
        return order.Plan.HostRoot == host.MountPoint
            && !order.WindowId.Contains('/', StringComparison.Ordinal)
            && order.Journals.All(j => j.StartsWith($"{run.MountPoint}/", StringComparison.Ordinal) && !j.Contains("..", StringComparison.Ordinal));
    }

    // On one thread: the holder is told of the death of the thread that started it.
    private unsafe void Converse(Step[] steps)
    {
        var (ours, theirs) = HolderChannel.CreatePair();
        Assert.Equal(Quiesce.Freezing.Kernel.Errno.None, PosixSpawn.Start(Programs.Holder, theirs, out var process));
        _ = LibC.close(theirs);
        var zero = LibC.dup(ours); // any descriptor will do
        try
        {
            using (var channel = new HolderChannel(ours))
            {
                foreach (var step in steps)
                {
                    _ = channel.TrySend(step.Message, [.. Enumerable.Repeat(zero, step.Descriptors)]);
                    _ = LibC.poll(null, 0, step.Wait);
                    Read(channel);
                }
                _ = LibC.close(zero);
                zero = -1;
                _ = LibC.shutdown(channel.Number, LibC.SHUT_WR); // and what it still says is read
                var age = Stopwatch.StartNew();
                while (!HasEnded(process))
                {
                    Read(channel);
                    if (age.Elapsed > Bound) Assert.Fail("the holder did not end");
                    _ = LibC.poll(null, 0, 1);
                }
                Read(channel);
            }
            Assert.Equal("exited", HowEnded(process));
        }
        finally
        {
            if (zero >= 0) _ = LibC.close(zero);
            if (!HasEnded(process)) _ = LibC.kill(process, LibC.SIGKILL);
            PosixSpawn.WaitForExit(process);
            PosixSpawn.Reap(process);
        }
        // FITHAW answers that nothing is frozen.
        Assert.False(FreezeProbe.Thaw(data.MountPoint), "the data was left frozen");
        Assert.False(FreezeProbe.Thaw(host.MountPoint), "the host root was left frozen");
        Assert.False(Directory.Exists($"{run.MountPoint}/quiesce") && Directory.EnumerateFiles($"{run.MountPoint}/quiesce", "*.journal").Any(), "a journal was left");
    }

    private unsafe void Read(HolderChannel channel)
    {
        var descriptors = new List<int>();
        while (true)
        {
            var ready = new pollfd { fd = channel.Number, events = LibC.POLLIN };
            if (LibC.poll(&ready, 1, 0) <= 0 || (ready.revents & LibC.POLLIN) == 0) return;
            var message = channel.Receive(descriptors);
            foreach (var fd in descriptors) _ = LibC.close(fd);
            descriptors.Clear();
            if (message.IsEmpty) return;
            wasFrozen |= HolderCodec.DecodeReport(message).Phase == WindowPhase.Frozen;
        }
    }

    private static bool HasEnded(int process) => ProcessTable.State(process) is 'Z' or null;

    // waitid(2): CLD_EXITED is 1; a runtime that does not know what to do with an exception is killed by SIGABRT.
    private static unsafe string HowEnded(int process)
    {
        const int P_PID = 1, WEXITED = 4, WNOWAIT = 0x01000000, waitid = 247, waitidOnArm = 95;
        var info = stackalloc byte[128];
        var number = System.Runtime.InteropServices.RuntimeInformation.ProcessArchitecture == System.Runtime.InteropServices.Architecture.Arm64 ? waitidOnArm : waitid;
        _ = LibC.syscall(number, P_PID, process, info, WEXITED | WNOWAIT, 0);
        return *(int*)(info + 8) == 1 ? "exited" : $"killed by signal {*(int*)(info + 24)}";
    }
}
