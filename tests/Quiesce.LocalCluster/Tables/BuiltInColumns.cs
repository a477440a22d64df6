using System.Globalization;
using System.Text.Json;

namespace Quiesce.Cluster.Tables;

/// <summary>What tables of the kinds that come with the server show; after kube-apiserver's <c>printers/internalversion</c>.</summary>
internal static class BuiltInColumns
{
    public static IReadOnlyList<TableColumn> Namespace { get; } =
        [TableColumn.NameColumn, Text("Status", "The namespace's phase.", o => o.StringAt("status", "phase")), TableColumn.AgeColumn];

    public static IReadOnlyList<TableColumn> Node { get; } =
    [
        TableColumn.NameColumn,
        Text("Status", "Whether the node is ready.", NodeStatus),
        Text("Roles", "The node's roles.", NodeRoles),
        TableColumn.AgeColumn,
        Text("Version", "Version of the kubelet.", o => o.StringAt("status", "nodeInfo", "kubeletVersion")),
        Text("Internal-IP", "Address inside the cluster.", o => Address(o, "InternalIP"), 1),
        Text("External-IP", "Address outside the cluster.", o => Address(o, "ExternalIP"), 1),
        Text("OS-Image", "The node's system.", o => o.StringAt("status", "nodeInfo", "osImage") ?? "<unknown>", 1),
        Text("Kernel-Version", "The node's kernel.", o => o.StringAt("status", "nodeInfo", "kernelVersion") ?? "<unknown>", 1),
        Text("Container-Runtime", "The node's container runtime.", o => o.StringAt("status", "nodeInfo", "containerRuntimeVersion") ?? "<unknown>", 1),
    ];

    public static IReadOnlyList<TableColumn> Pod { get; } =
    [
        TableColumn.NameColumn,
        Text("Ready", "Ready containers of all containers.", o => $"{Count(o.At("status", "containerStatuses"), c => c.At("ready")?.ValueKind == JsonValueKind.True && c.At("state", "running") is not null)}/{Count(o.At("spec", "containers"))}"),
        Text("Status", "The pod's phase, or why it is not running.", PodStatus),
        Text("Restarts", "Restarts of its containers.", o => Items(o.At("status", "containerStatuses")).Sum(c => c.At("restartCount")?.GetInt64() ?? 0).ToString(CultureInfo.InvariantCulture)),
        TableColumn.AgeColumn,
        Text("IP", "The pod's address.", o => o.StringAt("status", "podIP") ?? "<none>", 1),
        Text("Node", "The node it runs on.", o => o.StringAt("spec", "nodeName") ?? "<none>", 1),
        Text("Nominated Node", "The node it may get.", o => o.StringAt("status", "nominatedNodeName") ?? "<none>", 1),
        Text("Readiness Gates", "Conditions that count towards ready.", _ => "<none>", 1),
    ];

    public static IReadOnlyList<TableColumn> Event { get; } = EventColumns("involvedObject", "message", "firstTimestamp", "lastTimestamp", "count", "source", "reportingComponent");

    public static IReadOnlyList<TableColumn> EventV1 { get; } =
        EventColumns("regarding", "note", "deprecatedFirstTimestamp", "deprecatedLastTimestamp", "deprecatedCount", "deprecatedSource", "reportingController");

    public static IReadOnlyList<TableColumn> ConfigMap { get; } =
        [TableColumn.NameColumn, Number("Data", "Number of entries.", o => Count(o.At("data")) + Count(o.At("binaryData"))), TableColumn.AgeColumn];

    public static IReadOnlyList<TableColumn> Secret { get; } =
    [
        TableColumn.NameColumn,
        Text("Type", "What the secret is for.", o => o.StringAt("type")),
        Number("Data", "Number of entries.", o => Count(o.At("data"))),
        TableColumn.AgeColumn,
    ];

    public static IReadOnlyList<TableColumn> Lease { get; } =
        [TableColumn.NameColumn, Text("Holder", "Who holds the lease.", o => o.StringAt("spec", "holderIdentity") ?? ""), TableColumn.AgeColumn];

