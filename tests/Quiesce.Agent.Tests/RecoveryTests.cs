using System.Diagnostics;
using System.Globalization;
using Quiesce.Agent.Serving;
using Quiesce.Agent.Tests.Running;
using Quiesce.RealFilesystems;
using Tmds.Linux;

namespace Quiesce.Agent.Tests;

/// <summary>What the next start of an agent finds: it ends what nobody ends any more, quickly, and leaves alone what somebody holds.</summary>
public sealed class RecoveryTests
{
    private static readonly TimeSpan Promised = TimeSpan.FromSeconds(1);

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_holder_whose_agent_died_is_made_good_from_the_next_start_on_be_it_dead_or_stopped(bool stopped)
    {
        Programs.Require();
        await using var filesystems = await ThreeKinds.CreateAsync();
        await using var host = await FakeHost.CreateAsync();
        using var guard = filesystems.Guard();
        await using var run = AgentRun.Start(["freeze", "--for", "15s", "--host-root", FakeHost.Root, .. filesystems.MountPoints.Select(FakeHost.HostPath)]);
        await run.FrozenAsync();
        var holder = await run.HolderAsync();
        await StopAsync(holder, run);
        if (!stopped) _ = LibC.kill(holder, LibC.SIGKILL);
        run.Signal(LibC.SIGKILL);
        await Poll.UntilAsync(() => !ProcessTable.Lives(run.Id), "the agent is gone");
        await using var writers = await StandingWriters.StartAsync(filesystems.MountPoints);

        var sinceExec = Stopwatch.StartNew();
        await using var next = AgentRun.Start("thaw", "--all", "--host-root", FakeHost.Root);
        _ = await writers.GoOnAsync();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"[figure] from the start of an agent to the last writer going on, with the old holder {(stopped ? "stopped" : "dead")}: {sinceExec.Elapsed.TotalMilliseconds:0} ms"));
        Assert.InRange(sinceExec.Elapsed, TimeSpan.Zero, Promised);
        var end = await next.EndAsync();
        Assert.True(end.Code == 0, end.All);
        Assert.EndsWith("left behind by processes that died: 3 filesystems thawed", end.Lines[0], StringComparison.Ordinal);
        Assert.False(ProcessTable.Lives(holder));
        Assert.Empty(host.JournalFiles);
    }

    [Fact]
    public async Task A_window_whose_agent_and_holder_are_stopped_is_left_to_them_until_its_deadline_is_over_and_not_longer()
    {
        Programs.Require();
        await using var filesystem = await RealFilesystem.CreateAsync(FilesystemKind.Xfs, TestContext.Current.CancellationToken);
        await using var host = await FakeHost.CreateAsync();
        using var guard = filesystem.Guard();
        await using var run = AgentRun.Start("freeze", "--for", "3s", "--host-root", FakeHost.Root, FakeHost.HostPath(filesystem.MountPoint));
        await run.FrozenAsync();
        var frozen = Stopwatch.StartNew();
        var holder = await run.HolderAsync();
        await StopAsync(holder, run);

        var early = await AgentRun.ToEndAsync("freeze", "--for", "1s", "--host-root", FakeHost.Root, FakeHost.HostPath(filesystem.MountPoint));
        Assert.StartsWith("FAILED   HeldByOtherRequest: ", early.Lines[0], StringComparison.Ordinal);
        Assert.True(FreezeProbe.IsFrozen(filesystem.MountPoint));

        await Poll.UntilAsync(() => frozen.Elapsed > TimeSpan.FromSeconds(3.3), "the deadline and its grace are over");
        var late = await AgentRun.ToEndAsync("freeze", "--for", "500ms", "--host-root", FakeHost.Root, FakeHost.HostPath(filesystem.MountPoint));
        Assert.EndsWith("left behind by processes that died: 1 filesystem thawed", late.Lines[0], StringComparison.Ordinal);
        Assert.Equal(3, late.Code);
        run.Signal(LibC.SIGCONT);
        var end = await run.EndAsync();
        Assert.True(end.Code == 5, end.All);
        Assert.Contains(end.Lines, l => l.StartsWith("BROKEN   HolderDied: ", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(FilesystemKind.Ext4)]
    [InlineData(FilesystemKind.Xfs)]
    [InlineData(FilesystemKind.Btrfs)]
    public async Task What_is_frozen_and_mounted_nowhere_is_thawed_through_a_mount_that_nobody_sees(FilesystemKind kind)
    {
        Programs.Require();
        await using var filesystem = await RealFilesystem.CreateAsync(kind, TestContext.Current.CancellationToken);
        await using var host = await FakeHost.CreateAsync();
        await using var devices = await ExtraMount.CreateAsync("dev", "--bind", "/dev");
        using var guard = filesystem.Guard();
        await using (var run = AgentRun.Start("freeze", "--for", "15s", "--host-root", FakeHost.Root, FakeHost.HostPath(filesystem.MountPoint)))
        {
            await run.FrozenAsync();
            var holder = await run.HolderAsync();
            await StopAsync(holder, run);
            _ = LibC.kill(holder, LibC.SIGKILL);
            run.Signal(LibC.SIGKILL);
            await Poll.UntilAsync(() => !ProcessTable.Lives(holder) && !ProcessTable.Lives(run.Id), "both are gone");
        }
        await filesystem.UnmountAsync(filesystem.MountPoint);
        var end = await AgentRun.ToEndAsync("thaw", "--all", "--host-root", FakeHost.Root);
        Assert.True(end.Code == 0, end.All);
        Assert.EndsWith("left behind by processes that died: 1 filesystem thawed", end.Lines[0], StringComparison.Ordinal);
        Assert.Empty(host.JournalFiles);
        await filesystem.MountAgainAsync();
        Assert.False(FreezeProbe.IsFrozen(filesystem.MountPoint));
    }

    [Fact]
    public void A_plan_that_was_begun_is_known_to_the_next_instance_of_the_same_node_until_its_end_is_written()
    {
        var folder = Directory.CreateTempSubdirectory("quiesce-begun-").FullName;
        try
        {
            var first = new BegunPlans(folder, "node-1");
            Assert.False(first.WasBegun("a"));
            Assert.Null(first.Begin("a"));
            Assert.Null(first.Begin("b"));
            Assert.True(first.WasBegun("a")); // also to itself: a plan that comes again is not begun again

            var second = new BegunPlans(folder, "node-1");
            Assert.True(second.WasBegun("a") && second.WasBegun("b"));
            Assert.False(new BegunPlans(folder, "node-2").WasBegun("a"));
            Assert.False(new BegunPlans(folder, "1").WasBegun("a.node"));
            second.Sweep(new HashSet<string> { "b" });
            Assert.False(second.WasBegun("a"));
            second.End("b");
            Assert.False(new BegunPlans(folder, "node-1").WasBegun("b"));
            Assert.Empty(Directory.EnumerateFiles(folder));
            Assert.Contains("nothing is frozen without it", second.Begin("missing/c"), StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    // Whichever died a moment earlier would let the other one thaw.
    private static async Task StopAsync(int holder, AgentRun run)
    {
        _ = LibC.kill(holder, LibC.SIGSTOP);
        run.Signal(LibC.SIGSTOP);
        await Poll.UntilAsync(() => ProcessTable.State(holder) == 'T' && ProcessTable.State(run.Id) == 'T', "both are stopped");
    }
}
