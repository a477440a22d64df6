using Quiesce.Agent.Tests.Running;
using Quiesce.RealFilesystems;
using Tmds.Linux;

namespace Quiesce.Agent.Tests;

/// <summary>An agent whose holder is missing or broken says so and freezes nothing.</summary>
public sealed class InstallationTests
{
    [Theory]
    [InlineData("missing", "cannot be started: ENOENT (no such file or directory); it must lie beside quiesce-agent and be executable")]
    [InlineData("not executable", "cannot be started: EACCES (permission denied); it must lie beside quiesce-agent and be executable")]
    [InlineData("garbage", "cannot be started: ")]
    [InlineData("empty", "cannot be started: ")]
    [InlineData("a folder", "cannot be started: EACCES")]
    public async Task A_holder_that_cannot_be_started_is_named_with_the_reason(string fault, string said)
    {
        Programs.Require();
        await using var filesystem = await RealFilesystem.CreateAsync(FilesystemKind.Ext4, TestContext.Current.CancellationToken);
        using var guard = filesystem.Guard();
        var folder = Programs.CopyTo($"installation {fault}");
        var holder = $"{folder}/quiesce-holder";
        switch (fault)
        {
            case "missing":
                File.Delete(holder);
                break;
            case "not executable":
                _ = await Command.RunAsync("chmod", "0600", holder);
                break;
            case "a folder":
                File.Delete(holder);
                Directory.CreateDirectory(holder);
                break;
            default:
                await File.WriteAllTextAsync(holder, fault == "empty" ? "" : "no program\n", TestContext.Current.CancellationToken);
                break;
        }
        foreach (var (command, word) in ((string, string)[])[("freeze", "FAILED"), ("inspect", "REFUSED"), ("thaw", "FAILED")])
        {
            await using var run = AgentRun.StartFrom(folder, command, filesystem.MountPoint);
            var end = await run.EndAsync();
            Assert.True(end.Code == 4, end.All);
            Assert.StartsWith($"{word,-8} HolderNotStarted: {holder} {said}", end.Lines[^1], StringComparison.Ordinal);
        }
        Assert.False(FreezeProbe.IsFrozen(filesystem.MountPoint));
    }

    [Theory]
    [InlineData("/bin/true")]
    [InlineData("/bin/false")]
    [InlineData("/bin/cat")]
    public async Task A_program_that_is_no_holder_is_noticed(string program)
    {
        Programs.Require();
        await using var filesystem = await RealFilesystem.CreateAsync(FilesystemKind.Ext4, TestContext.Current.CancellationToken);
        using var guard = filesystem.Guard();
        var folder = Programs.CopyTo($"no holder {Path.GetFileName(program)}");
        File.Copy(program, $"{folder}/quiesce-holder", overwrite: true);
        await using var run = AgentRun.StartFrom(folder, "freeze", "--for", "8s", "--freeze-timeout", "500ms", filesystem.MountPoint);
        var end = await run.EndAsync();
        Assert.True(end.Code == 4, end.All);
        Assert.Matches("^FAILED   (HolderNotStarted: .* ended before it took its order|HolderDied: )", end.Lines[0]); // whether it took it is a race
        Assert.False(FreezeProbe.IsFrozen(filesystem.MountPoint));
    }

    [Fact]
    public async Task A_holder_that_never_answers_is_given_up_after_the_freeze_timeout()
    {
        Programs.Require();
        await using var filesystem = await RealFilesystem.CreateAsync(FilesystemKind.Ext4, TestContext.Current.CancellationToken);
        await using var host = await FakeHost.CreateAsync();
        using var guard = filesystem.Guard();
        await using var run = AgentRun.Start(
            "freeze", "--for", "3s", "--freeze-timeout", "500ms", "--host-root", FakeHost.Root, FakeHost.HostPath(filesystem.MountPoint));
        var holder = await run.FirstHolderAsync();
        _ = LibC.kill(holder, LibC.SIGSTOP); // before it has frozen, or just after: both must end
        var end = await run.EndAsync();
        Assert.True(end.Code is 4 or 5, end.All);
        Assert.Contains("did not answer in time and was killed", end.Text, StringComparison.Ordinal);
        Assert.False(FreezeProbe.IsFrozen(filesystem.MountPoint));
        Assert.False(ProcessTable.Lives(holder));
    }

    [Fact]
    public async Task With_the_holders_program_gone_the_agent_itself_thaws_what_a_killed_one_held()
    {
        Programs.Require();
        await using var filesystems = await ThreeKinds.CreateAsync();
        await using var host = await FakeHost.CreateAsync();
        using var guard = filesystems.Guard();
        var folder = Programs.CopyTo("program gone");
        await using var run = AgentRun.StartFrom(
            folder, ["freeze", "--for", "15s", "--host-root", FakeHost.Root, .. filesystems.MountPoints.Select(FakeHost.HostPath)]);
        await run.FrozenAsync();
        var holder = await run.HolderAsync();
        File.Delete($"{folder}/quiesce-holder");
        _ = LibC.kill(holder, LibC.SIGKILL);
        var end = await run.EndAsync(TimeSpan.FromSeconds(4));
        Assert.True(end.Code == 5, end.All);
        Assert.Contains(end.Lines, l => l.StartsWith("BROKEN   HolderDied: ", StringComparison.Ordinal));
        Assert.All(filesystems.MountPoints, path => Assert.False(FreezeProbe.IsFrozen(path)));
        Assert.Empty(host.JournalFiles);
    }

    [Fact]
    public async Task A_recovery_that_cannot_be_started_says_so_and_leaves_the_journal()
    {
        Programs.Require();
        await using var filesystem = await RealFilesystem.CreateAsync(FilesystemKind.Ext4, TestContext.Current.CancellationToken);
        await using var host = await FakeHost.CreateAsync();
        _ = await Command.RunAsync("mkdir", "-m", "0700", host.JournalFolder);
        await File.WriteAllTextAsync($"{host.JournalFolder}/left.journal", "", TestContext.Current.CancellationToken);
        var folder = Programs.CopyTo("no recovery");
        File.Delete($"{folder}/quiesce-holder");
        await using var run = AgentRun.StartFrom(folder, "thaw", "--all", "--host-root", FakeHost.Root);
        var end = await run.EndAsync();
        Assert.True(end.Code == 4, end.All);
        Assert.StartsWith($"FAILED   HolderNotStarted: {folder}/quiesce-holder cannot be started: ", end.Lines[0], StringComparison.Ordinal);
        Assert.EndsWith("; what earlier windows may have left frozen was not looked at", end.Lines[0], StringComparison.Ordinal);
        Assert.Single(host.JournalFiles);
    }
}