    public static IReadOnlyList<TableColumn> Claim { get; } =
    [
        TableColumn.NameColumn,
        Text("Status", "The claim's phase.", o => o.StringAt("status", "phase")),
        Text("Volume", "The volume it is bound to.", o => o.StringAt("spec", "volumeName") ?? ""),
        Text("Capacity", "Size of that volume.", o => o.StringAt("status", "capacity", "storage") ?? ""),
        Text("Access Modes", "How it may be mounted.", o => AccessModes(o.At("status", "accessModes"))),
        Text("StorageClass", "Its storage class.", o => o.StringAt("spec", "storageClassName") ?? ""),
        Text("VolumeAttributesClass", "Its volume attributes class.", o => o.StringAt("spec", "volumeAttributesClassName") ?? "<unset>"),
        TableColumn.AgeColumn,
        Text("VolumeMode", "Filesystem or Block.", o => o.StringAt("spec", "volumeMode") ?? "Filesystem", 1),
    ];

    public static IReadOnlyList<TableColumn> Volume { get; } =
    [
        TableColumn.NameColumn,
        Text("Capacity", "The volume's size.", o => o.StringAt("spec", "capacity", "storage") ?? ""),
        Text("Access Modes", "How it may be mounted.", o => AccessModes(o.At("spec", "accessModes"))),
        Text("Reclaim Policy", "What becomes of it when its claim is gone.", o => o.StringAt("spec", "persistentVolumeReclaimPolicy") ?? ""),
        Text("Status", "The volume's phase.", o => o.StringAt("status", "phase")),
        Text("Claim", "The claim it is bound to.", o => o.At("spec", "claimRef") is { } c ? $"{c.StringAt("namespace")}/{c.StringAt("name")}" : ""),
        Text("StorageClass", "Its storage class.", o => o.StringAt("spec", "storageClassName") ?? ""),
        Text("VolumeAttributesClass", "Its volume attributes class.", o => o.StringAt("spec", "volumeAttributesClassName") ?? "<unset>"),
        Text("Reason", "Why it is in this phase.", o => o.StringAt("status", "reason") ?? ""),
        TableColumn.AgeColumn,
        Text("VolumeMode", "Filesystem or Block.", o => o.StringAt("spec", "volumeMode") ?? "Filesystem", 1),
    ];

    public static IReadOnlyList<TableColumn> DaemonSet { get; } =
    [
        TableColumn.NameColumn,
        Status("Desired", "desiredNumberScheduled"),
        Status("Current", "currentNumberScheduled"),
        Status("Ready", "numberReady"),
        Status("Up-to-date", "updatedNumberScheduled"),
        Status("Available", "numberAvailable"),
        Text("Node Selector", "The nodes it is for.", o => Labels(o.At("spec", "template", "spec", "nodeSelector"))),
        TableColumn.AgeColumn,
        .. TemplateColumns,
    ];

    public static IReadOnlyList<TableColumn> Deployment { get; } =
    [
        TableColumn.NameColumn,
        Text("Ready", "Ready replicas of wanted replicas.", o => $"{Long(o, "status", "readyReplicas")}/{o.At("spec", "replicas")?.GetInt64() ?? 1}"),
        Status("Up-to-date", "updatedReplicas"),
        Status("Available", "availableReplicas"),
        TableColumn.AgeColumn,
        .. TemplateColumns,
    ];

    public static IReadOnlyList<TableColumn> Definition { get; } =
        [TableColumn.NameColumn, new("Created At", "date", "When the definition was created.", 0, "", (o, _) => o.StringAt("metadata", "creationTimestamp"))];

    /// <summary>What the pods of a workload are, in wide output.</summary>
    private static TableColumn[] TemplateColumns =>
    [
        Text("Containers", "Names of the containers.", o => Containers(o, "name"), 1),
        Text("Images", "Images of the containers.", o => Containers(o, "image"), 1),
        Text("Selector", "The pods that belong to it.", o => Labels(o.At("spec", "selector", "matchLabels")), 1),
    ];

    private static TableColumn Text(string name, string description, Func<JsonElement, string?> cell, int priority = 0) =>
        new(name, "string", description, priority, "", (o, _) => cell(o));

    private static TableColumn Number(string name, string description, Func<JsonElement, long> cell) => new(name, "integer", description, 0, "", (o, _) => cell(o));

    private static TableColumn Status(string name, string field) => Number(name, $"status.{field}", o => Long(o, "status", field));

