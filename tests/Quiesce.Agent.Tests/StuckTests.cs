using Quiesce.Agent.Tests.Running;
using Quiesce.RealFilesystems;
using Tmds.Linux;

namespace Quiesce.Agent.Tests;

/// <summary>A FIFREEZE that does not return: nothing waits for it, everybody hears of it, and what comes of it is thawed at once, whoever has died meanwhile.</summary>
public sealed class StuckTests
{
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(1);

    [Fact]
    public async Task With_the_freeze_timeout_over_the_others_are_rolled_back_at_once_and_the_stuck_one_is_thawed_when_its_call_returns()
    {
        Programs.Require();
        await using var stuck = await StuckFilesystem.CreateAsync();
        await using var other = await RealFilesystem.CreateAsync(FilesystemKind.Xfs, TestContext.Current.CancellationToken);
        using var guard = Guard.Start(TimeSpan.FromSeconds(30), [.. stuck.MountPoints, other.MountPoint]);
        await using var run = AgentRun.Start("freeze", "--for", "20s", "--freeze-timeout", "2s", stuck.Upper.MountPoint, other.MountPoint);
        var holder = await run.HolderAsync();
        await OtherIsHeldAsync(holder);
        await Poll.UntilAsync(() => !FreezeProbe.IsFrozen(other.MountPoint), "the other one is rolled back", TimeSpan.FromSeconds(2) + Soon);
        Assert.Contains("freeze timeout", await run.LineAsync("THAWING "), StringComparison.Ordinal);
        Assert.Contains("FreezeStuck", await run.LineAsync($"  {stuck.Upper.MountPoint} "), StringComparison.Ordinal);
        await stuck.ReleaseAsync();
        var end = await run.EndAsync();
        Assert.True(end.Code == 4, end.All);
        Assert.StartsWith("FAILED   FreezeTimeout: ", end.Lines.Last(l => l.StartsWith("FAILED", StringComparison.Ordinal)), StringComparison.Ordinal);
        Assert.False(FreezeProbe.IsFrozen(stuck.Upper.MountPoint));
        Assert.Empty(Journals.Unlocked(Programs.JournalFolders));
    }

    [Fact]
    public async Task A_holder_killed_with_a_call_stuck_leaves_neither_the_others_nor_the_stuck_one_frozen()
    {
        Programs.Require();
        await using var stuck = await StuckFilesystem.CreateAsync();
        await using var other = await RealFilesystem.CreateAsync(FilesystemKind.Btrfs, TestContext.Current.CancellationToken);
        using var guard = Guard.Start(TimeSpan.FromSeconds(30), [.. stuck.MountPoints, other.MountPoint]);
        await using var run = AgentRun.Start("freeze", "--for", "20s", "--freeze-timeout", "15s", stuck.Upper.MountPoint, other.MountPoint);
        var holder = await run.HolderAsync();
        await OtherIsHeldAsync(holder);
        _ = LibC.kill(holder, LibC.SIGKILL);
        await Poll.UntilAsync(() => !FreezeProbe.IsFrozen(other.MountPoint), "the other one is thawed", TimeSpan.FromSeconds(3));
        Assert.Contains("FreezeStuck", await run.LineAsync($"  {stuck.Upper.MountPoint} "), StringComparison.Ordinal);
        await stuck.ReleaseAsync();
        var end = await run.EndAsync();
        Assert.True(end.Code == 4, end.All);
        Assert.False(FreezeProbe.IsFrozen(stuck.Upper.MountPoint));
        Assert.Empty(Journals.Unlocked(Programs.JournalFolders));
    }

