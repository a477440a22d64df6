using Quiesce.Freezing.Journals;

namespace Quiesce.Agent.Serving;

/// <summary>Who this agent is: a report of another instance, or of another boot, says that a hold did not last.</summary>
/// <param name="Node">The node it serves.</param>
/// <param name="Instance">Random for each process.</param>
/// <param name="BootId">The kernel's boot id.</param>
internal sealed record AgentIdentity(string Node, string Instance, string BootId)
{
    /// <summary>A new instance on a node.</summary>
    internal static AgentIdentity New(string node) => new(node, Guid.NewGuid().ToString("n"), Journal.CurrentBoot().ToString());
}
