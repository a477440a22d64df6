using System.Globalization;
using Quiesce.Agent.Tests.Running;
using Quiesce.RealFilesystems;
using Tmds.Linux;

namespace Quiesce.Agent.Tests;

/// <summary>Whatever dies or stops in the window, the filesystems are thawed, and whoever is left says what happened.</summary>
public sealed class DeathTests
{
    private static readonly TimeSpan Promised = TimeSpan.FromSeconds(1);

    [Fact]
    public async Task A_killed_agent_leaves_nothing_frozen_for_longer_than_a_second()
    {
        Programs.Require();
        await using var filesystems = await ThreeKinds.CreateAsync();
        var worst = TimeSpan.Zero;
        for (var round = 0; round < 10; round++)
        {
            using var guard = filesystems.Guard();
            await using var run = AgentRun.Start(["freeze", "--for", "15s", .. filesystems.MountPoints]);
            await run.FrozenAsync();
            var holder = await run.HolderAsync();
            await using var writers = await StandingWriters.StartAsync(filesystems.MountPoints);
            run.Signal(LibC.SIGKILL);
            var took = await writers.GoOnAsync();
            worst = took > worst ? took : worst;
            await Poll.UntilAsync(() => !ProcessTable.Lives(holder), "the holder exits");
            Assert.All(filesystems.MountPoints, path => Assert.False(FreezeProbe.IsFrozen(path)));
            Assert.Empty(Journals.Unlocked(Programs.JournalFolders));
        }
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"[figure] SIGKILL of the agent to the last writer going on, worst of 10: {worst.TotalMilliseconds:0.0} ms"));
        Assert.True(worst < Promised, $"thawed only after {worst}");
    }

    [Fact]
    public async Task A_killed_holder_leaves_nothing_frozen_for_longer_than_a_second()
    {
        Programs.Require();
        await using var filesystems = await ThreeKinds.CreateAsync();
        var worst = TimeSpan.Zero;
        for (var round = 0; round < 10; round++)
        {
            using var guard = filesystems.Guard();
            await using var run = AgentRun.Start(["freeze", "--for", "15s", .. filesystems.MountPoints]);
            await run.FrozenAsync();
            var holder = await run.HolderAsync();
            await using var writers = await StandingWriters.StartAsync(filesystems.MountPoints);
            _ = LibC.kill(holder, LibC.SIGKILL);
            var took = await writers.GoOnAsync();
            worst = took > worst ? took : worst;
            Assert.Equal(5, (await run.EndAsync()).Code);
        }
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"[figure] SIGKILL of the holder to the last writer going on, worst of 10: {worst.TotalMilliseconds:0.0} ms"));
        Assert.True(worst < Promised, $"thawed only after {worst}");
    }

    [Fact]
    public async Task A_killed_holder_is_replaced_by_the_agent_that_thaws_and_says_so()
    {
        Programs.Require();
        await using var filesystems = await ThreeKinds.CreateAsync();
        using var guard = filesystems.Guard();
        await using var run = AgentRun.Start(["freeze", "--for", "15s", .. filesystems.MountPoints]);
        await run.FrozenAsync();
        _ = LibC.kill(await run.HolderAsync(), LibC.SIGKILL);
        var end = await run.EndAsync(TimeSpan.FromSeconds(3));
        Assert.True(end.Code == 5, end.All);
        Assert.Contains(end.Lines, l => l == "BROKEN   HolderDied: the process that held the filesystems died; they were thawed at once");
        Assert.All(filesystems.MountPoints, path => Assert.Contains(end.Lines, l => l.StartsWith($"  {path} ", StringComparison.Ordinal) && l.Contains(" thawed", StringComparison.Ordinal)));
        Assert.All(filesystems.MountPoints, path => Assert.False(FreezeProbe.IsFrozen(path)));
        Assert.Empty(Journals.Unlocked(Programs.JournalFolders));
    }

    [Fact]
    public async Task A_killed_holder_of_a_filesystem_that_is_mounted_nowhere_any_more_is_replaced_through_the_kept_descriptors()
    {
        Programs.Require();
        await using var filesystem = await RealFilesystem.CreateAsync(FilesystemKind.Xfs, TestContext.Current.CancellationToken);
        using var guard = filesystem.Guard();
        await using var run = AgentRun.Start("freeze", "--for", "15s", filesystem.MountPoint);
        await run.FrozenAsync();
        _ = await Command.RunAsync("umount", "--lazy", filesystem.MountPoint);
        _ = LibC.kill(await run.HolderAsync(), LibC.SIGKILL);
        var end = await run.EndAsync(TimeSpan.FromSeconds(3));
        Assert.True(end.Code == 5, end.All);
        Assert.Contains(end.Lines, l => l.StartsWith("BROKEN   HolderDied: ", StringComparison.Ordinal));
        _ = await Command.RunAsync("mount", filesystem.LoopDevice, filesystem.MountPoint);
        Assert.False(FreezeProbe.IsFrozen(filesystem.MountPoint));
    }

    [Fact]
    public async Task A_killed_holder_of_stacked_filesystems_is_replaced_too()
    {
        Programs.Require();
        await using var lower = await RealFilesystem.CreateAsync(FilesystemKind.Ext4, TestContext.Current.CancellationToken);
        var upper = await lower.StackedAsync(FilesystemKind.Ext4, TestContext.Current.CancellationToken);
        using var guard = lower.Guard();
        await using var run = AgentRun.Start("freeze", "--for", "15s", upper.MountPoint, lower.MountPoint);
        await run.FrozenAsync();
        _ = LibC.kill(await run.HolderAsync(), LibC.SIGKILL);
        var end = await run.EndAsync(TimeSpan.FromSeconds(3));
        Assert.True(end.Code == 5, end.All);
        Assert.False(FreezeProbe.IsFrozen(lower.MountPoint));
        Assert.False(FreezeProbe.IsFrozen(upper.MountPoint));
    }

    [Fact]
    public async Task A_stopped_agent_does_not_hold_up_the_deadline()
    {
        Programs.Require();
        await using var filesystem = await RealFilesystem.CreateAsync(FilesystemKind.Ext4, TestContext.Current.CancellationToken);
        using var guard = filesystem.Guard();
        await using var run = AgentRun.Start("freeze", "--for", "1s", filesystem.MountPoint);
        await run.FrozenAsync();
        run.Signal(LibC.SIGSTOP);
        await Poll.UntilAsync(() => !FreezeProbe.IsFrozen(filesystem.MountPoint), "thawed", TimeSpan.FromSeconds(1) + Promised);
        Assert.Equal('T', ProcessTable.State(run.Id));
        run.Signal(LibC.SIGCONT);
        var end = await run.EndAsync(TimeSpan.FromSeconds(3));
        Assert.True(end.Code == 3, end.All); // awake again, it tells what its holder had told it
    }

    [Fact]
    public async Task A_stopped_holder_is_killed_and_replaced_at_the_deadline()
    {
        Programs.Require();
        await using var filesystems = await ThreeKinds.CreateAsync();
        using var guard = filesystems.Guard();
        await using var run = AgentRun.Start(["freeze", "--for", "1500ms", .. filesystems.MountPoints]);
        await run.FrozenAsync();
        var holder = await run.HolderAsync();
        _ = LibC.kill(holder, LibC.SIGSTOP);
        await Poll.UntilAsync(() => !filesystems.MountPoints.Any(FreezeProbe.IsFrozen), "all are thawed", TimeSpan.FromMilliseconds(1500) + Promised);
        var end = await run.EndAsync(TimeSpan.FromSeconds(3));
        Assert.True(end.Code == 5, end.All);
        Assert.Contains(end.Lines, l =>
            l == "BROKEN   HolderDied: the process that held the filesystems did not answer in time and was killed; they were thawed at once");
        Assert.False(ProcessTable.Lives(holder));
        Assert.Empty(Journals.Unlocked(Programs.JournalFolders));
    }

    [Fact]
    public async Task A_stopped_holder_that_is_told_to_thaw_is_killed_and_replaced_soon()
    {
        Programs.Require();
        await using var filesystem = await RealFilesystem.CreateAsync(FilesystemKind.Ext4, TestContext.Current.CancellationToken);
        using var guard = filesystem.Guard();
        await using var run = AgentRun.Start("freeze", "--for", "15s", filesystem.MountPoint);
        await run.FrozenAsync();
        _ = LibC.kill(await run.HolderAsync(), LibC.SIGSTOP);
        run.Signal(LibC.SIGTERM);
        await Poll.UntilAsync(() => !FreezeProbe.IsFrozen(filesystem.MountPoint), "thawed", TimeSpan.FromSeconds(3));
        var end = await run.EndAsync(TimeSpan.FromSeconds(3));
        Assert.True(end.Code == 5, end.All);
    }

    [Fact]
    public async Task A_holder_told_to_stop_thaws_and_the_window_counts_as_broken()
    {
        Programs.Require();
        await using var filesystem = await RealFilesystem.CreateAsync(FilesystemKind.Ext4, TestContext.Current.CancellationToken);
        using var guard = filesystem.Guard();
        await using var run = AgentRun.Start("freeze", "--for", "15s", filesystem.MountPoint);
        await run.FrozenAsync();
        _ = LibC.kill(await run.HolderAsync(), LibC.SIGTERM);
        var end = await run.EndAsync(TimeSpan.FromSeconds(3));
        Assert.True(end.Code == 5, end.All);
        Assert.Contains(end.Lines, l => l.StartsWith("BROKEN   AgentStopped: ", StringComparison.Ordinal));
        Assert.False(FreezeProbe.IsFrozen(filesystem.MountPoint));
    }

    [Theory]
    [InlineData("thaw")]
    [InlineData("freeze")]
    public async Task What_agent_and_holder_left_dying_together_is_ended_by_the_next_start(string next)
    {
        Programs.Require();
        await using var filesystems = await ThreeKinds.CreateAsync();
        await using var host = await FakeHost.CreateAsync();
        using var guard = filesystems.Guard();
        await KillBothAsync(filesystems);
        Assert.All(filesystems.MountPoints, path => Assert.True(FreezeProbe.IsFrozen(path)));
        Assert.Single(host.JournalFiles);

        await using var run = next == "thaw"
            ? AgentRun.Start("thaw", "--all", "--host-root", FakeHost.Root)
            : AgentRun.Start(["freeze", "--for", "1500ms", "--host-root", FakeHost.Root, .. filesystems.MountPoints.Select(FakeHost.HostPath)]);
        var end = await run.EndAsync();
        Assert.True(end.Code == (next == "thaw" ? 0 : 3), end.All);
        Assert.Matches("^RECOVERED local-[0-9a-f]{32}, left behind by processes that died: 3 filesystems thawed$", end.Lines[0]);
        foreach (var path in filesystems.MountPoints.Select(FakeHost.HostPath))
            Assert.Contains(end.Lines.Take(4), l => l.StartsWith($"  {path} ", StringComparison.Ordinal) && l.EndsWith("thawed", StringComparison.Ordinal));
        if (next == "thaw") Assert.Contains("THAWED   0 filesystems", end.Lines); // there was nothing left for it to do
        Assert.All(filesystems.MountPoints, path => Assert.False(FreezeProbe.IsFrozen(path)));
        Assert.Empty(host.JournalFiles);
    }

    [Fact]
    public async Task With_json_a_recovery_is_a_line_of_json()
    {
        Programs.Require();
        await using var filesystems = await ThreeKinds.CreateAsync();
        await using var host = await FakeHost.CreateAsync();
        using var guard = filesystems.Guard();
        await KillBothAsync(filesystems);
        var end = await AgentRun.ToEndAsync("thaw", "--json", "--all", "--host-root", FakeHost.Root);
        Assert.True(end.Code == 0, end.All);
        Assert.Equal(2, end.Lines.Count);
        var recovered = AgentRun.Json(end.Lines[0]);
        Assert.Equal("Recovered", recovered.GetProperty("phase").GetString());
        Assert.Equal(3, recovered.GetProperty("thawedFilesystems").GetInt32());
        Assert.Equal("Thawed", AgentRun.Json(end.Lines[1]).GetProperty("phase").GetString());
    }

    [Fact]
    public async Task What_was_left_behind_and_is_mounted_nowhere_is_told_of_at_each_start_until_it_is_thawed()
    {
        Programs.Require();
        await using var filesystem = await RealFilesystem.CreateAsync(FilesystemKind.Xfs, TestContext.Current.CancellationToken);
        await using var host = await FakeHost.CreateAsync();
        using var guard = filesystem.Guard();
        await KillBothAsync(FakeHost.HostPath(filesystem.MountPoint));
        await filesystem.UnmountAsync(filesystem.MountPoint); // nobody holds a descriptor: frozen, and mounted nowhere
        for (var i = 0; i < 2; i++)
        {
            var end = await AgentRun.ToEndAsync("thaw", "--all", "--host-root", FakeHost.Root);
            Assert.True(end.Code == 4, end.All); // not everything could be thawed
            Assert.EndsWith("left behind by processes that died: 0 filesystems thawed", end.Lines[0], StringComparison.Ordinal);
            Assert.Contains("may still be frozen, but is mounted nowhere", end.Text, StringComparison.Ordinal);
            Assert.Single(host.JournalFiles);
        }
        await filesystem.MountAgainAsync();
        Assert.True(FreezeProbe.IsFrozen(filesystem.MountPoint));
        var last = await AgentRun.ToEndAsync("thaw", "--all", "--host-root", FakeHost.Root);
        Assert.EndsWith("left behind by processes that died: 1 filesystem thawed", last.Lines[0], StringComparison.Ordinal);
        Assert.False(FreezeProbe.IsFrozen(filesystem.MountPoint));
        Assert.Empty(host.JournalFiles);
    }

    [Fact]
    public async Task The_window_of_an_agent_that_lives_is_left_to_it()
    {
        Programs.Require();
        await using var filesystem = await RealFilesystem.CreateAsync(FilesystemKind.Ext4, TestContext.Current.CancellationToken);
        await using var other = await RealFilesystem.CreateAsync(FilesystemKind.Btrfs, TestContext.Current.CancellationToken);
        using var guard = Guard.Start(TimeSpan.FromSeconds(20), filesystem.MountPoint, other.MountPoint);
        await using var run = AgentRun.Start("freeze", "--for", "15s", filesystem.MountPoint);
        await run.FrozenAsync();
        var end = await AgentRun.ToEndAsync("freeze", "--for", "1s", other.MountPoint);
        Assert.True(end.Code == 3, end.All);
        Assert.DoesNotContain("RECOVERED", end.Text, StringComparison.Ordinal);
        Assert.True(FreezeProbe.IsFrozen(filesystem.MountPoint));
        run.Signal(LibC.SIGTERM);
        Assert.Equal(0, (await run.EndAsync()).Code);
    }

    private static Task KillBothAsync(ThreeKinds filesystems) => KillBothAsync([.. filesystems.MountPoints.Select(FakeHost.HostPath)]);

    // Stopped first: whichever of the two died a moment earlier would let the other one thaw.
    private static async Task KillBothAsync(params string[] hostPaths)
    {
        await using var run = AgentRun.Start(["freeze", "--for", "15s", "--host-root", FakeHost.Root, .. hostPaths]);
        await run.FrozenAsync();
        var holder = await run.HolderAsync();
        _ = LibC.kill(holder, LibC.SIGSTOP);
        run.Signal(LibC.SIGSTOP);
        await Poll.UntilAsync(() => ProcessTable.State(holder) == 'T' && ProcessTable.State(run.Id) == 'T', "both are stopped");
        _ = LibC.kill(holder, LibC.SIGKILL);
        run.Signal(LibC.SIGKILL);
        await Poll.UntilAsync(() => !ProcessTable.Lives(holder), "the holder is gone");
    }
}
