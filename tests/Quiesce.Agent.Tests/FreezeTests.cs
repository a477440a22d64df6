using System.Text.RegularExpressions;
using Quiesce.Agent.Tests.Running;
using Quiesce.RealFilesystems;
using Tmds.Linux;

namespace Quiesce.Agent.Tests;

/// <summary>A window as its user sees it: what is frozen, what is printed, how it ends.</summary>
public sealed class FreezeTests
{
    public static TheoryData<FilesystemKind> Kinds => [.. Enum.GetValues<FilesystemKind>()];

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task A_writer_stands_still_in_the_window_and_goes_on_after_it(FilesystemKind kind)
    {
        Programs.Require();
        await using var filesystem = await RealFilesystem.CreateAsync(kind, TestContext.Current.CancellationToken);
        using var guard = filesystem.Guard();
        await using var writer = await Writer.StartAsync(filesystem.MountPoint);
        await using var run = AgentRun.Start("freeze", "--for", "5s", filesystem.MountPoint);
        await run.FrozenAsync();
        await Poll.UntilAsync(() => writer.StandsStill, "the writer stands still");
        var written = writer.Count;
        Assert.True(FreezeProbe.IsFrozen(filesystem.MountPoint));
        Assert.True(writer.StandsStill);
        run.Signal(LibC.SIGTERM);
        var end = await run.EndAsync();
        Assert.True(end.Code == 0, end.All);
        await writer.GoesOnAsync();
        Assert.InRange(written, 1, writer.Count - 1);
    }

    [Fact]
    public async Task Ext4_xfs_and_btrfs_are_frozen_together_and_shown_with_what_it_took()
    {
        Programs.Require();
        await using var filesystems = await ThreeKinds.CreateAsync();
        using var guard = filesystems.Guard();
        await using var run = AgentRun.Start(["freeze", "--for", "8s", .. filesystems.MountPoints]);
        Assert.Equal("FROZEN   3 filesystems, for at most 8s", await run.FrozenAsync());
        foreach (var filesystem in filesystems.All)
        {
            var line = await run.LineAsync($"  {filesystem.MountPoint} ");
            Assert.Matches($@"^  \S+ +{filesystem.Kind.ToString().ToLowerInvariant()} +{filesystem.LoopDevice} +frozen   flush [0-9.]+ ms  freeze [0-9.]+ ms$", line);
            Assert.True(FreezeProbe.IsFrozen(filesystem.MountPoint));
        }
        run.Signal(LibC.SIGTERM);
        var end = await run.EndAsync();
        Assert.True(end.Code == 0, end.All);
        Assert.Equal("THAWED   3 filesystems; the window held without a break", end.Lines[4]);
        Assert.Equal(3, end.Lines.Count(l => Regex.IsMatch(l, "thawed   held [0-9.]+ ms  thaw [0-9.]+ ms$")));
        Assert.Equal(8, end.Lines.Count);
        Assert.Empty(end.Errors);
        Assert.All(filesystems.MountPoints, path => Assert.False(FreezeProbe.IsFrozen(path)));
    }

    [Fact]
    public async Task With_json_each_change_is_one_line_with_every_filesystem()
    {
        Programs.Require();
        await using var filesystems = await ThreeKinds.CreateAsync();
        using var guard = filesystems.Guard();
        await using var run = AgentRun.Start(["freeze", "--json", "--for", "8s", .. filesystems.MountPoints]);
        var frozen = AgentRun.Json(await run.LineAsync("{"));
        Assert.Equal("Frozen", frozen.GetProperty("phase").GetString());
        Assert.Equal(3, frozen.GetProperty("frozenFilesystems").GetInt32());
        Assert.False(frozen.TryGetProperty("windowIntact", out _));
        foreach (var filesystem in filesystems.All)
        {
            var one = frozen.GetProperty("filesystems").EnumerateArray().Single(f => f.GetProperty("path").GetString() == filesystem.MountPoint);
            Assert.Equal("Frozen", one.GetProperty("state").GetString());
            Assert.Equal(filesystem.Kind.ToString().ToLowerInvariant(), one.GetProperty("type").GetString());
            Assert.Equal(filesystem.LoopDevice, one.GetProperty("source").GetString());
            Assert.InRange(one.GetProperty("freezeMilliseconds").GetDouble(), 0.001, 8000);
        }
        run.Signal(LibC.SIGTERM);
        var end = await run.EndAsync();
        Assert.True(end.Code == 0, end.All);
        Assert.Equal(2, end.Lines.Count);
        var thawed = AgentRun.Json(end.Lines[1]);
        Assert.Equal("Thawed", thawed.GetProperty("phase").GetString());
        Assert.Equal("ThawRequested", thawed.GetProperty("reason").GetString());
        Assert.True(thawed.GetProperty("windowIntact").GetBoolean());
        Assert.Equal(3, thawed.GetProperty("thawedFilesystems").GetInt32());
        Assert.All(thawed.GetProperty("filesystems").EnumerateArray(), f => Assert.InRange(f.GetProperty("heldMilliseconds").GetDouble(), 0.001, 8000));
    }

