using System.Text.Json.Nodes;
using Quiesce.Crds;
using Quiesce.EndToEnd.Tests.Running;
using Quiesce.RealFilesystems;

namespace Quiesce.EndToEnd.Tests;

/// <summary>The wall clock of a node is stepped by hours in the window: nothing of the window goes by it.</summary>
public sealed class ClockTests(Installation installation)
{
    [Theory]
    [InlineData(5)]
    [InlineData(-5)]
    public async Task A_node_whose_clock_is_stepped_by_hours_in_the_window_thaws_at_the_deadline_and_not_before(int hours)
    {
        await installation.RequireAsync();
        using var clock = new WallClock();
        await using var ext4 = await RealFilesystem.CreateAsync(FilesystemKind.Ext4);
        using var guard = ext4.Guard(TimeSpan.FromSeconds(60));
        await using var writer = await StandingWriter.StartAsync(ext4);
        await using var node = await installation.NodeAsync(new ProgramStart { Environment = clock.Environment });
        var request = await Request.OfAsync(installation, 5, Request.HostPath(node.Name, ext4.MountPoint));
        await request.PhaseAsync(FreezePhase.Frozen);
        clock.Set(TimeSpan.FromHours(hours));
        await request.EndsAsAsync(FreezePhase.Expired, Reasons.DeadlineExceeded);
        await writer.FrozenOnceAsync(longestSeconds: 5 + 1, shortestSeconds: 4.5);
        await request.GoesAwayAsync();
    }

    [Theory]
    [InlineData(5)]
    [InlineData(-5)]
    public async Task A_raise_and_a_thaw_are_obeyed_by_a_node_whose_clock_is_stepped_by_hours(int hours)
    {
        await installation.RequireAsync();
        using var clock = new WallClock();
        await using var ext4 = await RealFilesystem.CreateAsync(FilesystemKind.Ext4);
        using var guard = ext4.Guard(TimeSpan.FromSeconds(60));
        await using var writer = await StandingWriter.StartAsync(ext4);
        await using var node = await installation.NodeAsync(new ProgramStart { Environment = clock.Environment });
        var request = await Request.OfAsync(installation, 4, Request.HostPath(node.Name, ext4.MountPoint));
        var frozen = await request.PhaseAsync(FreezePhase.Frozen);
        clock.Set(TimeSpan.FromHours(hours));
        await request.PatchSpecAsync(new JsonObject { ["deadlineSeconds"] = 30 });
        await Eventually.GetAsync(async () => (await request.GetAsync())!.Status is { } s && s.DeadlineAt > frozen.DeadlineAt ? s : null, () => "a later deadlineAt");
        await Eventually.TrueAsync(() => writer.Stalls is [{ End: null, Begin: var begin }] && BootTime.Now - begin > TimeSpan.FromSeconds(5.5), "held beyond the first deadline");
        await request.ThawAsync();
        await request.EndsAsAsync(FreezePhase.Thawed, Reasons.ThawRequested);
        await writer.FrozenOnceAsync(longestSeconds: 20, shortestSeconds: 5.5);
        await request.GoesAwayAsync();
    }

    [Theory]
    [InlineData(5)]
    [InlineData(-5)]
    public async Task A_node_whose_clock_is_wrong_by_hours_from_the_start_freezes_and_thaws_as_any_other(int hours)
    {
        await installation.RequireAsync();
        using var clock = new WallClock();
        clock.Set(TimeSpan.FromHours(hours));
        await using var ext4 = await RealFilesystem.CreateAsync(FilesystemKind.Ext4);
        using var guard = ext4.Guard(TimeSpan.FromSeconds(60));
        await using var writer = await StandingWriter.StartAsync(ext4);
        await using var node = await installation.NodeAsync(new ProgramStart { Environment = clock.Environment });
        var request = await Request.OfAsync(installation, 20, Request.HostPath(node.Name, ext4.MountPoint));
        await request.PhaseAsync(FreezePhase.Frozen);
        await writer.StandsStillAsync();
        await request.ThawAsync();
        await request.EndsAsAsync(FreezePhase.Thawed, Reasons.ThawRequested);
        await writer.FrozenOnceAsync(longestSeconds: 20);
        await request.GoesAwayAsync();
    }
}
