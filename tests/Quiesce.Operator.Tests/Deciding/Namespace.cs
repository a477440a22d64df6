using System.Text.Json;
using System.Text.Json.Nodes;
using Quiesce.Crds.Client;
using Quiesce.Operator.Nodes;

namespace Quiesce.Operator.Tests.Deciding;

/// <summary>Pods and claims of one namespace, and the volumes of the claims.</summary>
internal sealed class Namespace
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web);

    public Dictionary<string, Pod> Pods { get; } = [];

    public Dictionary<string, PersistentVolumeClaim> Claims { get; } = [];

    public Dictionary<string, PersistentVolume> Volumes { get; } = [];

    /// <summary>A running pod.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="node">Its node.</param>
    /// <param name="app">Its label.</param>
    /// <param name="volumes">Volumes as they stand in a spec; a bare name is a claim of that name in a volume of that name.</param>
    public Namespace Pod(string name, string? node, string app, params string[] volumes)
    {
        var spec = new JsonObject
        {
            ["nodeName"] = node,
            ["volumes"] = new JsonArray([.. volumes.Select(v => JsonNode.Parse(v[0] == '{' ? v : $$$"""{"name":"{{{v}}}","persistentVolumeClaim":{"claimName":"{{{v}}}"}}"""))]),
            ["containers"] = new JsonArray(new JsonObject { ["name"] = "main" }),
        };
        Pods[name] = new()
        {
            Metadata = new() { Name = name, NamespaceProperty = "shop", Uid = Guid.NewGuid().ToString(), Labels = new Dictionary<string, string> { ["app"] = app } },
            Spec = spec.Deserialize<PodSpec>(Json),
            Status = new() { Phase = "Running" },
        };
        return this;
    }

    /// <summary>Gives a pod's container a liveness probe.</summary>
    public Namespace Probe(string pod, int period, int failures)
    {
        var spec = Pods[pod].Spec!;
        Pods[pod].Spec = spec with { Containers = [new() { Name = "main", LivenessProbe = new() { PeriodSeconds = period, FailureThreshold = failures } }] };
        return this;
    }

    /// <summary>Gives a pod an annotation.</summary>
    public Namespace Annotate(string pod, string name, string value)
    {
        Pods[pod].Metadata.Annotations = new Dictionary<string, string>(Pods[pod].Metadata.Annotations ?? new Dictionary<string, string>()) { [name] = value };
        return this;
    }

    public Namespace Phase(string pod, string phase, string? initContainer = null)
    {
        Pods[pod].Status = JsonSerializer.Deserialize<PodStatus>(
            initContainer is null ? $$"""{"phase":"{{phase}}"}""" : $$$"""{"phase":"{{{phase}}}","initContainerStatuses":[{"state":{"{{{initContainer}}}":{} } }]}""", Json);
        return this;
    }

    /// <summary>A bound claim and its volume.</summary>
    /// <param name="name">The claim; the volume is <c>pv-NAME</c>.</param>
    /// <param name="source">What the volume is, as it stands in a spec.</param>
    /// <param name="mode">The volume mode.</param>
    public Namespace Claim(string name, string source = """{"csi":{"driver":"disks.example.com"}}""", string mode = "Filesystem")
    {
        var uid = Guid.NewGuid().ToString();
        Claims[name] = new()
        {
            Metadata = new() { Name = name, NamespaceProperty = "shop", Uid = uid },
            Spec = new() { VolumeName = $"pv-{name}", VolumeMode = mode },
            Status = new() { Phase = "Bound" },
        };
        var spec = JsonNode.Parse(source)!.AsObject();
        spec["claimRef"] = new JsonObject { ["namespace"] = "shop", ["name"] = name, ["uid"] = uid };
        Volumes[$"pv-{name}"] = new() { Metadata = new() { Name = $"pv-{name}" }, Spec = spec.Deserialize<PersistentVolumeSpec>(Json) };
        return this;
    }

    public Workloads Read() => new([.. Pods.Values], new Dictionary<string, PersistentVolumeClaim>(Claims), new Dictionary<string, PersistentVolume>(Volumes));
}
