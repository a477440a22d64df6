using System.Globalization;
using Quiesce.Crds;
using Quiesce.EndToEnd.Tests.Running;
using Quiesce.RealFilesystems;

namespace Quiesce.EndToEnd.Tests;

/// <summary>An agent that serves a node, and has much to say, is not held up by an output that takes nothing.</summary>
public sealed class OutputTests(Installation installation)
{
    public static TheoryData<string> Outputs => ["closed", "full", "slow", "a full device"];

    [Theory]
    [MemberData(nameof(Outputs))]
    public async Task The_deadline_is_kept_and_reported_whatever_becomes_of_the_output(string output)
    {
        await installation.RequireAsync();
        using var pipe = new Pipe();
        await using var ext4 = await RealFilesystem.CreateAsync(FilesystemKind.Ext4);
        using var guard = ext4.Guard(TimeSpan.FromSeconds(90));
        await using var writer = await StandingWriter.StartAsync(ext4);
        await using var node = await installation.NodeAsync(new ProgramStart { Redirection = Redirection(output, pipe) });
        await ChatterAsync(node.Name);
        var request = await Request.OfAsync(installation, 4, Request.HostPath(node.Name, ext4.MountPoint));
        await request.PhaseAsync(FreezePhase.Frozen);
        await ChatterAsync(node.Name);
        await request.EndsAsAsync(FreezePhase.Expired, Reasons.DeadlineExceeded);
        await writer.FrozenOnceAsync(longestSeconds: 4 + 1, shortestSeconds: 3);
        await request.GoesAwayAsync();
    }

    [Theory]
    [MemberData(nameof(Outputs))]
    public async Task A_thaw_is_obeyed_at_once_whatever_becomes_of_the_output(string output)
    {
        await installation.RequireAsync();
        using var pipe = new Pipe();
        await using var ext4 = await RealFilesystem.CreateAsync(FilesystemKind.Ext4);
        using var guard = ext4.Guard(TimeSpan.FromSeconds(90));
        await using var writer = await StandingWriter.StartAsync(ext4);
        await using var node = await installation.NodeAsync(new ProgramStart { Redirection = Redirection(output, pipe) });
        await ChatterAsync(node.Name);
        var request = await Request.OfAsync(installation, 60, Request.HostPath(node.Name, ext4.MountPoint));
        await request.PhaseAsync(FreezePhase.Frozen);
        await writer.StandsStillAsync();
        await request.ThawAsync();
        await writer.GoesOnAsync(TimeSpan.FromSeconds(3));
        await request.EndsAsAsync(FreezePhase.Thawed, Reasons.ThawRequested);
        await request.GoesAwayAsync();
    }

    [Fact]
    public async Task What_an_agent_said_into_a_full_pipe_comes_out_when_somebody_reads_it()
    {
        await installation.RequireAsync();
        using var pipe = new Pipe();
        await using var ext4 = await RealFilesystem.CreateAsync(FilesystemKind.Ext4);
        using var guard = ext4.Guard(TimeSpan.FromSeconds(90));
        await using var node = await installation.NodeAsync(new ProgramStart { Redirection = Redirection("full", pipe) });
        var request = await Request.OfAsync(installation, 20, Request.HostPath(node.Name, ext4.MountPoint));
        await request.PhaseAsync(FreezePhase.Frozen);
        await request.ThawAsync();
        await request.EndsAsAsync(FreezePhase.Thawed, Reasons.ThawRequested);
        Assert.Empty(pipe.Said);
        pipe.Read(64 * 1024, TimeSpan.FromMilliseconds(10));
        await Eventually.TrueAsync(() => pipe.Said.Contains("Thawed", StringComparison.Ordinal), $"the whole story in the pipe");
        Assert.Contains("serving node", pipe.Said, StringComparison.Ordinal);
        Assert.Contains("Frozen", pipe.Said, StringComparison.Ordinal);
    }

    private static string Redirection(string output, Pipe pipe)
    {
        if (output == "slow") pipe.Read(16, TimeSpan.FromMilliseconds(250));
        return output switch
        {
            "closed" => ">&- 2>&-",
            "a full device" => ">/dev/full 2>&1",
            _ => $">{pipe.Path} 2>&1",
        };
    }

    /// <summary>Plans that the agent answers at once, and whose 64 long paths it logs: more than a pipe holds.</summary>
    private async Task ChatterAsync(string node)
    {
        for (var i = 0; i < 4; i++)
        {
            var uid = Guid.NewGuid().ToString();
            await installation.NodeFreezes.CreateAsync(
                new NodeFreeze
                {
                    Metadata = new() { Name = $"chatter-{uid}", NamespaceProperty = InternalNames.DefaultNamespace, Labels = new Dictionary<string, string> { [QuiesceApi.RequestUidLabel] = uid } },
                    Spec = new()
                    {
                        NodeName = node,
                        Request = new() { Namespace = "nowhere", Name = "chatter", Uid = uid },
                        Mode = NodeFreezeMode.Inspect,
                        Paths = [.. Enumerable.Range(0, 64).Select(n => $"/{string.Join('/', Enumerable.Repeat(n.ToString(CultureInfo.InvariantCulture), 330))}")],
                        FreezeTimeoutSeconds = 10,
                    },
                },
                CancellationToken.None);
        }
    }
}
