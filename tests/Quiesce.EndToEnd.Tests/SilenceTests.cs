using Quiesce.Crds;
using Quiesce.EndToEnd.Tests.Running;
using Quiesce.RealFilesystems;

namespace Quiesce.EndToEnd.Tests;

/// <summary>An agent's connections have died and nobody told it, while new ones would work: what a middle box that forgets them does.</summary>
public sealed class SilenceTests(Installation installation)
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task An_agent_whose_watch_has_silently_died_thaws_at_its_deadline_and_the_request_ends(bool deleted)
    {
        await installation.RequireAsync();
        await using var ext4 = await RealFilesystem.CreateAsync(FilesystemKind.Ext4);
        using var guard = ext4.Guard(TimeSpan.FromSeconds(90));
        await using var writer = await StandingWriter.StartAsync(ext4);
        await using var node = await installation.NodeAsync(ownWay: true);
        var request = await Request.OfAsync(installation, 6, Request.HostPath(node.Name, ext4.MountPoint));
        await request.PhaseAsync(FreezePhase.Frozen);
        node.Way.Strand();
        if (deleted)
        {
            await request.DeleteAsync();
            await request.GoneAsync(TimeSpan.FromSeconds(6 + 5 + 4));
            await request.SweptAsync();
        }
        else
        {
            await request.ThawAsync();
            // Whether its report comes through before it counts as lost depends on when it notices; that it ends does not.
            var end = await request.EndAsync(TimeSpan.FromSeconds(6 + 5 + 4));
            Assert.Contains(end.Reason, (string?[])[Reasons.NodeLost, Reasons.DeadlineExceeded, Reasons.ThawRequested]);
            await request.GoesAwayAsync();
        }
        await writer.FrozenOnceAsync(longestSeconds: 6 + 1);
    }

    [Fact]
    public async Task A_thaw_reaches_an_agent_whose_watch_has_silently_died_long_before_a_long_deadline()
    {
        await installation.RequireAsync();
        await using var ext4 = await RealFilesystem.CreateAsync(FilesystemKind.Ext4);
        using var guard = ext4.Guard(TimeSpan.FromSeconds(150));
        await using var writer = await StandingWriter.StartAsync(ext4);
        await using var node = await installation.NodeAsync(ownWay: true);
        var request = await Request.OfAsync(installation, 120, Request.HostPath(node.Name, ext4.MountPoint));
        await request.PhaseAsync(FreezePhase.Frozen);
        node.Way.Strand();
        await request.ThawAsync();
        // HTTP/2 asks by ping whether the peer lives; over plain HTTP/1.1 it takes the end of the watch, 30 s and 5 s later.
        await request.EndsAsAsync(FreezePhase.Thawed, Reasons.ThawRequested, TimeSpan.FromSeconds(75));
        await writer.FrozenOnceAsync(longestSeconds: 60);
        await request.GoesAwayAsync();
    }
}
