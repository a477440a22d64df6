namespace Quiesce.Operator.Freezing;

/// <summary>The bounds an installation sets.</summary>
internal sealed record FreezeLimits
{
    /// <summary>The longest hold a request may ask for.</summary>
    public TimeSpan MaxDeadline { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>From how many nodes on they are called at once, by <see cref="Quiesce.Crds.CalledPlans"/>; 0 for never.</summary>
    public int CallFromNodes { get; init; } = 50;

    /// <summary>How many requests of one namespace may be under way at a time.</summary>
    public int MaxRequestsPerNamespace { get; init; } = 100;

    /// <summary>How much longer than its own bound a node may stay silent before it counts as lost.</summary>
    /// <remarks>For the node's last report to get through; its filesystems are thawed at its deadline, whatever happens to the report.</remarks>
    public TimeSpan Grace { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long after it was sent the command of a hook that has said nothing may still be on its way to its pod.</summary>
    /// <remarks>
    /// A kube-apiserver takes the command, and then gives the kubelet this long to take a connection. That whoever sent the command has gone it notices only where it is told: not of a node that
    /// died, nor behind a proxy that keeps the connection.
    /// </remarks>
    public TimeSpan HookDial { get; init; } = TimeSpan.FromSeconds(30);
}
