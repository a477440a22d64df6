using Quiesce.ApiServers;
using Quiesce.Chaos.Tests.Observing;
using Quiesce.Chaos.Tests.Rounds;
using Quiesce.RealFilesystems;
using Tmds.Linux;

namespace Quiesce.Chaos.Tests.Running;

/// <summary>One node: a mount namespace of its own, an agent, and a way to the API server that can be cut.</summary>
internal sealed class LaneNode : IAsyncDisposable
{
    private readonly string kubeconfig;
    private readonly HashSet<int> stoppedHolders = [];
    private readonly SemaphoreSlim starting = new(1);
    private readonly ContainerCgroup? container = ContainerCgroup.Missing is null ? ContainerCgroup.Create() : null;
    private ProgramRun? killed;
    private ProgramRun? stopped;
    private bool paused;
    private IReadOnlyList<string> idleDescriptors = [];
    private int idleThreads;

    private LaneNode(string name, NodeNamespace space, CuttableProxy way, string kubeconfig)
    {
        (Name, Space, Way, this.kubeconfig) = (name, space, way, kubeconfig);
    }

    internal string Name { get; }

    internal NodeNamespace Space { get; }

    /// <summary>The agent's way to the API server.</summary>
    internal CuttableProxy Way { get; }

    /// <summary>The agent, also after its end; null before the first.</summary>
    internal ProgramRun? Agent { get; private set; }

    internal bool AgentRuns => Agent is { HasExited: false };

    /// <summary>It was sent SIGSTOP and no SIGCONT since; its state says so only when it next runs.</summary>
    internal bool AgentIsStopped => AgentRuns && stopped == Agent;

    /// <summary>When no agent could act.</summary>
    internal Attendance AgentAttendance { get; } = new();

    /// <summary>Of whoever holds this round's window.</summary>
    internal Attendance HolderAttendance { get; } = new();

    internal IReadOnlyList<int> Holders => ProcessTable.HoldersIn(Space.Mounts);

    internal static async Task<LaneNode> CreateAsync(string name, ApiServerUnderTest server, string folder)
    {
        await server.AddNodeAsync(name);
        var kubeconfig = Path.Combine(folder, $"{name}.kubeconfig");
        var node = new LaneNode(name, await NodeNamespace.CreateAsync(), CuttableProxy.Start(server, kubeconfig), kubeconfig);
        await node.StartAgentAsync();
        await node.ServesAsync();
        await node.NoteIdleAsync();
        return node;
    }

    /// <summary>Starts an agent where none runs; true when it did. The moment it is executed is the end of the agent's absence.</summary>
    internal async Task<bool> StartAgentAsync()
    {
        await starting.WaitAsync();
        try
        {
            if (AgentRuns) return false;
            IEnumerable<string> enter = container is null ? [] : ["sh", "-c", container.EnterAnd(), "container"];
            Agent = new ProgramRun(Starter.StopWith, [.. enter, .. Space.Enter, Programs.Agent, "run", "--node-name", Name, "--kubeconfig", kubeconfig]);
            AgentAttendance.Return(Agent.StartedAt);
            return true;
        }
        finally
        {
            starting.Release();
        }
    }

    /// <summary>Waits until the agent follows the API server.</summary>
    internal async Task ServesAsync()
    {
        await Agent!.SaysAsync("serving node");
        await Eventually.TrueAsync(() => Agent.HasExited || Way.Connections > 0, () => $"the agent of {Name} connects: {Agent.Said}");
        if (Agent.HasExited) throw new InvalidOperationException($"the agent of {Name} has ended with {Agent.ExitCode}: {Agent.Said}");
    }

    /// <summary>Sends a signal to the agent; false when there is none.</summary>
    internal bool SignalAgent(int signal)
    {
        var at = BootTime.Now;
        if (Agent is null || !Agent.Signal(signal)) return false;
        if (signal == LibC.SIGKILL || signal == LibC.SIGSTOP) AgentAttendance.Leave(at);
        if (signal == LibC.SIGSTOP) stopped = Agent;
        else if (signal == LibC.SIGCONT) stopped = null;
        if (signal == LibC.SIGKILL) killed = Agent;
        else if (signal == LibC.SIGCONT && !paused && killed != Agent) AgentAttendance.Return(BootTime.Now);
        return true;
    }

    /// <summary>Kills all that is in the agent's container at once; false when nothing is.</summary>
    internal bool KillContainer()
    {
        if (container is null || !AgentRuns) return false;
        AgentAttendance.Leave(BootTime.Now);
        killed = Agent;
        container.Kill();
        return true;
    }

    /// <summary>Pauses all that is in the agent's container; false when nothing is.</summary>
    internal bool PauseContainer()
    {
        if (container is null || !AgentRuns) return false;
        AgentAttendance.Leave(BootTime.Now);
        paused = true;
        container.BeginPause();
        return true;
    }

    /// <summary>Lets the agent's container go on; false when it was not paused.</summary>
    internal bool ResumeContainer()
    {
        if (!paused) return false;
        paused = false;
        container!.Resume();
        if (killed != Agent && !AgentIsStopped) AgentAttendance.Return(BootTime.Now);
        return true;
    }

