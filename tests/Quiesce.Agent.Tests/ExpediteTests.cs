using System.Globalization;
using Quiesce.Agent.Tests.Running;
using Quiesce.Freezing.Kernel;
using Quiesce.RealFilesystems;
using Tmds.Linux;

namespace Quiesce.Agent.Tests;

/// <summary>The kernel's grace periods are expedited for a freeze and no longer, whatever dies meanwhile, and what an administrator set stays.</summary>
public sealed class ExpediteTests : IDisposable
{
    private const string Setting = "/sys/kernel/rcu_expedited";

    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(2);

    private readonly string before = File.Exists(Setting) ? File.ReadAllText(Setting).Trim() : "0";

    public ExpediteTests() => Set("0");

    public void Dispose()
    {
        Set(before);
        Assert.DoesNotContain(Programs.JournalFolders, folder => File.Exists($"{folder}/rcu_expedited")); // nor is the file left that says what it was
    }

    [Fact]
    public async Task It_is_raised_while_a_freeze_is_under_way_and_put_back_when_that_is_given_up()
    {
        Programs.Require();
        await using var stuck = await StuckFilesystem.CreateAsync();
        using var guard = Guard.Start(TimeSpan.FromSeconds(30), stuck.MountPoints);
        await using var run = AgentRun.Start("freeze", "--expedite-rcu", "always", "--for", "20s", "--freeze-timeout", "3s", stuck.Upper.MountPoint);
        await Poll.UntilAsync(() => Is("1"), "it is raised");
        await run.LineAsync("THAWING ");
        await Poll.UntilAsync(() => Is("0"), "it is put back, though the call has not returned", Soon);
        await stuck.ReleaseAsync();
        Assert.Equal(4, (await run.EndAsync()).Code);
        Assert.True(Is("0"));
    }

    [Fact]
    public async Task It_is_put_back_as_soon_as_all_is_frozen()
    {
        Programs.Require();
        await using var filesystem = await RealFilesystem.CreateAsync(FilesystemKind.Ext4, TestContext.Current.CancellationToken);
        using var guard = Guard.Start(TimeSpan.FromSeconds(30), [filesystem.MountPoint]);
        await using var run = AgentRun.Start("freeze", "--expedite-rcu", "always", "--for", "10s", filesystem.MountPoint);
        await run.FrozenAsync();
        Assert.True(FreezeProbe.IsFrozen(filesystem.MountPoint));
        Assert.True(Is("0"));
        run.Signal(LibC.SIGTERM);
        Assert.Equal(0, (await run.EndAsync()).Code);
        Assert.True(Is("0"));
    }

    [Theory]
    [InlineData("never", "0")]
    [InlineData("always", "1")] // set by the administrator, for good
    public async Task What_is_not_raised_is_not_put_back(string mode, string set)
    {
        Programs.Require();
        await using var stuck = await StuckFilesystem.CreateAsync();
        using var guard = Guard.Start(TimeSpan.FromSeconds(30), stuck.MountPoints);
        Set(set);
        await using var run = AgentRun.Start("freeze", "--expedite-rcu", mode, "--for", "20s", "--freeze-timeout", "2s", stuck.Upper.MountPoint);
        var holder = await run.HolderAsync();
        await Poll.UntilAsync(() => Journals.Held(Programs.JournalFolders, holder) is (0, 1), "the freeze is under way");
        Assert.True(Is(set));
        await run.LineAsync("THAWING ");
        await stuck.ReleaseAsync();
        Assert.Equal(4, (await run.EndAsync()).Code);
        Assert.True(Is(set));
    }

    [Fact]
    public async Task Of_two_freezes_at_a_time_the_last_one_puts_it_back()
    {
        Programs.Require();
        await using var stuck = await StuckFilesystem.CreateAsync();
        await using var other = await RealFilesystem.CreateAsync(FilesystemKind.Xfs, TestContext.Current.CancellationToken);
        using var guard = Guard.Start(TimeSpan.FromSeconds(30), [.. stuck.MountPoints, other.MountPoint]);
        await using var run = AgentRun.Start("freeze", "--expedite-rcu", "always", "--for", "20s", "--freeze-timeout", "8s", stuck.Upper.MountPoint);
        await Poll.UntilAsync(() => Is("1"), "it is raised");
        Assert.Equal(3, (await AgentRun.ToEndAsync("freeze", "--expedite-rcu", "always", "--for", "500ms", other.MountPoint)).Code);
        Assert.True(Is("1")); // the first one's freeze is still under way
        await stuck.ReleaseAsync();
        await run.FrozenAsync();
        Assert.True(Is("0"));
        run.Signal(LibC.SIGTERM);
        Assert.Equal(0, (await run.EndAsync()).Code);
    }

    [Fact]
    public async Task After_the_holder_was_killed_in_a_freeze_its_agent_puts_it_back()
    {
        Programs.Require();
        await using var stuck = await StuckFilesystem.CreateAsync();
        using var guard = Guard.Start(TimeSpan.FromSeconds(30), stuck.MountPoints);
        await using var run = AgentRun.Start("freeze", "--expedite-rcu", "always", "--for", "20s", "--freeze-timeout", "15s", stuck.Upper.MountPoint);
        var holder = await run.HolderAsync();
        await Poll.UntilAsync(() => Is("1"), "it is raised");
        _ = LibC.kill(holder, LibC.SIGKILL);
        await stuck.ReleaseAsync(); // till its call returns the killed one has its files open
        Assert.Equal(4, (await run.EndAsync()).Code);
        await Poll.UntilAsync(() => Is("0"), "it is put back", Soon);
    }

