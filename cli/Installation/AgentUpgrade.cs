using Quiesce.Cli.Output;
using Quiesce.Crds;
using Quiesce.Crds.Client;

namespace Quiesce.Cli.Installation;

/// <summary>
/// Replaces the agents whose pods are not of the DaemonSet's present template, a node at a time and only where nothing is held: ending an agent thaws at once
/// what its holder keeps, and the window is then told as not intact.
/// </summary>
internal sealed class AgentUpgrade(KubernetesConnection connection, string? operatorNamespace, TimeSpan patience)
{
    private const string Hash = "controller-revision-hash";
    private const string Agents = "app.kubernetes.io/name=quiesce,app.kubernetes.io/component=agent";

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(500);

    private readonly ResourceClient<Pod> _pods = new(connection, Kinds.Pods);
    private readonly ResourceClient<DaemonSet> _sets = new(connection, ClusterObjects.DaemonSets);
    private readonly ResourceClient<NodeFreeze> _plans = new(connection, Kinds.NodeFreezes);
    private readonly ResourceClient<FreezeWindow> _windows = new(connection, Kinds.FreezeWindows);

    /// <summary>Does it.</summary>
    /// <exception cref="CliException">There are no agents, or some could not be replaced in time; the message says which and why.</exception>
    internal async Task RunAsync(CancellationToken cancellationToken)
    {
        var sets = (await _sets.ListAsync(null, Agents, cancellationToken: cancellationToken)).Items;
        if (sets.Count == 0) throw new CliException(ExitCode.Usage, $"no DaemonSet has the labels {Agents}: are the agents installed in this cluster ({connection.Source})?");
        foreach (var set in sets) await UpgradeAsync(set, cancellationToken);
    }

    private async Task UpgradeAsync(DaemonSet set, CancellationToken cancellationToken)
    {
        var (ns, name) = (set.Metadata.NamespaceProperty, set.Metadata.Name);
        var began = TimeProvider.System.GetTimestamp();
        // Before its controller has seen a change there is no pod of it, nor anything to compare pods with.
        while (set.Status is null || set.Status.ObservedGeneration < set.Metadata.Generation)
        {
            if (TimeProvider.System.GetElapsedTime(began) > patience) throw new CliException(ExitCode.Error, $"DaemonSet {ns}/{name}: its controller has not seen its last change; is kube-controller-manager running?");
            await Task.Delay(Pause, cancellationToken);
            set = await _sets.GetAsync(ns, name, cancellationToken) ?? throw new CliException(ExitCode.Error, $"DaemonSet {ns}/{name} was deleted");
        }

        var revisions = (await new ResourceClient<ControllerRevision>(connection, ClusterObjects.ControllerRevisions).ListAsync(ns, cancellationToken: cancellationToken)).Items
            .Where(r => r.Metadata.OwnerReferences?.Any(o => o.Uid == set.Metadata.Uid) is true).ToList();
        var hash = revisions.MaxBy(r => r.Revision)?.Metadata.Labels?.TryGetValue(Hash, out var h) is true ? h
            : throw new CliException(ExitCode.Error, $"DaemonSet {ns}/{name} has no ControllerRevision with the label {Hash}: its pods cannot be told apart");
        var replaced = 0;
        while (true)
        {
            var outdated = (await PodsAsync(ns, set, cancellationToken)).Where(p => p.Metadata.Labels?.TryGetValue(Hash, out var its) is true && its != hash && p.Metadata.DeletionTimestamp is null && p.Spec?.NodeName is not null)
                .OrderBy(p => p.Spec!.NodeName, StringComparer.Ordinal).ToList();
            if (outdated.Count == 0) break;
            var busy = await BusyAsync(cancellationToken);
            var free = outdated.FirstOrDefault(p => !busy.ContainsKey(p.Spec!.NodeName!));
            if (free is null)
            {
                if (TimeProvider.System.GetElapsedTime(began) > patience)
                    throw new CliException(ExitCode.Error, $"{replaced} agents replaced; still held: {string.Join(", ", outdated.Select(p => $"{p.Spec!.NodeName} by {busy[p.Spec.NodeName!]}"))}. Run this again when they have ended");
                await Task.Delay(Pause, cancellationToken);
                continue;
            }

            await ReplaceAsync(ns, set, free, hash, cancellationToken);
            replaced++;
            began = TimeProvider.System.GetTimestamp();
        }

        Terminal.Say(replaced == 0 ? $"DaemonSet {ns}/{name}: all agents are of its present template" : $"DaemonSet {ns}/{name}: {replaced} agent{(replaced == 1 ? "" : "s")} replaced");
    }

    /// <summary>Replaces one agent, and waits until its successor serves: with two nodes without one nothing tells which of the two is to blame.</summary>
    private async Task ReplaceAsync(string ns, DaemonSet set, Pod pod, string hash, CancellationToken cancellationToken)
    {
        var node = pod.Spec!.NodeName!;
        Terminal.Say($"{node}: replacing {pod.Metadata.Name}");
        await _pods.DeleteAsync(ns, pod.Metadata.Name, uid: pod.Metadata.Uid, cancellationToken: cancellationToken);
        var began = TimeProvider.System.GetTimestamp();
        while (true)
        {
            await Task.Delay(Pause, cancellationToken);
            var successors = (await PodsAsync(ns, set, cancellationToken)).Where(p => p.Spec?.NodeName == node && p.Metadata.Uid != pod.Metadata.Uid).ToList();
            if (successors.Any(p => p.Metadata.Labels?.TryGetValue(Hash, out var its) is true && its == hash && p.IsReady())) return;
            if (TimeProvider.System.GetElapsedTime(began) <= patience) continue;
            var state = successors.Count == 0 ? "there is none" : $"{successors[0].Metadata.Name} is {successors[0].Status?.Phase ?? "not begun"}";
            throw new CliException(ExitCode.Error, $"{node}: no agent of the new template is ready after {patience.TotalSeconds:0} s: {state}; the agents of the other nodes were left as they are. See `kubectl describe pod -n {ns}`");
        }
    }

    private async Task<IReadOnlyList<Pod>> PodsAsync(string ns, DaemonSet set, CancellationToken cancellationToken) =>
        [.. (await _pods.ListAsync(ns, Agents, cancellationToken: cancellationToken)).Items.Where(p => p.Metadata.OwnerReferences?.Any(o => o.Uid == set.Metadata.Uid) is true)];

    /// <summary>The nodes that have a command which has not ended, with its request.</summary>
    private async Task<Dictionary<string, string>> BusyAsync(CancellationToken cancellationToken)
    {
        var busy = new Dictionary<string, string>();
        // Those that are called have no plan before they are prepared. Read before the plans: whoever is not called any more has one by then.
        if (await _windows.GetAsync(operatorNamespace, InternalNames.CalledWindow, cancellationToken) is { Spec: { DesiredState: WindowState.Prepared, Request: var request } } call)
            foreach (var node in CalledPlans.NodesOf(call)) busy.TryAdd(node, $"{request.Namespace}/{request.Name}");
        foreach (var plan in (await _plans.ListAsync(operatorNamespace, cancellationToken: cancellationToken)).Items.Where(p => (p.Report?.Phase ?? NodeFreezePhase.Pending) < NodeFreezePhase.Thawed))
            busy[plan.Spec.NodeName] = $"{plan.Spec.Request.Namespace}/{plan.Spec.Request.Name}";
        return busy;
    }
}
