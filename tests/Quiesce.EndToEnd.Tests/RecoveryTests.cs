using System.Globalization;
using Quiesce.Crds;
using Quiesce.EndToEnd.Tests.Running;
using Quiesce.RealFilesystems;
using Tmds.Linux;

namespace Quiesce.EndToEnd.Tests;

/// <summary>Agent and holder die together and leave something frozen, and then what is to thaw it fails as well.</summary>
public sealed class RecoveryTests(Installation installation)
{
    [Fact]
    public async Task A_recovery_that_cannot_start_is_tried_again_until_it_can_and_nothing_is_said_of_the_window_before()
    {
        await installation.RequireAsync();
        await using var ext4 = await RealFilesystem.CreateAsync(FilesystemKind.Ext4);
        using var guard = ext4.Guard(TimeSpan.FromSeconds(90));
        await using var writer = await StandingWriter.StartAsync(ext4);
        await using var space = await NodeSpace.CreateAsync([ext4.MountPoint]);
        await using var node = await installation.NodeAsync(new ProgramStart { Wrapper = space.Enter });
        var request = await Request.OfAsync(installation, 60, Request.HostPath(node.Name, ext4.MountPoint));
        await request.PhaseAsync(FreezePhase.Frozen);
        await writer.StandsStillAsync();
        await KillAllAsync(node);

        // The same agent, without a holder beside it.
        var copy = Directory.CreateDirectory(installation.NewFile("bin")).FullName;
        File.Copy(Path.Combine(Installation.Programs, "quiesce-agent"), Path.Combine(copy, "quiesce-agent"));
        await using var agent = installation.RunAgent(node.Name, new ProgramStart { Wrapper = [.. space.Enter, "sh", "-c", "cd /; shift; exec \"$0\" \"$@\"", Path.Combine(copy, "quiesce-agent")] });
        await Eventually.TrueAsync(() => agent.Said.Split("cannot be started").Length > 2, () => $"two tries\n{agent.Said}");
        Assert.True(writer.StandsStill, agent.Said);
        Assert.DoesNotContain("serving node", agent.Said, StringComparison.Ordinal);
        Assert.Equal(NodeFreezePhase.Frozen, (await request.NodeFreezeAsync(node.Name))!.Status!.Phase);

        File.Copy(Path.Combine(Installation.Programs, "quiesce-holder"), Path.Combine(copy, "quiesce-holder"));
        await writer.GoesOnAsync(TimeSpan.FromSeconds(20));
        await agent.SaysAsync("serving node");
        await request.EndsAsAsync(FreezePhase.Broken, Reasons.AgentRestarted);
        await request.GoesAwayAsync();
    }

    [Fact]
    public async Task A_journal_of_another_version_ends_nothing_and_is_tried_again_until_it_can_be_read()
    {
        await installation.RequireAsync();
        await using var ext4 = await RealFilesystem.CreateAsync(FilesystemKind.Ext4);
        using var guard = ext4.Guard(TimeSpan.FromSeconds(90));
        await using var writer = await StandingWriter.StartAsync(ext4);
        await using var space = await NodeSpace.CreateAsync([ext4.MountPoint]);
        await using var node = await installation.NodeAsync(new ProgramStart { Wrapper = space.Enter });
        var request = await Request.OfAsync(installation, 60, Request.HostPath(node.Name, ext4.MountPoint));
        await request.PhaseAsync(FreezePhase.Frozen);
        await writer.StandsStillAsync();
        await KillAllAsync(node);

        var journal = Assert.Single(Directory.GetFiles($"{space.Root}/run/quiesce", "*.journal"));
        await WriteAsync('9');
        await node.StartAgentAsync();
        await Eventually.TrueAsync(() => node.AgentSaid.Contains("it is of another format, or damaged", StringComparison.Ordinal), () => $"what is wrong\n{node.AgentSaid}");
        var status = await Eventually.GetAsync(async () => (await request.NodeFreezeAsync(node.Name))?.Status is { Phase: NodeFreezePhase.Thawing } s ? s : null, () => $"a window that is not over\n{node.AgentSaid}");
        Assert.Equal((Reasons.ThawFailed, 1), (status.Reason, status.Filesystems.Count));
        Assert.True(writer.StandsStill, node.AgentSaid);
        Assert.True(File.Exists(journal));

        await WriteAsync('2');
        await writer.GoesOnAsync(TimeSpan.FromSeconds(60));
        await request.EndsAsAsync(FreezePhase.Broken, Reasons.AgentRestarted);
        await request.GoesAwayAsync();
        Assert.False(File.Exists(journal));

        // The last byte of the magic. Not through a FileStream: it wants a lock of its own, which that of a dying holder is in the way of.
        async Task WriteAsync(char version) => _ = await Command.RunAsync("sh", "-c", $"printf {version} | dd of={journal} bs=1 seek=7 conv=notrunc 2>/dev/null");
    }

