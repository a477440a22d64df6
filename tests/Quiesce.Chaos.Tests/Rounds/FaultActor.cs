using System.Globalization;
using Quiesce.Chaos.Tests.Observing;
using Quiesce.Chaos.Tests.Running;
using Quiesce.Crds;
using Quiesce.Crds.Client;
using Quiesce.RealFilesystems;
using Tmds.Linux;

namespace Quiesce.Chaos.Tests.Rounds;

/// <summary>Does the harm of one round, makes it good again, and notes what it did.</summary>
internal sealed class FaultActor(Lane lane, RoundPlan plan, Story story, Schedule schedule)
{
    private readonly List<FaultKind> done = [];
    private readonly List<(int Filesystem, TimeSpan At)> foreignThaws = [];
    private readonly List<TimeSpan>[] agentKills = [.. lane.Nodes.Select(_ => new List<TimeSpan>())];
    private readonly List<TimeSpan>[] holderKills = [.. lane.Nodes.Select(_ => new List<TimeSpan>())];
    private readonly List<Task> underWay = [];

    /// <summary>The request of the round, once it is made.</summary>
    internal string Uid { get; set; } = "";

    /// <summary>The faults that met something.</summary>
    internal IReadOnlyList<FaultKind> Done
    {
        get
        {
            lock (done) return [.. done];
        }
    }

    internal IReadOnlyList<(int Filesystem, TimeSpan At)> ForeignThaws
    {
        get
        {
            lock (foreignThaws) return [.. foreignThaws];
        }
    }

    internal IReadOnlyList<TimeSpan> AgentKills(int node) => agentKills[node];

    internal IReadOnlyList<TimeSpan> HolderKills(int node) => holderKills[node];

    /// <summary>Puts a fault, and what makes it good, on the schedule.</summary>
    internal void Plan(Fault fault) => schedule.Add(fault.At, () =>
    {
        Do(fault);
        return Task.CompletedTask;
    });

    /// <summary>Waits for what it asked of the API server.</summary>
    internal Task SettledAsync() => Task.WhenAll(underWay);

    /// <summary>The end of the round: everything is made good that still is not. What was stopped for good is killed, as by kubelet when a container does not end.</summary>
    internal async Task MakeGoodAsync()
    {
        foreach (var node in lane.Nodes)
        {
            // A connection that was stranded is dead for its client, which may wait for minutes: reset it.
            if (plan.Faults.Any(f => f.Kind == FaultKind.StrandAgent)) node.Way.Refuse();
            node.Way.Pass();
            if (node.ResumeContainer()) story.Tell($"{node.Name}: the container goes on");
            if (node.AgentIsStopped)
            {
                story.Tell($"{node.Name}: agent {node.Agent!.Id} is killed for good, with its holders {string.Join(" ", node.SignalHolders(LibC.SIGKILL))}");
                _ = node.SignalAgent(LibC.SIGKILL);
                _ = await node.Agent.ExitAsync(Eventually.Bound);
            }
            await StartAgentAsync(node);
        }
        if (plan.Faults.Any(f => f.Kind == FaultKind.StrandOperator)) lane.OperatorWay.Refuse();
        lane.OperatorWay.Pass();
        _ = lane.SignalOperator(LibC.SIGCONT);
        if (await lane.StartOperatorAsync()) story.Tell($"operator {lane.Operator.Id} started");
    }

