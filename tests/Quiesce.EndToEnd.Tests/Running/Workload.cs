using System.Text;
using System.Text.Json.Nodes;
using Quiesce.RealFilesystems;

namespace Quiesce.EndToEnd.Tests.Running;

/// <summary>Pods, claims and volumes as objects of the API, and their mounts in kubelet's layout on a node: what kubelet, scheduler and a CSI driver would have made.</summary>
internal sealed class Workload(Installation installation, string ns)
{
    private readonly string kubelet = installation.NewFile("kubelet");

    internal string Namespace => ns;

    /// <summary>Makes a namespace for it.</summary>
    internal static async Task<Workload> CreateAsync(Installation installation) => new(installation, await installation.Server.CreateNamespaceAsync("shop"));

    /// <summary>Starts an agent on a node of its own that knows where this kubelet mounts.</summary>
    internal Task<Node> NodeAsync(NodeSpace space, params IEnumerable<string> arguments) =>
        installation.NodeAsync(new ProgramStart { Wrapper = space.Enter, Arguments = ["--kubelet-root", kubelet, .. arguments] });

    /// <summary>Creates a volume of a CSI driver and the claim that is bound to it.</summary>
    internal async Task ClaimAsync(string name)
    {
        await ApplyAsync($"""
            apiVersion: v1
            kind: PersistentVolumeClaim
            metadata: {"{"}name: {name}, namespace: {ns}{"}"}
            spec: {"{"}volumeName: {Volume(name)}, storageClassName: "", accessModes: [ReadWriteOnce], resources: {"{"}requests: {"{"}storage: 1Gi{"}"}{"}"}{"}"}
            """);
        var uid = await UidAsync("persistentvolumeclaims", name);
        await ApplyAsync($"""
            apiVersion: v1
            kind: PersistentVolume
            metadata: {"{"}name: {Volume(name)}{"}"}
            spec:
              capacity: {"{"}storage: 1Gi{"}"}
              accessModes: [ReadWriteOnce]
              persistentVolumeReclaimPolicy: Retain
              csi: {"{"}driver: disks.example.com, volumeHandle: {name}{"}"}
              claimRef: {"{"}apiVersion: v1, kind: PersistentVolumeClaim, namespace: {ns}, name: {name}, uid: {uid}{"}"}
            """);
        await StatusAsync("persistentvolumeclaims", name, new() { ["phase"] = "Bound" });
    }

    /// <summary>Creates a running pod that mounts claims; the name of each volume is that of its claim.</summary>
    /// <returns>The pod's UID.</returns>
    internal async Task<string> PodAsync(string name, string node, string app, params string[] claims)
    {
        var volumes = string.Join(", ", claims.Select(c => $"{{name: {c}, persistentVolumeClaim: {{claimName: {c}}}}}").Append("{name: cache, emptyDir: {}}"));
        await ApplyAsync($"""
            apiVersion: v1
            kind: Pod
            metadata: {"{"}name: {name}, namespace: {ns}, labels: {"{"}app: {app}{"}"}{"}"}
            spec:
              nodeName: {node}
              containers: [{"{"}name: main, image: example.com/app{"}"}]
              volumes: [{volumes}]
            """);
        await StatusAsync("pods", name, new() { ["phase"] = "Running" });
        return await UidAsync("pods", name);
    }

    /// <summary>Creates a running pod as a workload's template has it.</summary>
    /// <returns>The pod's UID.</returns>
    internal async Task<string> PodAsync(string name, string node, JsonNode template)
    {
        var pod = template.DeepClone().AsObject();
        (pod["apiVersion"], pod["kind"]) = ("v1", "Pod");
        (pod["metadata"]!["name"], pod["metadata"]!["namespace"], pod["spec"]!["nodeName"]) = (name, ns, node);
        await ApplyAsync(pod.ToJsonString());
        await StatusAsync("pods", name, new() { ["phase"] = "Running" });
        return await UidAsync("pods", name);
    }

    /// <summary>Mounts what one pod has mounted for another one on the same node.</summary>
    internal async Task ShareAsync(NodeSpace space, string podUid, string otherPodUid, string claim)
    {
        Directory.CreateDirectory(Folder(otherPodUid, claim));
        await Command.RunAsync(space.Enter[0], [.. space.Enter.Skip(1), "mount", "--bind", Folder(podUid, claim), Folder(otherPodUid, claim)]);
    }

    /// <summary>Mounts a filesystem as a pod's volume, and nowhere else on that node unless it is to stay where it was.</summary>
    internal async Task MountAsync(NodeSpace space, RealFilesystem filesystem, string podUid, string claim, bool elsewhereToo = false)
    {
        var folder = Folder(podUid, claim);
        Directory.CreateDirectory(folder);
        var how = elsewhereToo ? "--bind" : "--move";
        await Command.RunAsync(space.Enter[0], [.. space.Enter.Skip(1), "mount", how, filesystem.MountPoint, folder]);
    }

    /// <summary>Where kubelet mounts a claim of a pod.</summary>
    internal string Folder(string podUid, string claim) => $"{kubelet}/pods/{podUid}/volumes/kubernetes.io~csi/{Volume(claim)}/mount";

    private string Volume(string claim) => $"{ns}-{claim}";

    private Task ApplyAsync(string yaml) => installation.Server.ApplyAsync(yaml);

    private async Task StatusAsync(string plural, string name, JsonObject status)
    {
        using var patch = new StringContent(new JsonObject { ["status"] = status }.ToJsonString(), Encoding.UTF8, "application/merge-patch+json");
        using var answer = await installation.Server.Http.PatchAsync(new Uri($"/api/v1/namespaces/{ns}/{plural}/{name}/status", UriKind.Relative), patch);
        Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync());
    }

    private async Task<string> UidAsync(string plural, string name)
    {
        var json = JsonNode.Parse(await installation.Server.Http.GetStringAsync(new Uri($"/api/v1/namespaces/{ns}/{plural}/{name}", UriKind.Relative)))!;
        return (string)json["metadata"]!["uid"]!;
    }
}
