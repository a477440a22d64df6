using System.Globalization;
using Quiesce.Agent.Tests.Running;
using Quiesce.RealFilesystems;
using Tmds.Linux;

namespace Quiesce.Agent.Tests;

/// <summary>Side by side with the QEMU guest agent on the same mounts. Where the two differ is a row of <c>docs/qemu-guest-agent.md</c>.</summary>
public sealed class QemuGuestAgentTests
{
    public static TheoryData<string> Lists =>
    [
        "ext4", "xfs", "btrfs", "bind", "subvolume", "read-only",
        "ext4 xfs btrfs",
        "ext4 bind", "bind ext4",
        "btrfs subvolume", "subvolume btrfs",
        "tmpfs ext4",
        "ext4 xfs btrfs bind subvolume tmpfs read-only",
    ];

    [Theory]
    [MemberData(nameof(Lists))]
    public async Task The_same_filesystems_are_frozen_and_the_same_number_is_frozen_and_thawed(string list)
    {
        GuestAgent.Require();
        await using var bench = await Bench.CreateAsync();
        using var guard = bench.Guard();
        await using var ga = await GuestAgent.StartAsync();
        var paths = list.Split(' ').Select(name => bench.Paths[name]).ToList();

        var theirs = await ga.FreezeAsync(paths);
        var frozenByThem = bench.Frozen();
        Assert.Equal("frozen", await ga.StatusAsync());
        Assert.Equal(theirs, await ga.ThawAsync());
        Assert.Empty(bench.Frozen());

        await using var run = AgentRun.Start(["freeze", "--json", "--for", "8s", .. paths]);
        var ours = AgentRun.Json(await run.LineAsync("{\"phase\":\"Frozen\"")).GetProperty("frozenFilesystems").GetInt32();
        Assert.Equal(frozenByThem, bench.Frozen());
        Assert.Equal(theirs, ours);
        run.Signal(LibC.SIGTERM);
        var end = await run.EndAsync();
        Assert.True(end.Code == 0, end.All);
        Assert.Equal(theirs, AgentRun.Json(end.Lines[^1]).GetProperty("thawedFilesystems").GetInt32());
        Assert.Empty(bench.Frozen());
        TestContext.Current.TestOutputHelper?.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{list}: {theirs} and {ours}"));
    }

    [Fact]
    public async Task What_qemu_ga_froze_we_thaw_and_count_as_it_does()
    {
        GuestAgent.Require();
        await using var bench = await Bench.CreateAsync();
        await using var host = await FakeHost.CreateAsync();
        using var guard = bench.Guard();
        await using var ga = await GuestAgent.StartAsync();
        foreach (var paths in (IReadOnlyList<string>[])[[.. bench.Paths.Values], [bench.Paths["xfs"]]])
        {
            var frozen = await ga.FreezeAsync(paths);
            var end = await AgentRun.ToEndAsync("thaw", "--json", "--all", "--host-root", FakeHost.Root);
            Assert.True(end.Code == 0, end.All);
            Assert.Equal(frozen, AgentRun.Json(end.Lines[0]).GetProperty("thawedFilesystems").GetInt32());
            Assert.Empty(bench.Frozen());
            Assert.Equal("frozen", await ga.StatusAsync()); // its own flag, which nobody told
            Assert.Equal(0, await ga.ThawAsync());
            Assert.Equal("thawed", await ga.StatusAsync());
        }
    }

    [Fact]
    public async Task What_we_froze_qemu_ga_thaws_and_our_verdict_says_so()
    {
        GuestAgent.Require();
        await using var bench = await Bench.CreateAsync();
        using var guard = bench.Guard();
        await using var ga = await GuestAgent.StartAsync();
        await using var run = AgentRun.Start(["freeze", "--json", "--for", "8s", .. bench.Paths.Values]);
        var frozen = AgentRun.Json(await run.LineAsync("{\"phase\":\"Frozen\"")).GetProperty("frozenFilesystems").GetInt32();
        Assert.Equal("thawed", await ga.StatusAsync());
        Assert.Equal(frozen, await ga.ThawAsync());
        Assert.Empty(bench.Frozen());
        run.Signal(LibC.SIGTERM);
        var end = await run.EndAsync();
        Assert.True(end.Code == 5, end.All);
        Assert.Equal("ThawedByOther", AgentRun.Json(end.Lines[^1]).GetProperty("reason").GetString());
    }