    private void Do(Fault fault)
    {
        var target = plan.Targets[fault.Target];
        var node = lane.Nodes[target.Node];
        bool? did = fault.Kind switch
        {
            FaultKind.KillAgent => KillAgent(node, target.Node, fault),
            FaultKind.StopAgent => StopAgent(node, fault),
            FaultKind.TerminateAgent => TerminateAgent(node, fault),
            FaultKind.KillHolder => KillHolder(node, target.Node),
            FaultKind.StopHolder => StopHolder(node, fault),
            FaultKind.BesiegeHolder => Besiege(node, fault),
            FaultKind.KillBoth => KillBoth(node, fault),
            FaultKind.StopBoth => StopHolder(node, fault) | StopAgent(node, fault),
            FaultKind.StopHolderKillAgent => StopHolder(node, fault with { For = null }) && KillAgent(node, target.Node, fault),
            FaultKind.KillContainer => KillContainer(node, target.Node, fault),
            FaultKind.PauseContainer => PauseContainer(node, fault),
            FaultKind.KillOperator => KillOperator(fault),
            FaultKind.StopOperator => StopOperator(fault),
            FaultKind.RefuseAgent => Cut($"{node.Name}: agent's connections refused", node.Way.Refuse, node.Way.Pass, fault),
            FaultKind.BlackHoleAgent => Cut($"{node.Name}: agent's connections in a black hole", node.Way.BlackHole, node.Way.Pass, fault),
            FaultKind.StrandAgent => Cut($"{node.Name}: agent's connections stranded", node.Way.Strand, () => Reset(node.Way), fault),
            FaultKind.DelayAgent => Cut($"{node.Name}: agent's connections delayed", () => node.Way.Delay(fault.For!.Value), node.Way.Pass, fault with { For = null }),
            FaultKind.RefuseOperator => Cut("operator's connections refused", lane.OperatorWay.Refuse, lane.OperatorWay.Pass, fault),
            FaultKind.BlackHoleOperator => Cut("operator's connections in a black hole", lane.OperatorWay.BlackHole, lane.OperatorWay.Pass, fault),
            FaultKind.StrandOperator => Cut("operator's connections stranded", lane.OperatorWay.Strand, () => Reset(lane.OperatorWay), fault),
            FaultKind.DelayOperator => Cut("operator's connections delayed", () => lane.OperatorWay.Delay(fault.For!.Value), lane.OperatorWay.Pass, fault with { For = null }),
            FaultKind.DeleteNodeFreeze => Ask(fault.Kind, $"{node.Name}: NodeFreeze deleted", DeleteNodeFreezeAsync),
            FaultKind.DeleteFreezeWindow => Ask(fault.Kind, "FreezeWindow deleted", DeleteFreezeWindowAsync),
            FaultKind.ForeignThaw => ForeignThaw(target.Filesystem),
            _ => throw new InvalidOperationException($"nobody knows how to do {fault.Kind}"),
        };

        async Task<bool> DeleteNodeFreezeAsync()
        {
            var ours = await lane.NodeFreezes.ListAsync(InternalNames.DefaultNamespace, $"{QuiesceApi.RequestUidLabel}={Uid}", $"spec.nodeName={node.Name}");
            return ours.Items is [var plan] && await lane.NodeFreezes.DeleteAsync(plan.Metadata.NamespaceProperty, plan.Metadata.Name, plan.Metadata.Uid, cancellationToken: CancellationToken.None);
        }

        async Task<bool> DeleteFreezeWindowAsync()
        {
            var ours = await lane.FreezeWindows.ListAsync(InternalNames.DefaultNamespace, $"{QuiesceApi.RequestUidLabel}={Uid}");
            return ours.Items is [var window] && await lane.FreezeWindows.DeleteAsync(window.Metadata.NamespaceProperty, window.Metadata.Name, window.Metadata.Uid, cancellationToken: CancellationToken.None);
        }

        if (did is null) return; // it will say so itself
        if (did.Value) Did(fault.Kind);
        else story.Tell($"{fault.Kind} of {node.Name}: there was nothing to do it to");
    }

    private void Did(FaultKind kind)
    {
        lock (done) done.Add(kind);
    }

    private bool KillAgent(LaneNode node, int index, Fault fault)
    {
        var at = BootTime.Now;
        if (!node.SignalAgent(LibC.SIGKILL)) return false;
        agentKills[index].Add(at);
        story.Tell(at, $"{node.Name}: SIGKILL to agent {node.Agent!.Id}");
        StartAgentLater(node, fault);
        return true;
    }

    private bool TerminateAgent(LaneNode node, Fault fault)
    {
        var agent = node.Agent;
        if (!node.SignalAgent(LibC.SIGTERM)) return false;
        story.Tell($"{node.Name}: SIGTERM to agent {agent!.Id}");
        underWay.Add(GoneAsync());
        StartAgentLater(node, fault);
        return true;

        async Task GoneAsync()
        {
            if (!await agent.ExitAsync(Eventually.Bound)) return; // stopped; then it is killed at the end of the round
            if (node.Agent == agent) node.AgentAttendance.Leave(BootTime.Now);
            story.Tell($"{node.Name}: agent {agent.Id} has ended with {(agent.HasExited ? agent.ExitCode : 0)}");
        }
    }

    private bool StopAgent(LaneNode node, Fault fault)
    {
        var agent = node.Agent;
        if (!node.SignalAgent(LibC.SIGSTOP)) return false;
        story.Tell($"{node.Name}: SIGSTOP to agent {agent!.Id}");
        if (fault.For is { } length)
            schedule.Add(fault.At + length, () =>
            {
                if (node.Agent == agent && node.SignalAgent(LibC.SIGCONT)) story.Tell($"{node.Name}: SIGCONT to agent {agent.Id}");
                return Task.CompletedTask;
            });
        return true;
    }

    private bool KillHolder(LaneNode node, int index)
    {
        var at = BootTime.Now;
        var hit = node.SignalHolders(LibC.SIGKILL);
        if (hit.Count == 0) return false;
        holderKills[index].Add(at);
        story.Tell(at, $"{node.Name}: SIGKILL to holder {string.Join(" ", hit)}");
        return true;
    }

    private bool StopHolder(LaneNode node, Fault fault)
    {
        var hit = node.SignalHolders(LibC.SIGSTOP);
        if (hit.Count == 0) return false;
        story.Tell($"{node.Name}: SIGSTOP to holder {string.Join(" ", hit)}");
        if (fault.For is { } length)
            schedule.Add(fault.At + length, () =>
            {
                if (node.ContinueHolders() is { Count: > 0 } on) story.Tell($"{node.Name}: SIGCONT to holder {string.Join(" ", on)}");
                return Task.CompletedTask;
            });
        return true;
    }

