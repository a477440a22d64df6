using System.Globalization;
using Quiesce.Crds;
using Quiesce.EndToEnd.Tests.Running;
using Quiesce.RealFilesystems;

namespace Quiesce.EndToEnd.Tests;

/// <summary>A FIFREEZE that does not return, as users see it, and what a node says of its holders and costs while it is idle.</summary>
public sealed class StuckTests(Installation installation)
{
    [Fact]
    public async Task A_stuck_freeze_fails_the_request_at_once_is_shown_until_it_is_released_and_holds_up_nothing()
    {
        await installation.RequireAsync();
        await using var stuck = await StuckFilesystem.CreateAsync();
        await using var other = await RealFilesystem.CreateAsync(FilesystemKind.Xfs);
        using var guard = Guard.Start(TimeSpan.FromSeconds(50), [.. stuck.MountPoints, other.MountPoint]);
        var (one, two) = (await installation.AddNodeAsync(), await installation.AddNodeAsync());
        var request = await Request.OfAsync(installation, 30, Request.HostPath(one, stuck.Upper.MountPoint), Request.HostPath(two, other.MountPoint));
        var failed = await request.PhaseAsync(FreezePhase.Failed, TimeSpan.FromSeconds(20));
        Assert.Equal(Reasons.FreezeStuck, failed.Reason);
        Assert.Contains(stuck.Upper.MountPoint, failed.Message, StringComparison.Ordinal);
        Assert.False(FreezeProbe.IsFrozen(other.MountPoint));
        Assert.Equal(ConditionStatus.True, Request.Condition(failed, ConditionTypes.FilesystemStuck).Status);
        Assert.Equal(FilesystemState.Stuck, failed.Nodes.Single(n => n.Name == one).Filesystems.Single().State);

        var again = await Request.OfAsync(installation, 5, Request.HostPath(one, stuck.Lower.MountPoint));
        Assert.Equal(Reasons.FreezeStuck, (await again.PhaseAsync(FreezePhase.Failed)).Reason);

        await stuck.ReleaseAsync();
        await Eventually.GetAsync(
            async () => (await request.GetAsync())?.Status is { Phase: FreezePhase.Failed } s && Request.Condition(s, ConditionTypes.FilesystemStuck) is { Status: ConditionStatus.False, Reason: Reasons.Released }
                ? "released" : null,
            () => $"the status says that it was released\n{installation.OperatorSaid}");
        Assert.False(FreezeProbe.IsFrozen(stuck.Upper.MountPoint));
        await request.SweptAsync();
    }

    [Fact]
    public async Task A_node_says_that_its_holders_are_protected_and_its_agent_is_small_while_it_is_idle()
    {
        await installation.RequireAsync();
        await using var ext4 = await RealFilesystem.CreateAsync(FilesystemKind.Ext4);
        using var guard = ext4.Guard(TimeSpan.FromSeconds(40));
        var node = await installation.AddNodeAsync();
        var request = await Request.OfAsync(installation, 20, Request.HostPath(node, ext4.MountPoint));
        var frozen = await request.PhaseAsync(FreezePhase.Frozen);
        Assert.Equal(ConditionStatus.True, Request.Condition(frozen, ConditionTypes.HolderProtected).Status);
        await request.ThawAsync();
        await request.PhaseAsync(FreezePhase.Thawed);

        var resident = File.ReadLines($"/proc/{installation.Agent(node).Id}/status").First(l => l.StartsWith("VmRSS:", StringComparison.Ordinal)).Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)[1];
        var kilobytes = int.Parse(resident, CultureInfo.InvariantCulture);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"[figure] resident memory of an idle agent: {kilobytes / 1024.0:0.0} MB"));
        Assert.InRange(kilobytes, 1, 50 * 1024);
    }
}