    [Fact]
    public async Task A_foreign_freeze_qemu_ga_passes_over_and_thaws_later_and_we_refuse_and_leave()
    {
        GuestAgent.Require();
        await using var bench = await Bench.CreateAsync();
        using var guard = bench.Guard();
        await using var ga = await GuestAgent.StartAsync();
        Assert.True(FreezeProbe.Freeze(bench.Paths["ext4"]));
        Assert.Equal(1, await ga.FreezeAsync(bench.Paths["ext4"], bench.Paths["xfs"])); // the one it froze itself
        Assert.Equal(2, await ga.ThawAsync()); // and both are thawed

        Assert.True(FreezeProbe.Freeze(bench.Paths["ext4"]));
        var end = await AgentRun.ToEndAsync("freeze", "--for", "8s", bench.Paths["ext4"], bench.Paths["xfs"]);
        Assert.True(end.Code == 4, end.All);
        Assert.StartsWith("FAILED   AlreadyFrozen: ", end.Lines[0], StringComparison.Ordinal);
        Assert.Equal(["ext4"], bench.Frozen());
        Assert.True(FreezeProbe.Thaw(bench.Paths["ext4"]));
    }

    [Theory]
    [InlineData("/missing", "PathNotFound")]
    [InlineData("/mount/file", "NotADirectory")]
    public async Task A_path_that_is_no_mount_qemu_ga_freezes_nothing_for_and_we_name(string below, string reason)
    {
        GuestAgent.Require();
        await using var bench = await Bench.CreateAsync();
        using var guard = bench.Guard();
        await using var ga = await GuestAgent.StartAsync();
        var path = Path.GetDirectoryName(bench.Paths["ext4"]) + below;
        if (below.EndsWith("file", StringComparison.Ordinal)) await File.WriteAllTextAsync(path, "", TestContext.Current.CancellationToken);
        Assert.Equal(0, await ga.FreezeAsync(path)); // success
        Assert.Equal("thawed", await ga.StatusAsync());
        Assert.Equal(1, await ga.FreezeAsync(path, bench.Paths["xfs"])); // success, without it
        Assert.Equal(1, await ga.ThawAsync());

        var end = await AgentRun.ToEndAsync("freeze", "--for", "8s", path, bench.Paths["xfs"]);
        Assert.True(end.Code == 4, end.All);
        Assert.StartsWith($"FAILED   {reason}: {path}: ", end.Lines[0], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/lost+found")]
    [InlineData("/")]
    public async Task A_path_inside_a_mount_qemu_ga_freezes_nothing_for_and_we_take_for_its_mount(string below)
    {
        GuestAgent.Require();
        await using var bench = await Bench.CreateAsync();
        using var guard = bench.Guard();
        await using var ga = await GuestAgent.StartAsync();
        var path = bench.Paths["ext4"] + below; // also its mount point with a slash behind it
        Assert.Equal(0, await ga.FreezeAsync(path));
        Assert.Empty(bench.Frozen());

        await using var run = AgentRun.Start("freeze", "--for", "8s", path);
        await run.FrozenAsync();
        Assert.Contains("ext4", bench.Frozen());
        run.Signal(LibC.SIGTERM);
        Assert.Equal(0, (await run.EndAsync()).Code);
    }

    [Fact]
    public async Task With_nothing_that_can_freeze_qemu_ga_answers_0_and_we_answer_with_an_error()
    {
        GuestAgent.Require();
        await using var bench = await Bench.CreateAsync();
        await using var ga = await GuestAgent.StartAsync();
        Assert.Equal(0, await ga.FreezeAsync(bench.Paths["tmpfs"]));
        Assert.Equal("thawed", await ga.StatusAsync());
        var end = await AgentRun.ToEndAsync("freeze", "--for", "8s", bench.Paths["tmpfs"]);
        Assert.True(end.Code == 4, end.All);
        Assert.StartsWith("FAILED   NothingToFreeze: ", end.Lines[0], StringComparison.Ordinal);
    }

    [Fact]
    public async Task While_something_is_frozen_qemu_ga_takes_no_second_freeze_and_we_do()
    {
        GuestAgent.Require();
        await using var bench = await Bench.CreateAsync();
        using var guard = bench.Guard();
        await using var ga = await GuestAgent.StartAsync();
        Assert.Equal(1, await ga.FreezeAsync(bench.Paths["ext4"]));
        var answer = await ga.AskAsync("guest-fsfreeze-freeze-list", $$"""{"mountpoints":["{{bench.Paths["xfs"]}}"]}""");
        Assert.Contains("disabled", answer.GetProperty("error").GetProperty("desc").GetString(), StringComparison.Ordinal);
        await using var run = AgentRun.Start("freeze", "--for", "8s", bench.Paths["xfs"]);
        await run.FrozenAsync();
        run.Signal(LibC.SIGTERM);
        Assert.Equal(0, (await run.EndAsync()).Code);
        Assert.Equal(1, await ga.ThawAsync());
    }

    [Fact]
    public async Task A_filesystem_frozen_by_qemu_ga_can_be_unmounted_and_stays_frozen_and_ours_cannot()
    {
        GuestAgent.Require();
        await using var filesystem = await RealFilesystem.CreateAsync(FilesystemKind.Ext4, TestContext.Current.CancellationToken);
        using var guard = filesystem.Guard();
        await using (var ga = await GuestAgent.StartAsync(alone: false)) // so that it has no mount of its own; its thaw is not asked for
        {
            Assert.Equal(1, await ga.FreezeAsync(filesystem.MountPoint));
            await filesystem.UnmountAsync(filesystem.MountPoint);
            await filesystem.MountAgainAsync();
            Assert.True(FreezeProbe.IsFrozen(filesystem.MountPoint));
        }
        Assert.True(FreezeProbe.Thaw(filesystem.MountPoint)); // and also after its death: nobody else would have

        await using var run = AgentRun.Start("freeze", "--for", "8s", filesystem.MountPoint);
        await run.FrozenAsync();
        Assert.NotEqual(0, (await Command.TryAsync("umount", filesystem.MountPoint)).Code);
        run.Signal(LibC.SIGTERM);
        Assert.Equal(0, (await run.EndAsync()).Code);
    }

    [Fact]
    public async Task A_lower_filesystem_mounted_again_later_hangs_qemu_ga_and_not_us()
    {
        GuestAgent.Require();
        await using var lower = await RealFilesystem.CreateAsync(FilesystemKind.Ext4, TestContext.Current.CancellationToken);
        var upper = await lower.StackedAsync(FilesystemKind.Ext4, TestContext.Current.CancellationToken);
        var again = await lower.BindAsync(); // the last mount, and so the first that is frozen
        using var guard = lower.Guard();
        await using var ga = await GuestAgent.StartAsync();
        await using var writer = await Writer.StartAsync(upper.MountPoint);
        var answer = ga.FreezeAsync(upper.MountPoint, again);
        await Poll.UntilAsync(() => ProcessTable.State(ga.Id) == 'D', "qemu-ga hangs in the freeze of the upper one");
        Assert.False(answer.IsCompleted);
        await Poll.UntilAsync(() => FreezeProbe.Thaw(lower.MountPoint), "somebody thaws the lower one");
        Assert.Equal(2, await answer); // and both count
        Assert.Equal(1, await ga.ThawAsync()); // though one of them was not held
        await writer.GoesOnAsync();

        await using var run = AgentRun.Start("freeze", "--for", "8s", again, upper.MountPoint);
        Assert.Equal("FROZEN   2 filesystems, for at most 8s", await run.FrozenAsync());
        run.Signal(LibC.SIGTERM);
        var end = await run.EndAsync();
        Assert.True(end.Code == 0, end.All);
        await writer.GoesOnAsync();
    }

    /// <summary>One mount of each sort.</summary>
    private sealed class Bench : IAsyncDisposable
    {
        private readonly ThreeKinds kinds;
        private readonly RealFilesystem readOnly;
        private readonly ExtraMount tmpfs;

        private Bench(ThreeKinds kinds, RealFilesystem readOnly, ExtraMount tmpfs, string bind, string subvolume)
        {
            this.kinds = kinds;
            this.readOnly = readOnly;
            this.tmpfs = tmpfs;
            Paths = new Dictionary<string, string>
            {
                ["ext4"] = kinds.All[0].MountPoint,
                ["xfs"] = kinds.All[1].MountPoint,
                ["btrfs"] = kinds.All[2].MountPoint,
                ["bind"] = bind,
                ["subvolume"] = subvolume,
                ["read-only"] = readOnly.MountPoint,
                ["tmpfs"] = tmpfs.MountPoint,
            };
        }

        internal IReadOnlyDictionary<string, string> Paths { get; }

        internal static async Task<Bench> CreateAsync()
        {
            var kinds = await ThreeKinds.CreateAsync();
            var readOnly = await RealFilesystem.CreateAsync(FilesystemKind.Ext4, TestContext.Current.CancellationToken);
            await readOnly.RemountAsync(readOnly: true);
            return new Bench(kinds, readOnly, await ExtraMount.TmpfsAsync("tmpfs"), await kinds.All[0].BindAsync(), await kinds.All[2].SubvolumeAsync("subvolume"));
        }

        internal Guard Guard() => RealFilesystems.Guard.Start(TimeSpan.FromSeconds(20), Paths.Where(p => p.Key != "tmpfs").Select(p => p.Value));

        /// <summary>The names of those that are frozen, asked of the kernel.</summary>
        internal IReadOnlyList<string> Frozen() => [.. Paths.Keys.Where(name => name is not ("tmpfs" or "bind" or "subvolume") && FreezeProbe.IsFrozen(Paths[name]))];

        public async ValueTask DisposeAsync()
        {
            await tmpfs.DisposeAsync();
            await readOnly.DisposeAsync();
            await kinds.DisposeAsync();
        }
    }
}
