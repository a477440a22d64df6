using System.Net;
using Quiesce.Crds;
using Quiesce.Operator.Freezing;
using Quiesce.Telemetry;

namespace Quiesce.Operator;

/// <summary>What the command line of <c>quiesce-operator</c> sets.</summary>
public sealed record OperatorOptions
{
    /// <summary>A kubeconfig file; null for <c>$KUBECONFIG</c>, the pod's service account, or <c>~/.kube/config</c>.</summary>
    public string? Kubeconfig { get; init; }

    /// <summary>A context of the kubeconfig; null for its current one.</summary>
    public string? Context { get; init; }

    /// <summary>The namespace of the internal objects and of the lease.</summary>
    public string Namespace { get; init; } = InternalNames.DefaultNamespace;

    /// <summary>The namespace of the agents' pods.</summary>
    public string AgentNamespace { get; init; } = "quiesce-agents";

    /// <summary>Work only while holding the lease. Needed with more than one replica.</summary>
    public bool LeaderElect { get; init; }

    /// <summary>This process in the lease and in Events; no two may share it.</summary>
    public string Identity { get; init; } = $"{Environment.MachineName}_{Guid.NewGuid():N}";

    /// <summary>The longest hold a request may ask for.</summary>
    public TimeSpan MaxDeadline { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>How many requests of one namespace may be under way at a time.</summary>
    public int MaxRequestsPerNamespace { get; init; } = new FreezeLimits().MaxRequestsPerNamespace;

    /// <summary>From how many nodes on they are called at once; 0 for never.</summary>
    public int CallFromNodes { get; init; } = new FreezeLimits().CallFromNodes;

    /// <summary>How much longer than its own bound a node may stay silent before it counts as lost.</summary>
    public TimeSpan Grace { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long after it was sent the command of a hook that has said nothing may still be on its way to its pod.</summary>
    public TimeSpan HookDial { get; init; } = new FreezeLimits().HookDial;

    /// <summary>The namespaces whose requests may have hooks: commands that the operator runs in pods there.</summary>
    public IReadOnlyList<string> HookNamespaces { get; init; } = [];

    /// <summary>The port of <c>/metrics</c>, <c>/healthz</c> and <c>/readyz</c>; null for none, 0 for any free one.</summary>
    public int? HttpPort { get; init; }

    /// <summary>The address they listen on.</summary>
    public IPAddress HttpAddress { get; init; } = IPAddress.Loopback;

    /// <summary>The form of the log's lines.</summary>
    public LogFormat LogFormat { get; init; }

    /// <summary>Log everything that is written.</summary>
    public bool Verbose { get; init; }
}