    [Theory]
    [InlineData("SIGTERM")]
    [InlineData("SIGINT")]
    [InlineData("SIGHUP")]
    [InlineData("end of input")]
    public async Task The_caller_ends_the_window_and_the_exit_status_is_0(string by)
    {
        Programs.Require();
        await using var filesystem = await RealFilesystem.CreateAsync(FilesystemKind.Ext4, TestContext.Current.CancellationToken);
        using var guard = filesystem.Guard();
        await using var run = AgentRun.Start("freeze", "--for", "8s", "--until-stdin-closes", filesystem.MountPoint);
        await run.FrozenAsync();
        if (by == "end of input") run.CloseInput();
        else run.Signal(by switch { "SIGTERM" => LibC.SIGTERM, "SIGINT" => LibC.SIGINT, _ => LibC.SIGHUP });
        var end = await run.EndAsync(TimeSpan.FromSeconds(4));
        Assert.True(end.Code == 0, end.All);
        Assert.Contains(end.Lines, l => l == "THAWED   1 filesystem; the window held without a break");
        Assert.False(FreezeProbe.IsFrozen(filesystem.MountPoint));
    }

    [Fact]
    public async Task Without_being_asked_to_the_end_of_input_ends_nothing()
    {
        Programs.Require();
        await using var filesystem = await RealFilesystem.CreateAsync(FilesystemKind.Ext4, TestContext.Current.CancellationToken);
        using var guard = filesystem.Guard();
        await using var run = AgentRun.Start("freeze", "--for", "1s", filesystem.MountPoint);
        run.CloseInput();
        var end = await run.EndAsync();
        Assert.True(end.Code == 3, end.All);
        Assert.Contains(end.Lines, l => l == "EXPIRED  1 filesystem; the deadline ended the window; everything was thawed");
        Assert.False(FreezeProbe.IsFrozen(filesystem.MountPoint));
    }

    [Fact]
    public async Task Input_that_has_ended_before_the_start_ends_the_window_at_once()
    {
        Programs.Require();
        await using var filesystem = await RealFilesystem.CreateAsync(FilesystemKind.Ext4, TestContext.Current.CancellationToken);
        using var guard = filesystem.Guard();
        for (var i = 0; i < 5; i++)
        {
            await using var run = AgentRun.StartRedirected("</dev/null", "freeze", "--for", "8s", "--until-stdin-closes", filesystem.MountPoint);
            // Whether that is before or after everything was frozen is a race; that the deadline is not waited for is not.
            var end = await run.EndAsync(TimeSpan.FromSeconds(4));
            Assert.True(end.Code is 0 or 4, end.All);
            if (end.Code == 4) Assert.StartsWith("FAILED   ThawedBeforeFrozen", end.Lines[0], StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_signal_at_any_moment_after_the_start_ends_the_window_or_the_agent()
    {
        Programs.Require();
        await using var filesystem = await RealFilesystem.CreateAsync(FilesystemKind.Ext4, TestContext.Current.CancellationToken);
        using var guard = filesystem.Guard();
        for (var milliseconds = 0; milliseconds <= 60; milliseconds += 5)
        {
            await using var run = AgentRun.Start("freeze", "--for", "8s", filesystem.MountPoint);
            await Task.Delay(milliseconds, TestContext.Current.CancellationToken);
            run.Signal(LibC.SIGTERM);
            var end = await run.EndAsync(TimeSpan.FromSeconds(4));
            // 143: before it had come to taking signals; nothing was frozen then.
            Assert.True(end.Code is 0 or 4 or 143, end.All);
            await Poll.UntilAsync(() => !FreezeProbe.IsFrozen(filesystem.MountPoint), "thawed", TimeSpan.FromSeconds(1));
        }
    }
}