    private static TableColumn[] EventColumns(string about, string message, string first, string last, string count, string source, string reporter) =>
    [
        new("Last Seen", "string", "Time since it last happened.", 0, "", (o, now) => HumanDuration.Since(LastSeen(o, last, first), now)),
        Text("Type", "Normal or Warning.", o => o.StringAt("type") ?? ""),
        Text("Reason", "CamelCase reason.", o => o.StringAt("reason") ?? ""),
        Text("Object", "What it happened to.", o => $"{o.StringAt(about, "kind")?.ToLowerInvariant()}/{o.StringAt(about, "name")}"),
        Text("Subobject", "The part it happened to.", o => o.StringAt(about, "fieldPath") ?? "", 1),
        Text("Source", "Who said so.", o => o.StringAt(source, "component") ?? o.StringAt(reporter) ?? "", 1),
        Text("Message", "What happened.", o => o.StringAt(message)?.Trim() ?? ""),
        new("First Seen", "string", "Time since it first happened.", 1, "", (o, now) => HumanDuration.Since(o.StringAt(first) ?? o.StringAt("eventTime"), now)),
        new("Count", "integer", "How often it happened.", 1, "", (o, _) => (o.At("series", "count") ?? o.At(count))?.GetInt64() ?? 1),
        TableColumn.NameColumn with { Priority = 1 },
    ];

    private static string? LastSeen(JsonElement o, string last, string first) =>
        o.StringAt("series", "lastObservedTime") ?? o.StringAt(last) ?? o.StringAt(first) ?? o.StringAt("eventTime");

    private static string NodeStatus(JsonElement node)
    {
        var ready = Items(node.At("status", "conditions")).FirstOrDefault(c => c.StringAt("type") == "Ready");
        var status = ready.ValueKind == JsonValueKind.Undefined ? "Unknown" : ready.StringAt("status") == "True" ? "Ready" : "NotReady";
        return node.At("spec", "unschedulable")?.ValueKind == JsonValueKind.True ? $"{status},SchedulingDisabled" : status;
    }

    private static string NodeRoles(JsonElement node)
    {
        const string prefix = "node-role.kubernetes.io/";
        IEnumerable<JsonProperty> labels = node.At("metadata", "labels") is { ValueKind: JsonValueKind.Object } found ? found.EnumerateObject() : [];
        var roles = string.Join(",", labels.Where(l => l.Name.StartsWith(prefix, StringComparison.Ordinal)).Select(l => l.Name[prefix.Length..]).Order(StringComparer.Ordinal));
        return roles.Length == 0 ? "<none>" : roles;
    }

    private static string PodStatus(JsonElement pod)
    {
        if (pod.StringAt("metadata", "deletionTimestamp") is not null)
            return "Terminating";
        var waiting = Items(pod.At("status", "containerStatuses")).Select(c => c.StringAt("state", "waiting", "reason")).FirstOrDefault(r => r is not null);
        return waiting ?? pod.StringAt("status", "reason") ?? pod.StringAt("status", "phase") ?? "Unknown";
    }

    private static string Address(JsonElement node, string type) =>
        Items(node.At("status", "addresses")).Where(a => a.StringAt("type") == type).Select(a => a.StringAt("address")).FirstOrDefault() ?? "<none>";

    private static string AccessModes(JsonElement? modes) =>
        string.Join(",", Items(modes).Select(m => m.GetString() switch { "ReadWriteOnce" => "RWO", "ReadOnlyMany" => "ROX", "ReadWriteMany" => "RWX", "ReadWriteOncePod" => "RWOP", var other => other }));

    private static string Containers(JsonElement o, string field) =>
        string.Join(",", Items(o.At("spec", "template", "spec", "containers")).Select(c => c.StringAt(field)));

    private static string Labels(JsonElement? labels)
    {
        if (labels is not { ValueKind: JsonValueKind.Object } found)
            return "<none>";
        return string.Join(",", found.EnumerateObject().Select(l => $"{l.Name}={l.Value.GetString()}"));
    }

    private static long Long(JsonElement o, params ReadOnlySpan<string> path) => o.At(path) is { ValueKind: JsonValueKind.Number } value ? value.GetInt64() : 0;

    private static long Count(JsonElement? collection, Func<JsonElement, bool>? which = null) => collection switch
    {
        { ValueKind: JsonValueKind.Array } array => array.EnumerateArray().Count(which ?? (_ => true)),
        { ValueKind: JsonValueKind.Object } members => members.EnumerateObject().Count(),
        _ => 0,
    };

    private static List<JsonElement> Items(JsonElement? array) => array is { ValueKind: JsonValueKind.Array } found ? [.. found.EnumerateArray()] : [];
}