    [Fact]
    public async Task An_agent_killed_with_a_call_stuck_leaves_a_holder_that_thaws_when_the_call_returns()
    {
        Programs.Require();
        await using var stuck = await StuckFilesystem.CreateAsync();
        await using var other = await RealFilesystem.CreateAsync(FilesystemKind.Xfs, TestContext.Current.CancellationToken);
        using var guard = Guard.Start(TimeSpan.FromSeconds(30), [.. stuck.MountPoints, other.MountPoint]);
        await using (var run = AgentRun.Start("freeze", "--for", "20s", "--freeze-timeout", "15s", stuck.Upper.MountPoint, other.MountPoint))
        {
            var holder = await run.HolderAsync();
            await OtherIsHeldAsync(holder);
            run.Signal(LibC.SIGKILL);
            await Poll.UntilAsync(() => !FreezeProbe.IsFrozen(other.MountPoint), "the other one is thawed", Soon);
            Assert.True(ProcessTable.Lives(holder));
            await stuck.ReleaseAsync();
            await Poll.UntilAsync(() => !ProcessTable.Lives(holder), "the holder has done its last duty");
        }
        Assert.False(FreezeProbe.IsFrozen(stuck.Upper.MountPoint));
        Assert.Empty(Journals.Unlocked(Programs.JournalFolders));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task After_agent_and_holder_died_with_a_call_stuck_the_next_start_thaws_the_others_and_waits_for_the_call(bool holderToo)
    {
        Programs.Require();
        await using var stuck = await StuckFilesystem.CreateAsync();
        await using var other = await RealFilesystem.CreateAsync(FilesystemKind.Ext4, TestContext.Current.CancellationToken);
        await using var third = await RealFilesystem.CreateAsync(FilesystemKind.Xfs, TestContext.Current.CancellationToken);
        using var guard = Guard.Start(TimeSpan.FromSeconds(30), [.. stuck.MountPoints, other.MountPoint, third.MountPoint]);
        await using var run = AgentRun.Start("freeze", "--for", "20s", "--freeze-timeout", "15s", stuck.Upper.MountPoint, other.MountPoint);
        var holder = await run.HolderAsync();
        await OtherIsHeldAsync(holder);
        await StopAsync(holder, run);
        if (holderToo) _ = LibC.kill(holder, LibC.SIGKILL);
        run.Signal(LibC.SIGKILL);
        await Poll.UntilAsync(() => !ProcessTable.Lives(run.Id), "the agent is gone");
        Assert.True(FreezeProbe.IsFrozen(other.MountPoint));

        await using var next = AgentRun.Start("freeze", "--for", "1s", third.MountPoint);
        Assert.Contains("1 filesystem thawed, the rest as soon as its call returns", await next.LineAsync("RECOVERED "), StringComparison.Ordinal);
        Assert.False(FreezeProbe.IsFrozen(other.MountPoint));
        Assert.Contains("FreezeStuck", await next.LineAsync($"  {stuck.Upper.MountPoint} "), StringComparison.Ordinal);
        Assert.Equal(3, (await next.EndAsync()).Code); // a window of its own is not held up
        await stuck.ReleaseAsync();
        await Poll.UntilAsync(() => !FreezeProbe.IsFrozen(stuck.Upper.MountPoint), "what came of the call is thawed", Soon);
        await Poll.UntilAsync(() => Journals.Unlocked(Programs.JournalFolders).Count == 0 && ProcessTable.RunningFrom(Path.GetDirectoryName(Programs.Holder)!).Count == 0, "nothing is left");
    }

    [Fact]
    public async Task A_new_window_on_what_is_stuck_or_on_what_backs_it_is_refused_with_that_reason()
    {
        Programs.Require();
        await using var stuck = await StuckFilesystem.CreateAsync();
        using var guard = Guard.Start(TimeSpan.FromSeconds(30), stuck.MountPoints);
        await using var run = AgentRun.Start("freeze", "--for", "20s", "--freeze-timeout", "1s", stuck.Upper.MountPoint);
        await run.LineAsync("THAWING ");
        await Task.Delay(Soon, TestContext.Current.CancellationToken); // from its end on a second has to pass before a call counts as stuck
        foreach (var path in stuck.MountPoints)
        {
            var refused = await AgentRun.ToEndAsync("freeze", "--for", "1s", path);
            Assert.True(refused.Code == 4, refused.All);
            Assert.StartsWith($"FAILED   FreezeStuck: {path}: ", refused.Lines[0], StringComparison.Ordinal);
            Assert.Contains("thawed as soon as that call returns", refused.Lines[0], StringComparison.Ordinal);
        }
        await stuck.ReleaseAsync();
        Assert.Equal(4, (await run.EndAsync()).Code);
        Assert.Equal(3, (await AgentRun.ToEndAsync("freeze", "--for", "500ms", stuck.Upper.MountPoint)).Code);
    }

    private static async Task OtherIsHeldAsync(int holder) =>
        await Poll.UntilAsync(() => Journals.Held(Programs.JournalFolders, holder) is (1, 2), "the other one is frozen");

    // Whichever died a moment earlier would let the other one thaw.
    private static async Task StopAsync(int holder, AgentRun run)
    {
        _ = LibC.kill(holder, LibC.SIGSTOP);
        run.Signal(LibC.SIGSTOP);
        await Poll.UntilAsync(() => ProcessTable.State(holder) == 'T' && ProcessTable.State(run.Id) == 'T', "both are stopped");
    }
}
