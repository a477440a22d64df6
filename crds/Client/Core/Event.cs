using System.Text.Json.Serialization;
using k8s;
using k8s.Models;

namespace Quiesce.Crds.Client;

/// <summary>An Event of <c>events.k8s.io/v1</c>: one line of what <c>kubectl events</c> tells of an object.</summary>
public sealed record Event : IKubernetesObject<V1ObjectMeta>
{
    /// <inheritdoc/>
    public string ApiVersion { get; set; } = "events.k8s.io/v1";

    /// <inheritdoc/>
    public string Kind { get; set; } = "Event";

    /// <inheritdoc/>
    public V1ObjectMeta Metadata { get; set; } = new();

    /// <summary>When it happened.</summary>
    [JsonConverter(typeof(MicroTimeConverter))]
    public DateTimeOffset? EventTime { get; init; }

    /// <summary>The program, such as <c>quiesce.dev/operator</c>.</summary>
    public string? ReportingController { get; init; }

    /// <summary>The instance of it.</summary>
    public string? ReportingInstance { get; init; }

    /// <summary>What was done, CamelCase.</summary>
    public string? Action { get; init; }

    /// <summary>Why, CamelCase.</summary>
    public string? Reason { get; init; }

    /// <summary>A sentence for a person, at most 1024 bytes.</summary>
    public string? Note { get; init; }

    /// <summary><c>Normal</c> or <c>Warning</c>.</summary>
    public string? Type { get; init; }

    /// <summary>The object it is told of.</summary>
    public ObjectReference? Regarding { get; init; }
}

/// <summary>Names an object of any kind.</summary>
public sealed record ObjectReference
{
    /// <summary><c>group/version</c>.</summary>
    public string? ApiVersion { get; init; }

    /// <summary>The kind.</summary>
    public string? Kind { get; init; }

    /// <summary>The namespace; null for cluster-scoped kinds.</summary>
    public string? Namespace { get; init; }

    /// <summary>The name.</summary>
    public string? Name { get; init; }

    /// <summary>The incarnation.</summary>
    public string? Uid { get; init; }

    /// <summary>The version it speaks of.</summary>
    public string? ResourceVersion { get; init; }
}
