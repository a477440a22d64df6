using Quiesce.Agent.Tests.Running;
using Quiesce.RealFilesystems;
using Tmds.Linux;

namespace Quiesce.Agent.Tests;

/// <summary>With <c>--host-root</c> paths are the host's, in what is asked and in what is told, and none leads out of it.</summary>
public sealed class HostRootTests
{
    [Fact]
    public async Task Paths_given_and_shown_are_the_hosts()
    {
        Programs.Require();
        await using var filesystems = await ThreeKinds.CreateAsync();
        await using var host = await FakeHost.CreateAsync();
        using var guard = filesystems.Guard();
        var paths = filesystems.MountPoints.Select(FakeHost.HostPath).ToList();
        await using var run = AgentRun.Start(["freeze", "--for", "8s", "--host-root", FakeHost.Root, .. paths]);
        Assert.Equal("FROZEN   3 filesystems, for at most 8s", await run.FrozenAsync());
        foreach (var path in paths) await run.LineAsync($"  {path} ");
        Assert.All(filesystems.MountPoints, path => Assert.True(FreezeProbe.IsFrozen(path)));
        Assert.Single(host.JournalFiles); // on the host's tmpfs, where the next agent looks
        run.Signal(LibC.SIGTERM);
        var end = await run.EndAsync();
        Assert.True(end.Code == 0, end.All);
        Assert.DoesNotContain(FakeHost.Root, end.Text, StringComparison.Ordinal);
        Assert.Empty(host.JournalFiles);
    }

    [Theory]
    [InlineData("/")]
    [InlineData("/.")]
    [InlineData("//")]
    public async Task It_does_not_matter_how_the_host_root_is_written(string after)
    {
        Programs.Require();
        await using var filesystem = await RealFilesystem.CreateAsync(FilesystemKind.Ext4, TestContext.Current.CancellationToken);
        await using var host = await FakeHost.CreateAsync();
        var path = FakeHost.HostPath(filesystem.MountPoint);
        var end = await AgentRun.ToEndAsync("inspect", "--host-root", FakeHost.Root + after, $"{path}/");
        Assert.True(end.Code == 0, end.All);
        Assert.StartsWith($"  {path}  ext4", Assert.Single(end.Lines), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_host_root_that_is_a_link_is_the_folder_it_leads_to()
    {
        Programs.Require();
        await using var filesystem = await RealFilesystem.CreateAsync(FilesystemKind.Ext4, TestContext.Current.CancellationToken);
        await using var host = await FakeHost.CreateAsync();
        var path = FakeHost.HostPath(filesystem.MountPoint);
        var link = FakeHost.Root + "-link";
        File.CreateSymbolicLink(link, FakeHost.Root);
        try
        {
            foreach (var paths in (string[][])[[path], ["--all"]])
            {
                var end = await AgentRun.ToEndAsync(["inspect", "--host-root", link, .. paths]);
                Assert.True(end.Code == 0, end.All);
                Assert.Contains(end.Lines, l => l.StartsWith($"  {path}  ext4", StringComparison.Ordinal) && l.EndsWith("would be frozen", StringComparison.Ordinal));
            }
        }
        finally
        {
            File.Delete(link);
        }
    }

    [Fact]
    public async Task Links_resolve_inside_the_host_root_and_never_out_of_it()
    {
        Programs.Require();
        await using var filesystem = await RealFilesystem.CreateAsync(FilesystemKind.Xfs, TestContext.Current.CancellationToken);
        await using var host = await FakeHost.CreateAsync();
        using var guard = filesystem.Guard();
        var path = FakeHost.HostPath(filesystem.MountPoint);
        var links = new Dictionary<string, string>
        {
            ["absolute"] = path, // the host's own absolute path
            ["relative"] = path[1..],
            ["climbing"] = $"../../../../../..{path}", // stays in: above the root is the root
        };
        foreach (var (name, target) in links) File.CreateSymbolicLink($"{filesystem.MountPoint}/{name}", target);
        File.CreateSymbolicLink($"{filesystem.MountPoint}/outside", "/proc");
        File.CreateSymbolicLink($"{filesystem.MountPoint}/real", filesystem.MountPoint); // a path of this machine, not of the host

        foreach (var name in (string[])["absolute", "climbing"])
        {
            await using var run = AgentRun.Start("freeze", "--for", "8s", "--host-root", FakeHost.Root, $"{path}/{name}");
            await run.LineAsync($"  {path}  xfs");
            await run.FrozenAsync();
            Assert.True(FreezeProbe.IsFrozen(filesystem.MountPoint));
            run.Signal(LibC.SIGTERM);
            Assert.Equal(0, (await run.EndAsync()).Code);
        }
        foreach (var name in (string[])["outside", "real", "relative"])
        {
            var end = await AgentRun.ToEndAsync("freeze", "--for", "1s", "--host-root", FakeHost.Root, $"{path}/{name}");
            Assert.True(end.Code == 4, end.All);
            Assert.StartsWith($"FAILED   PathNotFound: {path}/{name}: does not exist", end.Lines[0], StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task All_filesystems_are_those_below_the_host_root()
    {
        Programs.Require();
        await using var filesystems = await ThreeKinds.CreateAsync();
        await using var host = await FakeHost.CreateAsync();
        var again = await filesystems.All[0].BindAsync();
        var end = await AgentRun.ToEndAsync("inspect", "--all", "--host-root", FakeHost.Root);
        Assert.True(end.Code == 0, end.All);
        // Each once, by its first name; the tmpfs on /run is not even listed, and this machine's root is outside.
        Assert.Equal(
            filesystems.MountPoints.Select(FakeHost.HostPath).Order(StringComparer.Ordinal),
            end.Lines.Select(l => l.Split(' ', StringSplitOptions.RemoveEmptyEntries)[0]).Order(StringComparer.Ordinal));
        Assert.All(end.Lines, l => Assert.EndsWith("would be frozen", l, StringComparison.Ordinal));
        Assert.DoesNotContain(FakeHost.HostPath(again), end.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_host_root_that_cannot_be_opened_is_named()
    {
        Programs.Require();
        foreach (var (root, reason) in ((string, string)[])[("/nowhere/at/all", "PathNotFound"), ("/etc/passwd", "NotADirectory")])
        {
            var end = await AgentRun.ToEndAsync("freeze", "--for", "1s", "--host-root", root, "/srv");
            Assert.True(end.Code == 4, end.All);
            Assert.StartsWith($"FAILED   {reason}: the host root {root} cannot be opened: ", end.Lines[0], StringComparison.Ordinal);
            Assert.Contains("check --host-root", end.Lines[0], StringComparison.Ordinal);
        }
    }
}
