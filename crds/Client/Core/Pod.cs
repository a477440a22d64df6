using System.Text.Json;
using System.Text.Json.Serialization;
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

    /// <summary>
    /// Its volumes are mounted on its node, and something of it may write to them: it runs, or a container of it does or did. A pod is Pending as long as one of its containers was never
    /// started, such as one whose image cannot be had, whatever the others do. One that is being deleted runs until it is gone.
    /// </summary>
    public bool UsesItsVolumes() => Spec?.NodeName is { Length: > 0 } && Status?.Phase switch
    {
        "Running" or "Unknown" => true,
        "Pending" => (Status.InitContainerStatuses ?? []).Concat(Status.ContainerStatuses ?? []).Any(c => c.State?.Running is not null || c.State?.Terminated is not null),
        _ => false,
    };

    /// <summary>None of its containers runs: each has ended, or waits to be started. False where nothing is known of them.</summary>
    public bool IsDown() => Status?.ContainerStatuses is { Count: > 0 } containers && containers.All(c => c.State is { Running: null } state && (state.Terminated ?? state.Waiting) is not null);

    /// <summary>The condition Ready is True and the pod is not being deleted.</summary>
    public bool IsReady()
    {
        if (Metadata.DeletionTimestamp is not null || Status is null) return false;
        foreach (var condition in Status.Conditions ?? [])
            if (condition is { Type: "Ready", Status: ConditionStatus.True }) return true;
        return false;
    }
}

/// <summary>Where a pod is to run, and with what.</summary>
public sealed record PodSpec
{
    /// <summary>The node; null until it is scheduled.</summary>
    public string? NodeName { get; init; }

    /// <summary>Its volumes.</summary>
    public IReadOnlyList<PodVolume>? Volumes { get; init; }

    /// <summary>Its containers.</summary>
    public IReadOnlyList<Container>? Containers { get; init; }

    /// <summary>Its init containers; those that restart always run beside the others.</summary>
    public IReadOnlyList<Container>? InitContainers { get; init; }
}

/// <summary>One volume of a pod.</summary>
public sealed record PodVolume
{
    /// <summary>Its name within the pod.</summary>
    public required string Name { get; init; }

    /// <summary>The claim it mounts; null for any other kind.</summary>
    public ClaimVolumeSource? PersistentVolumeClaim { get; init; }

    /// <summary>Every other member: the kind of the volume by its name.</summary>
    [JsonExtensionData]
    public Dictionary<string, JsonElement>? Other { get; set; }

    /// <summary>The kind, as the pod's spec names it.</summary>
    public string Kind() => PersistentVolumeClaim is not null ? "persistentVolumeClaim" : Other?.Keys.FirstOrDefault() ?? "emptyDir";
}

/// <summary>A volume that is a claim.</summary>
public sealed record ClaimVolumeSource
{
    /// <summary>The claim, in the pod's namespace.</summary>
    public required string ClaimName { get; init; }
}

/// <summary>One container of a pod.</summary>
public sealed record Container
{
    /// <summary>Its name.</summary>
    public required string Name { get; init; }

    /// <summary>Whether it lives; null where nobody asks.</summary>
    public Probe? LivenessProbe { get; init; }
}

/// <summary>How often a probe may fail.</summary>
public sealed record Probe
{
    /// <summary>Seconds from one probe to the next.</summary>
    public int PeriodSeconds { get; set; } = 10;

    /// <summary>Failures in a row before the container is restarted.</summary>
    public int FailureThreshold { get; set; } = 3;
}

/// <summary>How a pod is.</summary>
public sealed record PodStatus
{
    /// <summary><c>Pending</c>, <c>Running</c>, <c>Succeeded</c>, <c>Failed</c> or <c>Unknown</c>.</summary>
    public string? Phase { get; init; }

    /// <summary>Among them <c>Ready</c>.</summary>
    public IReadOnlyList<PodCondition>? Conditions { get; init; }

    /// <summary>What is known of its containers.</summary>
    public IReadOnlyList<ContainerStatus>? ContainerStatuses { get; init; }

    /// <summary>What is known of its init containers, which run while the pod is still Pending.</summary>
    public IReadOnlyList<ContainerStatus>? InitContainerStatuses { get; init; }
}

/// <summary>What is known of one container.</summary>
public sealed record ContainerStatus
{
    /// <summary>How it is.</summary>
    public ContainerState? State { get; init; }
}

/// <summary>How a container is; one member is set.</summary>
public sealed record ContainerState
{
    /// <summary>It runs.</summary>
    public JsonElement? Running { get; init; }

    /// <summary>It has ended.</summary>
    public JsonElement? Terminated { get; init; }

    /// <summary>It is still to be started, or to be started again.</summary>
    public JsonElement? Waiting { get; init; }
}

/// <summary>One condition of a pod.</summary>
public sealed record PodCondition
{
    /// <summary>Such as <c>Ready</c>.</summary>
    public required string Type { get; init; }

    /// <summary><c>True</c>, <c>False</c> or <c>Unknown</c>.</summary>
    public required string Status { get; init; }
}