    /// <summary>Sends a signal to every holder there is; which they were.</summary>
    internal IReadOnlyList<int> SignalHolders(int signal)
    {
        var at = BootTime.Now;
        var hit = Holders.Where(h => LibC.kill(h, signal) == 0).ToList();
        if (hit.Count == 0) return hit;
        if (signal == LibC.SIGKILL || signal == LibC.SIGSTOP) HolderAttendance.Leave(at);
        if (signal == LibC.SIGSTOP)
            lock (stoppedHolders) stoppedHolders.UnionWith(hit);
        return hit;
    }

    /// <summary>Lets holders go on that were stopped and are still there; which they were.</summary>
    internal IReadOnlyList<int> ContinueHolders()
    {
        List<int> stopped;
        lock (stoppedHolders)
        {
            stopped = [.. stoppedHolders];
            stoppedHolders.Clear();
        }
        var there = Holders;
        var on = stopped.Where(h => there.Contains(h) && LibC.kill(h, LibC.SIGCONT) == 0).ToList();
        if (on.Count > 0) HolderAttendance.Return(BootTime.Now);
        return on;
    }

    /// <summary>A new round begins: no holder is there.</summary>
    internal void BeginRound()
    {
        AgentAttendance.Forget();
        HolderAttendance.Reset();
        lock (stoppedHolders) stoppedHolders.Clear();
    }

    /// <summary>Notes what an idle agent has open, to compare with later.</summary>
    internal async Task NoteIdleAsync()
    {
        // Its connections and the runtime's threads come about while it starts to serve: until two looks see the same.
        List<string> before;
        do
        {
            before = Lasting(Agent!.Id);
            await Task.Delay(300);
            idleDescriptors = Lasting(Agent.Id);
            idleThreads = ProcessTable.Threads(Agent.Id).Count;
        }
        while (!before.SequenceEqual(idleDescriptors));
    }

    /// <summary>What this node has that an idle one does not: waits some seconds for it to go away first.</summary>
    internal async Task<IReadOnlyList<string>> LeaksAsync()
    {
        var leaks = new List<string>();
        _ = await Eventually.IsAsync(
            () =>
            {
                leaks.Clear();
                leaks.AddRange(Holders.Select(h => $"{Name}: holder {h} is left, state {ProcessTable.State(h)}"));
                leaks.AddRange(Space.JournalFiles.Select(f => $"{Name}: {Path.GetFileName(f)} is left in the journal folder"));
                leaks.AddRange(AgentLeaks());
                leaks.AddRange(ContainerLeaks());
                return leaks.Count == 0;
            },
            TimeSpan.FromSeconds(5));
        return leaks;
    }

    /// <summary>After leaks: makes the node anew, so that the next round is not blamed for them.</summary>
    internal async Task CleanAsync()
    {
        _ = SignalHolders(LibC.SIGKILL);
        _ = SignalAgent(LibC.SIGKILL);
        _ = await Agent!.ExitAsync(Eventually.Bound);
        foreach (var file in Space.JournalFiles) File.Delete(file);
        _ = await StartAgentAsync();
        await ServesAsync();
        await NoteIdleAsync();
    }

    public async ValueTask DisposeAsync()
    {
        _ = ResumeContainer();
        if (Agent is not null)
        {
            _ = Agent.Signal(LibC.SIGCONT);
            _ = Agent.Signal(LibC.SIGTERM);
            _ = await Agent.ExitAsync(TimeSpan.FromSeconds(10));
            await Agent.DisposeAsync();
        }
        foreach (var holder in Holders) _ = LibC.kill(holder, LibC.SIGKILL);
        await Space.DisposeAsync();
        await Way.DisposeAsync();
        starting.Dispose();
        if (container is not null) await container.DisposeAsync();
    }

    // What is held is held outside; what is made there goes.
    private IEnumerable<string> ContainerLeaks()
    {
        if (container is null) yield break;
        foreach (var process in container.Processes().Where(p => p != Agent!.Id)) yield return $"{Name}: process {process} is left in the agent's container";
        foreach (var inner in container.Inner) yield return $"{Name}: cgroup {inner} is left";
    }

    private IEnumerable<string> AgentLeaks()
    {
        var agent = Agent!.Id;
        var threads = ProcessTable.Threads(agent);
        // Threads of single windows and calls have names; the pool's come and go within bounds.
        foreach (var thread in threads.Where(t => t.StartsWith("holder", StringComparison.Ordinal) || t == "thaw")) yield return $"{Name}: the agent has a thread '{thread}' left";
        if (threads.Count > idleThreads + PoolThreads) yield return $"{Name}: the agent has {threads.Count} threads, idle it had {idleThreads}";
        var left = Lasting(agent).ToList();
        foreach (var kept in idleDescriptors) left.Remove(kept);
        foreach (var descriptor in left) yield return $"{Name}: the agent has a descriptor left: {descriptor}";
    }

    /// <summary>How many threads the runtime's pool may have more than right after the start.</summary>
    private const int PoolThreads = 16;

    // Descriptors that are the same whenever the agent is idle. Sockets of TCP come and go with the connection pool; a channel to a holder is a socket as well, and is
    // seen by its thread and its holder.
    private static List<string> Lasting(int id) =>
        [.. ProcessTable.Descriptors(id).Where(l => !l.StartsWith("socket:", StringComparison.Ordinal)).Select(l => l.StartsWith("pipe:", StringComparison.Ordinal) ? "pipe" : l)];
}
