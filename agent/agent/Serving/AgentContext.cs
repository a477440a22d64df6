using System.Runtime.CompilerServices;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using Quiesce.Agent.Output;
using Quiesce.Agent.Telemetry;
using Quiesce.Crds;
using Quiesce.Crds.Client;
using Quiesce.Freezing.Reports;

namespace Quiesce.Agent.Serving;

/// <summary>What every session of one agent shares. Safe for any number of threads.</summary>
internal sealed class AgentContext(
    AgentIdentity identity, KubernetesConnection connection, string ns, string hostRoot, string kubeletRoot, Permissions permissions, HoldPauses pauses, BegunPlans begun, NonBlockingWriter output, AgentMeter meter, AgentHealth health, TimeProvider time, ILogger log)
{
    private const int MostWindows = 4096;

    private readonly ResourceClient<FreezeWindow> windows = new(connection, Kinds.FreezeWindows);
    private readonly HashSet<NodeFreezeSession> frozen = [];

    // The windows for which something was frozen, the last ones. Under the same lock.
    private readonly HashSet<string> froze = [];
    private readonly Queue<string> frozeOrder = [];

    // When an unconditional thaw last released a superblock, in CLOCK_BOOTTIME nanoseconds. Under the lock of the former.
    private readonly Dictionary<string, long> thawed = [];

    internal AgentIdentity Identity => identity;

    internal string HostRoot => hostRoot;

    /// <summary>Kubelet's root folder, as a path of the host.</summary>
    internal string KubeletRoot => kubeletRoot;

    /// <summary>What the administrator allowed beyond the rule.</summary>
    internal Permissions Permissions => permissions;

    /// <summary>The pause between two holds.</summary>
    internal HoldPauses Pauses => pauses;

    /// <summary>The plans this boot's agents have begun.</summary>
    internal BegunPlans Begun => begun;

    internal TimeProvider Time => time;

    /// <summary>The API server's clock, for the times it writes: the node's own may be wrong by hours, most of all right after a boot.</summary>
    internal DateTimeOffset ServerTime => connection.ServerTime ?? time.GetUtcNow();

    internal ILogger Log => log;

    internal AgentMeter Meter => meter;

    internal AgentHealth Health => health;

    internal ResourceClient<NodeFreeze> NodeFreezes { get; } = new(connection, Kinds.NodeFreezes);

    /// <summary>How long a stopping agent tries to write its last reports, after everything is thawed.</summary>
    internal TimeSpan StopPatience { get; } = TimeSpan.FromSeconds(5);

    /// <summary>Finds the NodeFreezes of this node.</summary>
    internal NodeFreezeWatch WatchNode() => new(NodeFreezes, ns, identity.Node, time: time);

    /// <summary>Finds the window that calls many nodes at once, when there is one.</summary>
    internal ListWatch<FreezeWindow> WatchCalls() => new(windows, new ListWatchOptions { Namespace = ns, FieldSelector = $"metadata.name={InternalNames.CalledWindow}" }, time);

    /// <summary>Follows the FreezeWindow of a plan; null means that it is gone, which only a completed list or a deletion says, or a window of that name that is not the plan's.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="watching">Called whenever the server has opened a watch of it: a command comes at once from then on.</param>
    /// <param name="cancel">Ends it.</param>
    internal async IAsyncEnumerable<FreezeWindowSpec?> FollowWindow(NodeFreeze plan, Action watching, [EnumeratorCancellation] CancellationToken cancel)
    {
        var name = plan.Spec.Window!;
        // A plan and a window that both came out of a backup: the plan still names the window it was made for.
        var uid = plan.WindowUid;
        var known = Known(plan);
        if (known is not null) yield return known.Spec;
        var follow = new ListWatch<FreezeWindow>(
            windows,
            // A dead watch is noticed sooner than an idle one's would need to be, 20 to 35 s after it last said something: a thaw may be waiting in it.
            new ListWatchOptions { Namespace = ns, FieldSelector = $"metadata.name={name}", WatchTimeout = TimeSpan.FromSeconds(15), SilenceAllowance = TimeSpan.FromSeconds(5) },
            time,
            known is null ? null : new ListWatchStart<FreezeWindow>(known.Metadata.ResourceVersion, [known]));
        await foreach (var change in follow.FollowAsync(cancel).ConfigureAwait(false))
        {
            switch (change)
            {
                case WatchEvent<FreezeWindow>.Added(var item):
                    yield return uid is null || uid == item.Metadata.Uid ? item.Spec : null;
                    break;
                case WatchEvent<FreezeWindow>.Modified(var item):
                    yield return uid is null || uid == item.Metadata.Uid ? item.Spec : null;
                    break;
                case WatchEvent<FreezeWindow>.Disconnected(_, var error):
                    log.WindowNotHeard(plan.Metadata.Name, error.Message);
                    break;
                case WatchEvent<FreezeWindow>.Watching:
                    watching();
                    break;
                case WatchEvent<FreezeWindow>.Deleted:
                case WatchEvent<FreezeWindow>.Synced { Items.Count: 0 }:
                    yield return null;
                    break;
                default:
                    break;
            }
        }
    }

    // The window as the plan came with it: by that it is prepared, and nothing is frozen before the watch has said so.
    private static FreezeWindow? Known(NodeFreeze plan)
    {
        if (plan.Metadata.Annotations?.TryGetValue(QuiesceApi.WindowAnnotation, out var json) is not true) return null;
        try
        {
            var window = JsonSerializer.Deserialize(json, CrdsJson.Default.FreezeWindow);
            return window is { Spec.DesiredState: WindowState.Prepared, Metadata: { ResourceVersion.Length: > 0, Uid.Length: > 0 } meta }
                && meta.Name == plan.Spec.Window && meta.NamespaceProperty == plan.Metadata.NamespaceProperty && window.Spec.Request.Uid == plan.Spec.Request.Uid
                ? window
                : null;
        }
        catch (JsonException)
        {
            return null; // it is read from the API server instead
        }
    }

    /// <summary>Notes that a session has, or no longer has, something frozen: meanwhile the log stays in memory.</summary>
    internal void Frozen(NodeFreezeSession session, bool has)
    {
        lock (frozen)
        {
            if (has) frozen.Add(session);
            else frozen.Remove(session);
            output.Hold(frozen.Count > 0);
            health.Holds(frozen.Count > 0);
        }
    }

    /// <summary>Notes that something was frozen for a window: for that it is not done again, whatever plan says so.</summary>
    internal void Froze(string? windowUid)
    {
        lock (frozen)
        {
            if (windowUid is null || !froze.Add(windowUid)) return;
            frozeOrder.Enqueue(windowUid);
            if (frozeOrder.Count > MostWindows) froze.Remove(frozeOrder.Dequeue());
        }
    }

    /// <summary>Whether this instance froze something for that window.</summary>
    internal bool HasFrozen(string? windowUid)
    {
        lock (frozen) return windowUid is not null && froze.Contains(windowUid);
    }

    /// <summary>Notes what an unconditional thaw released, and tells the sessions that may have held it: their other filesystems, and other nodes, do not stand still for nothing.</summary>
    internal void ThawedByRequest(WindowReport thaw)
    {
        NodeFreezeSession[] sessions;
        lock (frozen)
        {
            foreach (var f in thaw.Filesystems)
                if (f is { Device: { } device, ReleasedAt: { } at }) thawed[device] = Math.Max(at, thawed.GetValueOrDefault(device));
            sessions = [.. frozen];
        }
        foreach (var session in sessions) session.LookForThaw();
    }

    /// <summary>Whether an unconditional thaw released something of a window after that had frozen it.</summary>
    internal bool WasThawedByRequest(WindowReport report)
    {
        lock (frozen) return thawed.Count > 0 && report.Filesystems.Any(f => f is { Device: { } device, FrozenAt: { } at } && thawed.TryGetValue(device, out var released) && at < released);
    }
}