    [Fact]
    public async Task Where_the_process_that_waits_for_a_stuck_freeze_dies_too_another_takes_over()
    {
        await installation.RequireAsync();
        await using var stuck = await StuckFilesystem.CreateAsync();
        using var guard = Guard.Start(TimeSpan.FromSeconds(90), [.. stuck.MountPoints]);
        await using var space = await NodeSpace.CreateAsync(stuck.MountPoints);
        await using var node = await installation.NodeAsync(new ProgramStart { Wrapper = space.Enter });
        var request = await Request.CreateAsync(
            installation, new FreezeRequestSpec { DeadlineSeconds = 60, FreezeTimeoutSeconds = 60, Targets = [Request.HostPath(node.Name, stuck.Upper.MountPoint)] });
        await Eventually.TrueAsync(() => Holders(node.Agent).Exists(IsFreezing), () => $"a call that does not return\n{node.AgentSaid}");
        await KillAllAsync(node);
        await node.StartAgentAsync();
        // Its look whether a holder can start is one of a moment.
        await Task.Delay(TimeSpan.FromSeconds(1));
        await Eventually.TrueAsync(() => Holders(node.Agent).Count == 1, () => $"one that waits\n{node.AgentSaid}");
        var waits = Holders(node.Agent)[0];
        _ = LibC.kill(waits, LibC.SIGKILL);
        await Eventually.TrueAsync(() => Holders(node.Agent).Exists(h => h != waits), () => $"another one\n{node.AgentSaid}");
        await Task.Delay(500); // until it waits for the call as well
        await stuck.ReleaseAsync();
        await Eventually.TrueAsync(() => !FreezeProbe.IsFrozen(stuck.Upper.MountPoint), () => $"{stuck.Upper.MountPoint} thawed\n{node.AgentSaid}");
        await Eventually.GetAsync(async () => (await request.NodeFreezeAsync(node.Name))?.Report is null or { Phase: > NodeFreezePhase.Thawed } ? "ended" : null, () => $"an end\n{node.AgentSaid}");
        await request.GoesAwayAsync();
    }

    /// <summary>As the OOM killer does that takes all of a pod: the holder has no moment to thaw what its agent's death leaves to it.</summary>
    private static async Task KillAllAsync(Node node)
    {
        await Eventually.TrueAsync(() => Holders(node.Agent).Count > 0, "a holder");
        var holders = Holders(node.Agent);
        foreach (var holder in holders) _ = LibC.kill(holder, LibC.SIGSTOP);
        await node.KillAgentAsync();
        foreach (var holder in holders) _ = LibC.kill(holder, LibC.SIGKILL);
    }

    /// <summary>Its children: those of each of its threads.</summary>
    private static List<int> Holders(ProgramRun agent)
    {
        return [.. Directory.EnumerateDirectories($"/proc/{agent.Id}/task").SelectMany(Children).Select(p => int.Parse(p, CultureInfo.InvariantCulture)).Distinct()];

        static string[] Children(string thread)
        {
            try
            {
                return File.ReadAllText($"{thread}/children").Split(' ', StringSplitOptions.RemoveEmptyEntries);
            }
            catch (IOException)
            {
                return []; // it has just ended
            }
        }
    }

    /// <summary>Whether a thread of a process is in FIFREEZE, by its number.</summary>
    private static bool IsFreezing(int process)
    {
        try
        {
            return Directory.EnumerateDirectories($"/proc/{process}/task").Any(t => File.ReadAllText($"{t}/syscall").Contains(" 0xc0045877 ", StringComparison.Ordinal));
        }
        catch (IOException)
        {
            return false; // it has just ended
        }
    }
}
