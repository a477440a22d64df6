using Quiesce.ApiServers;
using Quiesce.Crds;
using Quiesce.EndToEnd.Tests.Running;
using Quiesce.RealFilesystems;

namespace Quiesce.EndToEnd.Tests;

/// <summary>The API server does not take the agent's token any more, or does not let it do anything: the node thaws by itself, and reports as soon as it may.</summary>
public sealed class CredentialTests(Installation installation)
{
    [Fact]
    public async Task An_agent_whose_token_has_expired_thaws_at_its_deadline_and_reports_with_the_next_token()
    {
        await installation.RequireAsync();
        await using var ext4 = await RealFilesystem.CreateAsync(FilesystemKind.Ext4);
        using var guard = ext4.Guard(TimeSpan.FromSeconds(90));
        await using var writer = await StandingWriter.StartAsync(ext4);
        var (account, tokenFile, start) = await AccountAsync();
        await using var node = await installation.NodeAsync(start);
        // A real server goes on for ten seconds to take a token that it took.
        var deadline = installation.Server.Authorizes ? (int)AgentAccount.LongestRemembered.TotalSeconds + 4 : 4;
        var request = await Request.OfAsync(installation, deadline, Request.HostPath(node.Name, ext4.MountPoint));
        await request.PhaseAsync(FreezePhase.Frozen);
        await account.RevokeAsync();
        await writer.StandsStillAsync();
        await writer.GoesOnAsync();
        await node.Agent.SaysAsync("Unauthorized");
        await account.RenewAsync(tokenFile);
        await request.EndsAsAsync(FreezePhase.Expired, Reasons.DeadlineExceeded);
        await writer.FrozenOnceAsync(longestSeconds: deadline + 1, shortestSeconds: deadline - 1);
        await request.GoesAwayAsync();
    }

    [Fact]
    public async Task An_agent_whose_token_was_revoked_for_good_thaws_at_its_deadline_and_the_request_ends_as_NodeLost()
    {
        await installation.RequireAsync();
        await using var ext4 = await RealFilesystem.CreateAsync(FilesystemKind.Ext4);
        using var guard = ext4.Guard(TimeSpan.FromSeconds(90));
        await using var writer = await StandingWriter.StartAsync(ext4);
        var (account, _, start) = await AccountAsync();
        await using var node = await installation.NodeAsync(start);
        var deadline = installation.Server.Authorizes ? (int)AgentAccount.LongestRemembered.TotalSeconds + 4 : 4;
        var request = await Request.OfAsync(installation, deadline, Request.HostPath(node.Name, ext4.MountPoint));
        await request.PhaseAsync(FreezePhase.Frozen);
        await account.RevokeAsync();
        await request.EndsAsAsync(FreezePhase.Failed, Reasons.NodeLost);
        await writer.FrozenOnceAsync(longestSeconds: deadline + 1, shortestSeconds: deadline - 1);
        await request.GoesAwayAsync();
    }

    [Fact]
    public async Task An_agent_that_is_forbidden_everything_thaws_at_its_deadline_and_reports_when_it_may_again()
    {
        await installation.RequireAsync();
        await using var ext4 = await RealFilesystem.CreateAsync(FilesystemKind.Ext4);
        using var guard = ext4.Guard(TimeSpan.FromSeconds(60));
        await using var writer = await StandingWriter.StartAsync(ext4);
        var (account, _, start) = await AccountAsync();
        await using var node = await installation.NodeAsync(start);
        var request = await Request.OfAsync(installation, 5, Request.HostPath(node.Name, ext4.MountPoint));
        await request.PhaseAsync(FreezePhase.Frozen);
        await account.ForbidAsync();
        await writer.StandsStillAsync();
        await writer.GoesOnAsync();
        await node.Agent.SaysAsync("forbidden");
        await account.AllowAsync();
        await request.EndsAsAsync(FreezePhase.Expired, Reasons.DeadlineExceeded);
        await writer.FrozenOnceAsync(longestSeconds: 5 + 1, shortestSeconds: 4);
        await request.GoesAwayAsync();
    }

    [Fact]
    public async Task A_thaw_still_reaches_an_agent_whose_token_expires_in_the_window()
    {
        await installation.RequireAsync();
        await using var ext4 = await RealFilesystem.CreateAsync(FilesystemKind.Ext4);
        using var guard = ext4.Guard(TimeSpan.FromSeconds(90));
        await using var writer = await StandingWriter.StartAsync(ext4);
        var (account, tokenFile, start) = await AccountAsync();
        await using var node = await installation.NodeAsync(start);
        var request = await Request.OfAsync(installation, 60, Request.HostPath(node.Name, ext4.MountPoint));
        await request.PhaseAsync(FreezePhase.Frozen);
        await account.RevokeAsync();
        await writer.StandsStillAsync();
        await request.ThawAsync(); // over the watch that was opened before
        await writer.GoesOnAsync(TimeSpan.FromSeconds(5));
        await account.RenewAsync(tokenFile);
        await request.EndsAsAsync(FreezePhase.Thawed, Reasons.ThawRequested);
        await writer.FrozenOnceAsync(longestSeconds: 20);
        await request.GoesAwayAsync();
    }

    private async Task<(AgentAccount Account, string TokenFile, ProgramStart Start)> AccountAsync()
    {
        var tokenFile = installation.NewFile("token");
        var account = await AgentAccount.CreateAsync(installation.Server, Path.GetFileName(tokenFile), tokenFile);
        var kubeconfig = installation.NewFile("kubeconfig");
        await File.WriteAllTextAsync(kubeconfig, AgentAccount.Kubeconfig(installation.Server, tokenFile));
        return (account, tokenFile, new ProgramStart { Kubeconfig = kubeconfig });
    }
}
