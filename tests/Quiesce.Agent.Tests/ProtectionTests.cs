using System.Globalization;
using Quiesce.Agent.Tests.Running;
using Quiesce.Freezing;
using Quiesce.RealFilesystems;
using Tmds.Linux;

namespace Quiesce.Agent.Tests;

/// <summary>The holder leaves its container: whatever is done to that, killed as a whole, paused, emptied, the filesystems are thawed in time.</summary>
public sealed class ProtectionTests
{
    private static readonly TimeSpan Promised = TimeSpan.FromSeconds(1);

    [Fact]
    public async Task The_holder_leaves_every_cgroup_of_its_container_while_the_agent_stays()
    {
        Programs.Require();
        ContainerCgroup.Require();
        await using var filesystem = await RealFilesystem.CreateAsync(FilesystemKind.Ext4, TestContext.Current.CancellationToken);
        using var guard = filesystem.Guard();
        await using var container = ContainerCgroup.Create();
        await using var run = AgentRun.StartInShell(container.EnterAnd(), "freeze", "--for", "15s", "--json", filesystem.MountPoint);
        await run.LineAsync("{\"phase\":\"Frozen\"");
        Assert.Equal([run.Id], container.Processes());
        Assert.All(await File.ReadAllLinesAsync($"/proc/{await run.HolderAsync()}/cgroup", TestContext.Current.CancellationToken),
            line => Assert.EndsWith(":/", line, StringComparison.Ordinal));
        run.Signal(LibC.SIGTERM);
        Assert.Equal(0, (await run.EndAsync()).Code);
    }

    [Fact]
    public async Task A_container_that_is_killed_as_a_whole_leaves_nothing_frozen()
    {
        Programs.Require();
        ContainerCgroup.Require();
        await using var filesystems = await ThreeKinds.CreateAsync();
        var worst = TimeSpan.Zero;
        for (var round = 0; round < 10; round++)
        {
            using var guard = filesystems.Guard();
            await using var container = ContainerCgroup.Create();
            await using var run = AgentRun.StartInShell(container.EnterAnd(), ["freeze", "--for", "15s", .. filesystems.MountPoints]);
            await run.FrozenAsync();
            var holder = await run.HolderAsync();
            await using var writers = await StandingWriters.StartAsync(filesystems.MountPoints);
            container.Kill();
            var took = await writers.GoOnAsync();
            worst = took > worst ? took : worst;
            await Poll.UntilAsync(() => !ProcessTable.Lives(holder), "the holder exits");
            Assert.All(filesystems.MountPoints, path => Assert.False(FreezeProbe.IsFrozen(path)));
            Assert.Empty(Journals.Unlocked(Programs.JournalFolders));
        }
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"[figure] cgroup.kill of the agent's container to the last writer going on, worst of 10: {worst.TotalMilliseconds:0.0} ms"));
        Assert.True(worst < Promised, $"thawed only after {worst}");
    }

    [Fact]
    public async Task A_container_that_is_paused_as_a_whole_does_not_hold_up_the_deadline()
    {
        Programs.Require();
        ContainerCgroup.Require();
        await using var filesystem = await RealFilesystem.CreateAsync(FilesystemKind.Xfs, TestContext.Current.CancellationToken);
        using var guard = filesystem.Guard();
        await using var container = ContainerCgroup.Create();
        await using var run = AgentRun.StartInShell(container.EnterAnd(), "freeze", "--for", "1500ms", filesystem.MountPoint);
        await run.FrozenAsync();
        await container.PauseAsync();
        try
        {
            await Poll.UntilAsync(() => !FreezeProbe.IsFrozen(filesystem.MountPoint), "thawed", TimeSpan.FromMilliseconds(1500) + Promised);
        }
        finally
        {
            container.Resume();
        }
        Assert.Equal(3, (await run.EndAsync(TimeSpan.FromSeconds(3))).Code); // awake again, it tells what its holder had told it
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_cgroup_namespace_of_its_own_does_not_keep_the_holder_in_the_container(bool delegated)
    {
        Programs.Require();
        ContainerCgroup.Require();
        await using var filesystem = await RealFilesystem.CreateAsync(FilesystemKind.Ext4, TestContext.Current.CancellationToken);
        using var guard = filesystem.Guard();
        await using var option = delegated ? await Delegation.SetAsync() : null;
        await using var container = ContainerCgroup.Create();
        await using var run = AgentRun.StartInShell(container.EnterAnd("exec unshare --cgroup -- \"$@\""), "freeze", "--for", "15s", filesystem.MountPoint);
        await run.FrozenAsync();
        Assert.DoesNotContain(await run.HolderAsync(), container.Processes());
        container.Kill();
        await Poll.UntilAsync(() => !FreezeProbe.IsFrozen(filesystem.MountPoint), "thawed", Promised);
    }

    [Theory]
    [InlineData("exec unshare --pid --fork --kill-child=TERM --mount-proc -- \"$@\"", "PID namespace that ends with its container", "hostPID: true")]
    [InlineData("exec unshare --mount -- sh -c 'umount --recursive /sys/fs/cgroup && exec \"$@\"' sh \"$@\"", "mounted nowhere the agent can see", "privileged")]
    public async Task A_holder_that_cannot_leave_freezes_nothing_unless_that_is_allowed(string container, string why, string next)
    {
        Programs.Require();
        ContainerCgroup.Require();
        await using var filesystem = await RealFilesystem.CreateAsync(FilesystemKind.Ext4, TestContext.Current.CancellationToken);
        using var guard = filesystem.Guard();
        await using var cgroup = ContainerCgroup.Create();
        await using (var refused = AgentRun.StartInShell(cgroup.EnterAnd(container), "freeze", "--for", "1s", filesystem.MountPoint))
        {
            var end = await refused.EndAsync();
            Assert.True(end.Code == 4, end.All);
            Assert.StartsWith($"FAILED   {FreezeReason.HolderUnprotected}: ", end.Lines[0], StringComparison.Ordinal);
            foreach (var said in (string[])[why, next, "--allow-unprotected-holder"]) Assert.Contains(said, end.Lines[0], StringComparison.Ordinal);
        }
        await using var allowed = AgentRun.StartInShell(cgroup.EnterAnd(container), "freeze", "--for", "500ms", "--allow-unprotected-holder", filesystem.MountPoint);
        var done = await allowed.EndAsync();
        Assert.True(done.Code == 3, done.All);
        Assert.StartsWith("FROZEN ", done.Lines[0], StringComparison.Ordinal);
    }
}
