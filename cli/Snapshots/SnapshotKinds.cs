using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using k8s;
using k8s.Models;
using Quiesce.Crds;
using Quiesce.Crds.Client;

namespace Quiesce.Cli.Snapshots;

/// <summary>A VolumeSnapshot or a VolumeGroupSnapshot, as far as it is written and read here: both say in the same words when their cut was taken.</summary>
internal sealed record Snapshot : IKubernetesObject<V1ObjectMeta>
{
    /// <inheritdoc/>
    public string ApiVersion { get; set; } = "";

    /// <inheritdoc/>
    public string Kind { get; set; } = "";

    /// <inheritdoc/>
    public V1ObjectMeta Metadata { get; set; } = new();

    public JsonElement? Spec { get; init; }

    public SnapshotStatus? Status { get; init; }
}

/// <summary>What the snapshot controller says.</summary>
internal sealed record SnapshotStatus
{
    /// <summary>The moment of the cut, by the storage's clock; null until it is taken. The copy may be made ready, or uploaded, long after.</summary>
    public DateTimeOffset? CreationTime { get; init; }

    /// <summary>What went wrong last; the controller goes on trying.</summary>
    public SnapshotError? Error { get; init; }
}

/// <summary>The controller's words.</summary>
internal sealed record SnapshotError
{
    public string? Message { get; init; }
}

/// <summary>A Backup of Velero.</summary>
internal sealed record Backup : IKubernetesObject<V1ObjectMeta>
{
    /// <inheritdoc/>
    public string ApiVersion { get; set; } = "velero.io/v1";

    /// <inheritdoc/>
    public string Kind { get; set; } = "Backup";

    /// <inheritdoc/>
    public V1ObjectMeta Metadata { get; set; } = new();

    public JsonElement? Spec { get; init; }

    public BackupStatus? Status { get; init; }
}

/// <summary>How far a Backup is.</summary>
internal sealed record BackupStatus
{
    public string? Phase { get; init; }

    public string? FailureReason { get; init; }

    public IReadOnlyList<string>? ValidationErrors { get; init; }
}

/// <summary>A Schedule of Velero: a template of Backups.</summary>
internal sealed record Schedule : IKubernetesObject<V1ObjectMeta>
{
    /// <inheritdoc/>
    public string ApiVersion { get; set; } = "velero.io/v1";

    /// <inheritdoc/>
    public string Kind { get; set; } = "Schedule";

    /// <inheritdoc/>
    public V1ObjectMeta Metadata { get; set; } = new();

    public ScheduleSpec? Spec { get; init; }
}

/// <summary>What a Schedule makes.</summary>
internal sealed record ScheduleSpec
{
    /// <summary>The spec of its Backups.</summary>
    public JsonElement Template { get; init; }
}

/// <summary>Where they are found.</summary>
internal static class SnapshotKinds
{
    internal const string GroupSnapshots = "groupsnapshot.storage.k8s.io";

    internal static ResourceKind<Snapshot> VolumeSnapshots { get; } = Of(new("snapshot.storage.k8s.io", "v1", "VolumeSnapshot", "volumesnapshots", Namespaced: true));

    internal static ResourceKind<Backup> Backups { get; } =
        new(new("velero.io", "v1", "Backup", "backups", Namespaced: true), SnapshotJson.Default.Backup, SnapshotJson.Default.ResourceListBackup);

    internal static ResourceKind<Schedule> Schedules { get; } =
        new(new("velero.io", "v1", "Schedule", "schedules", Namespaced: true), SnapshotJson.Default.Schedule, SnapshotJson.Default.ResourceListSchedule);

    /// <summary>VolumeGroupSnapshots, in the version that a cluster has.</summary>
    internal static ResourceKind<Snapshot> VolumeGroupSnapshots(string version) => Of(new(GroupSnapshots, version, "VolumeGroupSnapshot", "volumegroupsnapshots", Namespaced: true));

    private static ResourceKind<Snapshot> Of(ResourceType type) => new(type, SnapshotJson.Default.Snapshot, SnapshotJson.Default.ResourceListSnapshot);
}

/// <summary>Source-generated JSON of them.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(Snapshot))]
[JsonSerializable(typeof(Backup))]
[JsonSerializable(typeof(Schedule))]
[JsonSerializable(typeof(ResourceList<Snapshot>))]
[JsonSerializable(typeof(ResourceList<Backup>))]
[JsonSerializable(typeof(ResourceList<Schedule>))]
[JsonSerializable(typeof(JsonObject))]
internal sealed partial class SnapshotJson : JsonSerializerContext;
