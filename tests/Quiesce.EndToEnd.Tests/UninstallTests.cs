using Quiesce.Crds;
using Quiesce.EndToEnd.Tests.Running;
using Quiesce.RealFilesystems;

namespace Quiesce.EndToEnd.Tests;

/// <summary>What Quiesce itself needs is taken away while a window is open: definitions, namespaces, programs. Everything goes that was asked to, thawed, and works again when it is back.</summary>
public sealed class UninstallTests(SpareInstallations spares) : OwnInstallation(spares)
{
    private static readonly string[] Definitions =
        ["freezerequests.quiesce.dev", "thawrequests.quiesce.dev", "freezewindows.quiesce.dev", "nodefreezes.quiesce.dev"];

    [Fact]
    public async Task Definitions_deleted_in_the_window_thaw_it_and_go_and_agents_and_operator_serve_again_when_they_are_back()
    {
        await Installation.RequireAsync();
        await using var ext4 = await RealFilesystem.CreateAsync(FilesystemKind.Ext4);
        using var guard = ext4.Guard(TimeSpan.FromSeconds(120));
        await using var writer = await StandingWriter.StartAsync(ext4);
        await using var node = await Installation.NodeAsync();
        var request = await Request.OfAsync(Installation, 30, Request.HostPath(node.Name, ext4.MountPoint));
        await request.PhaseAsync(FreezePhase.Frozen);
        await writer.StandsStillAsync();
        await DeleteDefinitionsAsync();
        await writer.GoesOnAsync(TimeSpan.FromSeconds(5));
        await writer.FrozenOnceAsync(longestSeconds: 30);
        await Installation.Server.InstallCrdsAsync();
        Assert.False(Installation.Operator.HasExited, Installation.OperatorSaid);
        Assert.False(node.Agent.HasExited, node.Agent.Said);
        await ServesAsync(node, ext4);
    }

    [Fact]
    public async Task The_namespace_of_a_request_deleted_in_its_window_is_thawed_and_goes()
    {
        await Installation.RequireAsync();
        await using var ext4 = await RealFilesystem.CreateAsync(FilesystemKind.Ext4);
        using var guard = ext4.Guard(TimeSpan.FromSeconds(90));
        await using var writer = await StandingWriter.StartAsync(ext4);
        await using var node = await Installation.NodeAsync();
        var request = await Request.OfAsync(Installation, 30, Request.HostPath(node.Name, ext4.MountPoint));
        await request.PhaseAsync(FreezePhase.Frozen);
        await writer.StandsStillAsync();
        await DeleteNamespaceAsync(request.Namespace);
        await request.SweptAsync();
        await writer.FrozenOnceAsync(longestSeconds: 20);
    }

    [Fact]
    public async Task The_namespace_of_the_internal_objects_deleted_in_a_window_means_thaw_and_works_again_when_it_is_back()
    {
        await Installation.RequireAsync();
        await using var ext4 = await RealFilesystem.CreateAsync(FilesystemKind.Ext4);
        using var guard = ext4.Guard(TimeSpan.FromSeconds(90));
        await using var writer = await StandingWriter.StartAsync(ext4);
        await using var node = await Installation.NodeAsync();
        var request = await Request.OfAsync(Installation, 30, Request.HostPath(node.Name, ext4.MountPoint));
        await request.PhaseAsync(FreezePhase.Frozen);
        await writer.StandsStillAsync();
        await DeleteNamespaceAsync(InternalNames.DefaultNamespace);
        await request.EndsAsAsync(FreezePhase.Broken, Reasons.CommandGone);
        await writer.FrozenOnceAsync(longestSeconds: 20);
        await request.DeleteAsync();
        await request.GoneAsync();
        await Installation.CreateInternalNamespaceAsync();
        await ServesAsync(node, ext4);
    }

    [Fact]
    public async Task A_request_made_while_the_namespace_of_the_internal_objects_is_gone_fails_and_says_so()
    {
        await Installation.RequireAsync();
        await using var ext4 = await RealFilesystem.CreateAsync(FilesystemKind.Ext4);
        using var guard = ext4.Guard(TimeSpan.FromSeconds(60));
        await using var node = await Installation.NodeAsync();
        await DeleteNamespaceAsync(InternalNames.DefaultNamespace);
        var request = await Request.CreateAsync(
            Installation, new FreezeRequestSpec { DeadlineSeconds = 30, FreezeTimeoutSeconds = 3, Targets = [Request.HostPath(node.Name, ext4.MountPoint)] });
        var failed = await request.EndAsync();
        Assert.Equal(FreezePhase.Failed, failed.Phase);
        await request.DeleteAsync();
        await request.GoneAsync();
        await Installation.CreateInternalNamespaceAsync();
        await ServesAsync(node, ext4);
    }

