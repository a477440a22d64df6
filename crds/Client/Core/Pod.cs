using k8s;
using k8s.Models;

namespace Quiesce.Crds.Client;

/// <summary>A pod, as far as Quiesce reads it: where it runs and whether it is ready.</summary>
public sealed record Pod : IKubernetesObject<V1ObjectMeta>
{
    /// <inheritdoc/>
    public string ApiVersion { get; set; } = "v1";

    /// <inheritdoc/>
    public string Kind { get; set; } = "Pod";

    /// <inheritdoc/>
    public V1ObjectMeta Metadata { get; set; } = new();

    /// <summary>Where it is to run.</summary>
    public PodSpec? Spec { get; set; }

    /// <summary>How it is.</summary>
    public PodStatus? Status { get; set; }

    /// <summary>The condition Ready is True and the pod is not being deleted.</summary>
    public bool IsReady()
    {
        if (Metadata.DeletionTimestamp is not null || Status is null) return false;
        foreach (var condition in Status.Conditions ?? [])
            if (condition is { Type: "Ready", Status: ConditionStatus.True }) return true;
        return false;
    }
}

/// <summary>Where a pod is to run.</summary>
public sealed record PodSpec
{
    /// <summary>The node; null until it is scheduled.</summary>
    public string? NodeName { get; init; }
}

/// <summary>How a pod is.</summary>
public sealed record PodStatus
{
    /// <summary><c>Pending</c>, <c>Running</c>, <c>Succeeded</c>, <c>Failed</c> or <c>Unknown</c>.</summary>
    public string? Phase { get; init; }

    /// <summary>Among them <c>Ready</c>.</summary>
    public IReadOnlyList<PodCondition>? Conditions { get; init; }
}

/// <summary>One condition of a pod.</summary>
public sealed record PodCondition
{
    /// <summary>Such as <c>Ready</c>.</summary>
    public required string Type { get; init; }

    /// <summary><c>True</c>, <c>False</c> or <c>Unknown</c>.</summary>
    public required string Status { get; init; }
}