    private bool Besiege(LaneNode node, Fault fault)
    {
        var first = node.SignalHolders(LibC.SIGKILL);
        if (first.Count == 0) return false;
        story.Tell($"{node.Name}: SIGKILL to holder {string.Join(" ", first)}, and to all that follow for {fault.For!.Value.TotalMilliseconds.ToString("0", CultureInfo.InvariantCulture)} ms");
        underWay.Add(Task.Run(async () =>
        {
            while (BootTime.Now < story.Zero + fault.At + fault.For.Value)
            {
                if (node.SignalHolders(LibC.SIGKILL) is { Count: > 0 } more) story.Tell($"{node.Name}: SIGKILL to holder {string.Join(" ", more)}");
                await Task.Delay(1);
            }
        }));
        return true;
    }

    private bool KillBoth(LaneNode node, Fault fault)
    {
        var agent = node.Agent;
        var holders = node.SignalHolders(LibC.SIGKILL);
        if (!node.SignalAgent(LibC.SIGKILL)) return holders.Count > 0;
        story.Tell($"{node.Name}: SIGKILL to holder {(holders.Count == 0 ? "(none)" : string.Join(" ", holders))} and agent {agent!.Id}");
        StartAgentLater(node, fault);
        return true;
    }

    private bool KillContainer(LaneNode node, int index, Fault fault)
    {
        var at = BootTime.Now;
        if (!node.KillContainer()) return false;
        agentKills[index].Add(at);
        story.Tell(at, $"{node.Name}: cgroup.kill of the container of agent {node.Agent!.Id}");
        StartAgentLater(node, fault);
        return true;
    }

    private bool PauseContainer(LaneNode node, Fault fault)
    {
        if (!node.PauseContainer()) return false;
        story.Tell($"{node.Name}: the container of agent {node.Agent!.Id} is paused");
        if (fault.For is { } length)
            schedule.Add(fault.At + length, () =>
            {
                if (node.ResumeContainer()) story.Tell($"{node.Name}: the container goes on");
                return Task.CompletedTask;
            });
        return true;
    }

    private bool KillOperator(Fault fault)
    {
        if (!lane.SignalOperator(LibC.SIGKILL)) return false;
        story.Tell($"SIGKILL to operator {lane.Operator.Id}");
        schedule.Add(fault.At + fault.For!.Value, async () =>
        {
            if (await lane.StartOperatorAsync()) story.Tell($"operator {lane.Operator.Id} started");
        });
        return true;
    }

    private bool StopOperator(Fault fault)
    {
        if (!lane.SignalOperator(LibC.SIGSTOP)) return false;
        story.Tell($"SIGSTOP to operator {lane.Operator.Id}");
        if (fault.For is { } length)
            schedule.Add(fault.At + length, () =>
            {
                if (lane.SignalOperator(LibC.SIGCONT)) story.Tell($"SIGCONT to operator {lane.Operator.Id}");
                return Task.CompletedTask;
            });
        return true;
    }

    private bool Cut(string what, Action cut, Action pass, Fault fault)
    {
        cut();
        story.Tell(what);
        if (fault.For is { } length)
            schedule.Add(fault.At + length, () =>
            {
                pass();
                story.Tell($"{what}: over");
                return Task.CompletedTask;
            });
        return true;
    }

    private static void Reset(ApiServers.CuttableProxy way)
    {
        way.Refuse();
        way.Pass();
    }

    private bool? Ask(FaultKind kind, string what, Func<Task<bool>> delete)
    {
        underWay.Add(AskAsync());
        return null;

        async Task AskAsync()
        {
            try
            {
                var was = await delete();
                story.Tell(was ? what : $"{what}: there was none");
                if (was) Did(kind);
            }
            catch (KubernetesApiException e)
            {
                story.Tell($"{what}: refused, {e.Message}");
            }
        }
    }

    private bool? ForeignThaw(int filesystem)
    {
        var path = lane.Writers[filesystem].Filesystem.MountPoint;
        underWay.Add(Task.Run(() =>
        {
            var at = BootTime.Now;
            var was = FreezeProbe.Thaw(path);
            story.Tell(at, $"a stranger thaws fs{filesystem}, which {(was ? "was" : "was not")} frozen");
            if (!was) return;
            Did(FaultKind.ForeignThaw);
            lock (foreignThaws) foreignThaws.Add((filesystem, at));
        }));
        return null;
    }

    private void StartAgentLater(LaneNode node, Fault fault)
    {
        var before = node.Agent!;
        schedule.Add(fault.At + fault.For!.Value, () =>
        {
            // Not awaited here: an agent that does not end must not hold up the rest of the round.
            underWay.Add(ReplaceAsync());
            return Task.CompletedTask;
        });

        async Task ReplaceAsync()
        {
            if (await before.ExitAsync(Eventually.Bound)) await StartAgentAsync(node);
        }
    }

    private async Task StartAgentAsync(LaneNode node)
    {
        if (await node.StartAgentAsync()) story.Tell(node.Agent!.StartedAt, $"{node.Name}: agent {node.Agent.Id} started");
    }
}
