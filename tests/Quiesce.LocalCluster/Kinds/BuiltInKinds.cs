using Quiesce.Cluster.Tables;

namespace Quiesce.Cluster.Kinds;

/// <summary>
/// The kinds that come with the server. They are stored as they are sent: no schema, no controllers, no scheduler, no kubelet.
/// The order is that of discovery.
/// </summary>
internal static class BuiltInKinds
{
    private static readonly string[] SpecAndStatus = ["spec", "status"];

    public static IReadOnlyList<ApiResource> All { get; } =
    [
        Kind("", "v1", "Namespace", "namespaces", "ns", scoped: false, status: true) with
        {
            NamesAreLabels = true,
            SelectableFields = ["status.phase"],
            Columns = BuiltInColumns.Namespace,
            OnCreate = BuiltInDefaults.Namespace,
        },
        Kind("", "v1", "Node", "nodes", "no", scoped: false, status: true) with { SelectableFields = ["spec.unschedulable"], Columns = BuiltInColumns.Node },
        Kind("", "v1", "Pod", "pods", "po", status: true) with
        {
            CountsGenerations = true,
            Categories = ["all"],
            SelectableFields = ["spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName", "spec.hostNetwork", "status.phase", "status.podIP", "status.nominatedNodeName"],
            Columns = BuiltInColumns.Pod,
            Defaults = BuiltInDefaults.Pod,
            OnCreate = BuiltInDefaults.PodStatus,
        },
        Kind("", "v1", "Event", "events", "ev") with
        {
            Fields = ["involvedObject", "reason", "message", "source", "firstTimestamp", "lastTimestamp", "count", "type", "eventTime", "series", "action", "related", "reportingComponent", "reportingInstance"],
            Times = ["firstTimestamp", "lastTimestamp"],
            MicroTimes = ["eventTime", "series.lastObservedTime"],
            CreatesOnUpdate = true,
            SelectableFields = ["involvedObject.kind", "involvedObject.namespace", "involvedObject.name", "involvedObject.uid", "involvedObject.apiVersion", "involvedObject.resourceVersion", "involvedObject.fieldPath", "reason", "reportingComponent", "source", "type"],
            Columns = BuiltInColumns.Event,
        },
        Kind("", "v1", "ConfigMap", "configmaps", "cm") with { Fields = ["data", "binaryData", "immutable"], Columns = BuiltInColumns.ConfigMap },
        Kind("", "v1", "Secret", "secrets") with
        {
            Fields = ["data", "stringData", "type", "immutable"],
            SelectableFields = ["type"],
            Columns = BuiltInColumns.Secret,
            Defaults = BuiltInDefaults.Secret,
        },
        Kind("", "v1", "ServiceAccount", "serviceaccounts", "sa") with { Fields = ["secrets", "imagePullSecrets", "automountServiceAccountToken"] },
        Kind("", "v1", "Service", "services", "svc", status: true) with { NamesAreLabels = true, Categories = ["all"] },
        Kind("", "v1", "Endpoints", "endpoints", "ep") with { Fields = ["subsets"] },
        Kind("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims", "pvc", status: true) with { Columns = BuiltInColumns.Claim, OnCreate = BuiltInDefaults.Pending },
        Kind("", "v1", "PersistentVolume", "persistentvolumes", "pv", scoped: false, status: true) with { Columns = BuiltInColumns.Volume, OnCreate = BuiltInDefaults.Pending },
        Kind("apiextensions.k8s.io", "v1", "CustomResourceDefinition", CustomKinds.Plural, "crd crds", scoped: false, status: true) with
        {
            CountsGenerations = true,
            Categories = ["api-extensions"],
            Columns = BuiltInColumns.Definition,
            Defaults = BuiltInDefaults.Definition,
        },
        Kind("apps", "v1", "ControllerRevision", "controllerrevisions") with { Fields = ["data", "revision"] },
        Kind("apps", "v1", "DaemonSet", "daemonsets", "ds", status: true) with { CountsGenerations = true, Categories = ["all"], Columns = BuiltInColumns.DaemonSet },
        Kind("apps", "v1", "Deployment", "deployments", "deploy", status: true) with { CountsGenerations = true, Categories = ["all"], Columns = BuiltInColumns.Deployment },
        Kind("apps", "v1", "ReplicaSet", "replicasets", "rs", status: true) with { CountsGenerations = true, Categories = ["all"] },
        Kind("apps", "v1", "StatefulSet", "statefulsets", "sts", status: true) with { CountsGenerations = true, Categories = ["all"] },
        Kind("batch", "v1", "Job", "jobs", status: true) with { CountsGenerations = true, Categories = ["all"] },
        Kind("batch", "v1", "CronJob", "cronjobs", "cj", status: true) with { CountsGenerations = true, Categories = ["all"] },
        Kind("coordination.k8s.io", "v1", "Lease", "leases") with
        {
            Fields = ["spec"],
            MicroTimes = ["spec.acquireTime", "spec.renewTime"],
            UpdateNeedsResourceVersion = true,
            CreatesOnUpdate = true,
            Columns = BuiltInColumns.Lease,
        },
        Kind("events.k8s.io", "v1", "Event", "events", "ev") with
        {
            Collection = "events",
            Conversion = new EventConversion(),
            Fields = ["eventTime", "series", "reportingController", "reportingInstance", "action", "reason", "regarding", "related", "note", "type", "deprecatedSource", "deprecatedFirstTimestamp", "deprecatedLastTimestamp", "deprecatedCount"],
            Times = ["deprecatedFirstTimestamp", "deprecatedLastTimestamp"],
            MicroTimes = ["eventTime", "series.lastObservedTime"],
            CreatesOnUpdate = true,
            SelectableFields = ["regarding.kind", "regarding.namespace", "regarding.name", "regarding.uid", "regarding.apiVersion", "regarding.resourceVersion", "regarding.fieldPath", "reason", "reportingController", "type"],
            Columns = BuiltInColumns.EventV1,
        },
        Kind("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets", "pdb", status: true) with { CountsGenerations = true },
        Kind("rbac.authorization.k8s.io", "v1", "ClusterRole", "clusterroles", scoped: false) with { Fields = ["rules", "aggregationRule"] },
        Kind("rbac.authorization.k8s.io", "v1", "ClusterRoleBinding", "clusterrolebindings", scoped: false) with { Fields = ["subjects", "roleRef"] },
        Kind("rbac.authorization.k8s.io", "v1", "Role", "roles") with { Fields = ["rules"] },
        Kind("rbac.authorization.k8s.io", "v1", "RoleBinding", "rolebindings") with { Fields = ["subjects", "roleRef"] },
        Kind("scheduling.k8s.io", "v1", "PriorityClass", "priorityclasses", "pc", scoped: false) with { Fields = ["value", "globalDefault", "description", "preemptionPolicy"] },
        Kind("storage.k8s.io", "v1", "StorageClass", "storageclasses", "sc", scoped: false) with { Fields = ["provisioner", "parameters", "reclaimPolicy", "mountOptions", "allowVolumeExpansion", "volumeBindingMode", "allowedTopologies"] },
        Kind("storage.k8s.io", "v1", "CSIDriver", "csidrivers", scoped: false) with { Fields = ["spec"] },
        Kind("storage.k8s.io", "v1", "CSINode", "csinodes", scoped: false) with { Fields = ["spec"] },
        Kind("storage.k8s.io", "v1", "VolumeAttachment", "volumeattachments", scoped: false, status: true),
        Kind("admissionregistration.k8s.io", "v1", "ValidatingAdmissionPolicy", "validatingadmissionpolicies", scoped: false, status: true) with { Categories = ["api-extensions"], CountsGenerations = true },
        Kind("admissionregistration.k8s.io", "v1", "ValidatingAdmissionPolicyBinding", "validatingadmissionpolicybindings", scoped: false) with { Categories = ["api-extensions"], Fields = ["spec"] },
    ];

    private static ApiResource Kind(string group, string version, string kind, string plural, string shortNames = "", bool scoped = true, bool status = false) => new()
    {
        Group = group,
        Version = version,
        Kind = kind,
        ListKind = kind + "List",
        Plural = plural,
        Singular = kind.ToLowerInvariant(),
        ShortNames = shortNames.Split(' ', StringSplitOptions.RemoveEmptyEntries),
        Namespaced = scoped,
        HasStatus = status,
        Fields = SpecAndStatus,
        Columns = [TableColumn.NameColumn, TableColumn.AgeColumn],
        Collection = group.Length == 0 ? plural : $"{plural}.{group}",
    };
}
