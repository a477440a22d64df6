using System.Text;
using System.Text.Json.Nodes;

namespace Quiesce.Cluster.Kinds;

/// <summary>The few fields that the server itself fills in on kinds that come with it.</summary>
internal static class BuiltInDefaults
{
    public static void Namespace(JsonObject ns)
    {
        ns.Child("metadata").Child("labels")["kubernetes.io/metadata.name"] = ns.StringAt("metadata", "name");
        ns["spec"] = new JsonObject { ["finalizers"] = new JsonArray("kubernetes") };
        ns["status"] = new JsonObject { ["phase"] = "Active" };
    }

    public static void Pod(JsonObject pod)
    {
        var spec = pod.Child("spec");
        spec["restartPolicy"] ??= "Always";
        spec["terminationGracePeriodSeconds"] ??= 30;
        spec["dnsPolicy"] ??= "ClusterFirst";
        spec["schedulerName"] ??= "default-scheduler";
    }

    public static void PodStatus(JsonObject pod) => pod["status"] = new JsonObject { ["phase"] = "Pending", ["qosClass"] = "BestEffort" };

    public static void Pending(JsonObject claim) => claim["status"] = new JsonObject { ["phase"] = "Pending" };

    public static void Secret(JsonObject secret)
    {
        secret["type"] ??= "Opaque";
        if (secret["stringData"] is not JsonObject texts)
            return;
        var data = secret.Child("data");
        foreach (var (name, value) in texts)
            data[name] = Convert.ToBase64String(Encoding.UTF8.GetBytes(value?.GetValue<string>() ?? ""));
        secret.Remove("stringData");
    }

    public static void Definition(JsonObject definition)
    {
        if (definition.At("spec") is not JsonObject spec || spec["names"] is not JsonObject names || names.StringAt("kind") is not { } kind)
            return;
        names["singular"] ??= kind.ToLowerInvariant();
        names["listKind"] ??= kind + "List";
        spec["conversion"] ??= new JsonObject { ["strategy"] = "None" };
    }
}
