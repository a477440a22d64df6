using Quiesce.Crds;
using Quiesce.Operator.Freezing;

namespace Quiesce.Operator.Reconciling;

/// <summary>Where things are in this installation, and its bounds.</summary>
internal sealed record OperatorSettings
{
    /// <summary>Labels that an agent's pod carries.</summary>
    public const string AgentSelector = "app.kubernetes.io/name=quiesce,app.kubernetes.io/component=agent";

    /// <summary>The namespace of the internal objects and of the lease.</summary>
    public string Namespace { get; init; } = InternalNames.DefaultNamespace;

    /// <summary>The namespace of the agents' pods.</summary>
    public string AgentNamespace { get; init; } = "quiesce-agents";

    /// <summary>This process, in leases and Events.</summary>
    public string Identity { get; init; } = "quiesce-operator";

    /// <summary>The namespaces whose requests may have hooks.</summary>
    public IReadOnlySet<string> HookNamespaces { get; init; } = new HashSet<string>();

    /// <summary>The bounds.</summary>
    public FreezeLimits Limits { get; init; } = new();
}