    [Fact]
    public async Task After_agent_and_holder_were_killed_in_a_freeze_the_next_start_puts_it_back()
    {
        Programs.Require();
        await using var stuck = await StuckFilesystem.CreateAsync();
        await using var other = await RealFilesystem.CreateAsync(FilesystemKind.Ext4, TestContext.Current.CancellationToken);
        using var guard = Guard.Start(TimeSpan.FromSeconds(30), [.. stuck.MountPoints, other.MountPoint]);
        await using var run = AgentRun.Start("freeze", "--expedite-rcu", "always", "--for", "20s", "--freeze-timeout", "15s", stuck.Upper.MountPoint);
        var holder = await run.HolderAsync();
        await Poll.UntilAsync(() => Is("1"), "it is raised");
        _ = LibC.kill(holder, LibC.SIGSTOP);
        run.Signal(LibC.SIGSTOP);
        await Poll.UntilAsync(() => ProcessTable.State(holder) == 'T' && ProcessTable.State(run.Id) == 'T', "both are stopped");
        _ = LibC.kill(holder, LibC.SIGKILL);
        run.Signal(LibC.SIGKILL);
        await Poll.UntilAsync(() => !ProcessTable.Lives(run.Id), "the agent is gone");
        Assert.True(Is("1"));
        await using var next = AgentRun.Start("freeze", "--expedite-rcu", "never", "--for", "1s", other.MountPoint);
        await next.LineAsync("RECOVERED ");
        await stuck.ReleaseAsync();
        await Poll.UntilAsync(() => Is("0"), "it is put back", Soon);
        Assert.Equal(3, (await next.EndAsync()).Code);
    }

    [Theory]
    [InlineData(null, null, null)]
    [InlineData("kernel/realtime", "1", "real-time")]
    [InlineData("kernel/realtime", "0", null)]
    [InlineData("devices/system/cpu/isolated", "2-3", "isolated")]
    [InlineData("devices/system/cpu/isolated", "", null)]
    [InlineData("devices/system/cpu/nohz_full", "1", "nohz_full")]
    [InlineData("devices/system/cpu/nohz_full", "(null)", null)] // as the kernel prints none at all
    [InlineData("kernel/rcu_normal", "1", "rcu_normal")]
    [InlineData("kernel/rcu_expedited", null, "cannot be written")]
    public void Auto_leaves_machines_alone_that_it_would_disturb(string? file, string? content, string? why)
    {
        var sys = Directory.CreateTempSubdirectory("quiesce-sys-").FullName;
        try
        {
            Directory.CreateDirectory($"{sys}/kernel");
            Directory.CreateDirectory($"{sys}/devices/system/cpu");
            File.WriteAllText($"{sys}/kernel/rcu_expedited", "0\n");
            if (content is not null) File.WriteAllText($"{sys}/{file}", content + "\n");
            else if (file is not null) File.Delete($"{sys}/{file}");
            var said = ExpeditedGracePeriods.WhyNot(ExpediteRcu.Auto, "/no/such/root", sys);
            if (why is null) Assert.Null(said);
            else Assert.Contains(why, said, StringComparison.Ordinal);
            if (content is not null) Assert.Null(ExpeditedGracePeriods.WhyNot(ExpediteRcu.Always, "/no/such/root", sys));
            Assert.NotNull(ExpeditedGracePeriods.WhyNot(ExpediteRcu.Never, "/no/such/root", sys));
        }
        finally
        {
            Directory.Delete(sys, recursive: true);
        }
    }

    [Fact]
    public void Where_the_container_has_it_read_only_that_of_the_host_is_used()
    {
        var (sys, root) = (Directory.CreateTempSubdirectory("quiesce-sys-").FullName, Directory.CreateTempSubdirectory("quiesce-root-").FullName);
        try
        {
            Assert.Contains("cannot be written", ExpediteLack(), StringComparison.Ordinal);
            Directory.CreateDirectory($"{root}/sys/kernel");
            File.WriteAllText($"{root}/sys/kernel/rcu_expedited", "0\n");
            Assert.Null(ExpediteLack());
        }
        finally
        {
            Directory.Delete(sys, recursive: true);
            Directory.Delete(root, recursive: true);
        }

        string? ExpediteLack() => ExpeditedGracePeriods.WhyNot(ExpediteRcu.Always, root, sys);
    }

    [Fact]
    public async Task It_is_raised_and_put_back_where_only_the_hosts_can_be_written()
    {
        Programs.Require();
        await using var stuck = await StuckFilesystem.CreateAsync();
        using var guard = Guard.Start(TimeSpan.FromSeconds(30), stuck.MountPoints);
        // As some container runtimes have it in a privileged container.
        var root = Directory.CreateTempSubdirectory("quiesce-root-").FullName;
        try
        {
            await using var run = AgentRun.StartInShell(
                $"exec unshare --mount sh -c 'mount --rbind / {root} && mount -o remount,bind,ro /sys && exec \"$@\"' sh \"$@\"",
                "freeze", "--host-root", root, "--expedite-rcu", "always", "--for", "20s", "--freeze-timeout", "3s", stuck.Upper.MountPoint);
            await Poll.UntilAsync(() => Is("1"), "it is raised");
            await run.LineAsync("THAWING ");
            await Poll.UntilAsync(() => Is("0"), "it is put back, though the call has not returned", Soon);
            await stuck.ReleaseAsync();
            Assert.Equal(4, (await run.EndAsync()).Code);
        }
        finally
        {
            Directory.Delete(root); // empty here: what was mounted on it was so for the agent alone
        }
    }

    private static bool Is(string value) => File.ReadAllText(Setting).Trim() == value;

    private static void Set(string value)
    {
        if (RealKernel.Missing is null) File.WriteAllText(Setting, string.Create(CultureInfo.InvariantCulture, $"{value}\n"));
    }
}
