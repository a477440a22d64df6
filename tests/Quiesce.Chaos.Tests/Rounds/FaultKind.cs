namespace Quiesce.Chaos.Tests.Rounds;

/// <summary>What goes wrong in a round. Agent and holder are those of one node of the request.</summary>
internal enum FaultKind
{
    /// <summary>SIGKILL of the agent; a new one is started after a while, as kubelet does.</summary>
    KillAgent,

    /// <summary>SIGSTOP of the agent.</summary>
    StopAgent,

    /// <summary>SIGTERM of the agent; a new one is started after a while, as in a roll-out.</summary>
    TerminateAgent,

    /// <summary>SIGKILL of the holder.</summary>
    KillHolder,

    /// <summary>SIGSTOP of the holder.</summary>
    StopHolder,

    /// <summary>SIGKILL of the holder and, for a while, of every other process the agent starts in its place.</summary>
    BesiegeHolder,

    /// <summary>SIGKILL of agent and holder at once; a new agent is started after a while.</summary>
    KillBoth,

    /// <summary>SIGSTOP of agent and holder at once.</summary>
    StopBoth,

    /// <summary>SIGSTOP of the holder and SIGKILL of its agent: an orphan that cannot thaw. A new agent is started after a while.</summary>
    StopHolderKillAgent,

    /// <summary><c>cgroup.kill</c> of the agent's container; a new agent is started after a while.</summary>
    KillContainer,

    /// <summary>The agent's container is paused by the cgroup's freezer.</summary>
    PauseContainer,

    /// <summary>SIGKILL of the operator; a new one is started after a while.</summary>
    KillOperator,

    /// <summary>SIGSTOP of the operator.</summary>
    StopOperator,

    /// <summary>The agent's connections are reset, new ones refused.</summary>
    RefuseAgent,

    /// <summary>The agent's connections stay and carry nothing.</summary>
    BlackHoleAgent,

    /// <summary>The agent's connections carry nothing any more, ever; new ones pass.</summary>
    StrandAgent,

    /// <summary>Everything between agent and API server comes later.</summary>
    DelayAgent,

    /// <summary>As <see cref="RefuseAgent"/>, of the operator.</summary>
    RefuseOperator,

    /// <summary>As <see cref="BlackHoleAgent"/>, of the operator.</summary>
    BlackHoleOperator,

    /// <summary>As <see cref="StrandAgent"/>, of the operator.</summary>
    StrandOperator,

    /// <summary>As <see cref="DelayAgent"/>, of the operator.</summary>
    DelayOperator,

    /// <summary>The node's NodeFreeze is deleted by hand.</summary>
    DeleteNodeFreeze,

    /// <summary>The FreezeWindow is deleted by hand.</summary>
    DeleteFreezeWindow,

    /// <summary>A stranger thaws one of the filesystems.</summary>
    ForeignThaw,
}