    public static TheoryData<string> Orders =>
        ["agent operator definitions", "agent definitions operator", "definitions agent operator", "operator definitions agent", "operator agent definitions", "definitions operator agent"];

    [Theory]
    [MemberData(nameof(Orders))]
    public async Task Everything_uninstalled_in_the_window_is_thawed_and_leaves_nothing_that_cannot_be_deleted(string order)
    {
        await Installation.RequireAsync();
        await using var ext4 = await RealFilesystem.CreateAsync(FilesystemKind.Ext4);
        using var guard = ext4.Guard(TimeSpan.FromSeconds(120));
        await using var writer = await StandingWriter.StartAsync(ext4);
        await using var node = await Installation.NodeAsync();
        var request = await Request.OfAsync(Installation, 30, Request.HostPath(node.Name, ext4.MountPoint));
        await request.PhaseAsync(FreezePhase.Frozen);
        await writer.StandsStillAsync();
        var operatorLives = true;
        foreach (var part in order.Split(' '))
        {
            switch (part)
            {
                case "agent":
                    await node.StopAgentAsync();
                    break;
                case "operator":
                    await Installation.KillOperatorAsync();
                    operatorLives = false;
                    break;
                default:
                    // The finalizer of a request that has not ended is the operator's to take off; without it, it is the administrator's.
                    if (!operatorLives) await RunAsync(UninstallPage.CommandThatReleasesRequests());
                    await DeleteDefinitionsAsync();
                    break;
            }
        }
        await writer.GoesOnAsync(TimeSpan.FromSeconds(5));
        await writer.FrozenOnceAsync(longestSeconds: 30 + 1);
        await Installation.Server.InstallCrdsAsync();
        Assert.Null(await request.GetAsync());
    }

    /// <summary>Puts back what a test that failed half-way had taken away.</summary>
    public override async ValueTask DisposeAsync()
    {
        try
        {
            if (RealKernel.Missing is not null || Installation is null) return;
            await Installation.Server.InstallCrdsAsync();
            await Installation.CreateInternalNamespaceAsync();
        }
        catch
        {
            Spoil();
            throw;
        }
        finally
        {
            await base.DisposeAsync();
        }
    }

    private async Task DeleteDefinitionsAsync()
    {
        var (code, said) = await Installation.TryKubectlAsync(["delete", "crd", "--timeout=40s", .. Definitions]);
        Assert.True(code == 0, $"{said}\n{Installation.OperatorSaid}");
    }

    private async Task DeleteNamespaceAsync(string name)
    {
        using var enough = new CancellationTokenSource(TimeSpan.FromSeconds(40));
        await Installation.Server.DeleteNamespaceAsync(name, enough.Token);
    }

    /// <summary>A new request on the node works; the pauses between tries that failed last ten seconds at most.</summary>
    private async Task ServesAsync(Node node, RealFilesystem filesystem)
    {
        var next = await Request.CreateAsync(Installation, new FreezeRequestSpec { DryRun = true, FreezeTimeoutSeconds = 60, Targets = [Request.HostPath(node.Name, filesystem.MountPoint)] });
        await next.PhaseAsync(FreezePhase.Thawed, TimeSpan.FromSeconds(60));
        await next.GoesAwayAsync();
        var frozen = await Request.OfAsync(Installation, 30, Request.HostPath(node.Name, filesystem.MountPoint));
        await frozen.PhaseAsync(FreezePhase.Frozen);
        await frozen.ThawAsync();
        await frozen.EndsAsAsync(FreezePhase.Thawed, Reasons.ThawRequested);
        await frozen.GoesAwayAsync();
    }

    private async Task RunAsync(string script)
    {
        var said = await Command.RunAsync("sh", "-ec", $"export KUBECONFIG={Installation.Kubeconfig}\n{script}");
        Assert.DoesNotContain("error", said, StringComparison.OrdinalIgnoreCase);
    }
}
