using System.Collections.Concurrent;
using Quiesce.Crds;

namespace Quiesce.Operator.Reconciling;

/// <summary>Which agent process, on which boot, reported Prepared or later on each NodeFreeze.</summary>
/// <remarks>
/// An agent that finds a plan which another process had begun says so itself; this is the second pair of eyes. It is kept in memory
/// only: an operator that restarts trusts the first report it sees.
/// </remarks>
internal sealed class AgentInstances
{
    private readonly ConcurrentDictionary<string, ConcurrentDictionary<string, (string? Boot, string? Instance)>> _first = new();

    /// <summary>Notes the reports of one request. One thread at a time for each request.</summary>
    /// <returns>The nodes that now report from another process or boot than before.</returns>
    public IReadOnlySet<string> Restarted(string requestUid, IEnumerable<NodeFreeze> nodeFreezes)
    {
        var first = _first.GetOrAdd(requestUid, _ => new());
        var restarted = new HashSet<string>();
        foreach (var nodeFreeze in nodeFreezes)
        {
            if (nodeFreeze.Report is not { Phase: >= NodeFreezePhase.Prepared, AgentInstance: not null } report) continue;
            var now = (report.BootID, report.AgentInstance);
            if (first.GetOrAdd(nodeFreeze.Metadata.Uid, now) != now) restarted.Add(nodeFreeze.Spec.NodeName);
        }

        return restarted;
    }

    /// <summary>Forgets a request that is gone or has ended.</summary>
    public void Forget(string requestUid) => _first.TryRemove(requestUid, out _);
}
