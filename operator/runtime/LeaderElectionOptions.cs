namespace Quiesce.Runtime;

/// <summary>Which lease is fought for, under what name, and how patiently.</summary>
public sealed record LeaderElectionOptions
{
    /// <summary>The lease's namespace.</summary>
    public required string Namespace { get; init; }

    /// <summary>The lease's name.</summary>
    public required string LeaseName { get; init; }

    /// <summary>This process; no other may use the same.</summary>
    public required string Identity { get; init; }

    /// <summary>How long after a renewal nobody else takes the lease: as long as a thaw that was asked for may wait when the leader has died.</summary>
    public TimeSpan LeaseDuration { get; init; } = TimeSpan.FromSeconds(6);

    /// <summary>How long after it was last asked to be renewed, successfully, leadership is given up. Less than <see cref="LeaseDuration"/>.</summary>
    public TimeSpan RenewDeadline { get; init; } = TimeSpan.FromSeconds(4);

    /// <summary>The pause between tries, as leader and as candidate.</summary>
    public TimeSpan RetryPeriod { get; init; } = TimeSpan.FromSeconds(1);
}
