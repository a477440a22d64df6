using Quiesce.ApiServers;
using Quiesce.Cluster;

namespace Quiesce.EndToEnd.Tests.Running;

/// <summary>A node object of the cluster with the agent that serves it, which goes at the end of its test.</summary>
internal sealed class Node(Installation installation, string name, ProgramStart start, Way? way) : IAsyncDisposable
{
    private ProgramRun? agent;

    internal string Name => name;

    /// <summary>How its agents are started from now on.</summary>
    internal ProgramStart Start { get; set; } = start;

    /// <summary>Its agent's way to the API server; only where the test asked for one.</summary>
    internal CuttableProxy Way => way?.Proxy ?? throw new InvalidOperationException($"{name} has no way of its own");

    internal ProgramRun Agent => agent ?? throw new InvalidOperationException($"{name} has no agent now");

    /// <summary>What its agent said last.</summary>
    internal string AgentSaid => agent?.SaidLast ?? "(no agent)";

    internal async Task StartAgentAsync()
    {
        agent = installation.RunAgent(name, Start);
        if (Start.Redirection is not null) return;
        await agent.SaysAsync("serving node");
        Assert.False(agent.HasExited, $"the agent of {name} has ended: {agent.Said}");
    }

    /// <summary>Takes the agent out of this object's hands, so that another one can be started beside it.</summary>
    internal ProgramRun Detach()
    {
        var detached = Agent;
        agent = null;
        return detached;
    }

    /// <summary>Kills it; its holders notice by themselves.</summary>
    internal async Task KillAgentAsync()
    {
        await Detach().DisposeAsync();
    }

    /// <summary>Asks it to stop, and waits until it has.</summary>
    internal async Task StopAgentAsync()
    {
        await using var stopping = Detach();
        await stopping.StopAsync();
    }

    /// <summary>Deletes its agent's pod object, as the end of an eviction does.</summary>
    internal Task DeletePodAsync() => AgentNodes.RemoveAgentAsync(installation.Server.Http, name);

    public async ValueTask DisposeAsync()
    {
        if (agent is not null) await KillAgentAsync();
        if (way is not null) await way.DisposeAsync();
    }
}
