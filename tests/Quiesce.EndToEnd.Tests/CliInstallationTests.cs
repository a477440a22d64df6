using System.Text;
using System.Text.Json.Nodes;
using Quiesce.Crds;
using Quiesce.EndToEnd.Tests.Running;
using Quiesce.RealFilesystems;

namespace Quiesce.EndToEnd.Tests;

/// <summary>The commands for administrators: install-manifests, upgrade-agents, uninstall, and what shells complete.</summary>
public sealed class CliInstallationTests(SpareInstallations spares) : OwnInstallation(spares)
{
    [Fact]
    public async Task Uninstall_thaws_waits_and_removes_what_is_labelled()
    {
        await using var scene = await SceneAsync();
        var ns = await scene.InstallAsync();
        var (code, said) = await CliAsync("uninstall", "--dry-run");
        Assert.True(code == 0, said);
        Assert.Contains($"deployment.apps/quiesce-operator in {ns} (dry run)", said, StringComparison.Ordinal);
        Assert.True(scene.Writer.StandsStill);
        (code, said) = await CliAsync("uninstall", "--timeout", "20s");
        Assert.True(code == 0, said);
        await scene.Writer.FrozenOnceAsync(longestSeconds: 30);
        Assert.Equal(FreezePhase.Thawed, (await scene.Request.EndAsync()).Phase);
        Assert.Contains($"deployment.apps/quiesce-operator in {ns} deleted", said, StringComparison.Ordinal);
        Assert.Equal("", (await Installation.KubectlAsync("get", "deployments,daemonsets,serviceaccounts", "-n", ns, "-l", "app.kubernetes.io/part-of=quiesce", "-o", "name")).Trim());
        await scene.Request.DeleteAsync();
        await scene.Request.GoneAsync();
    }

    [Fact]
    public async Task Uninstall_without_an_operator_frees_the_requests_and_the_nodes_thaw()
    {
        await using var scene = await SceneAsync();
        await Installation.KillOperatorAsync();
        var (code, said) = await CliAsync("uninstall", "--requests-only", "--timeout", "2s");
        Assert.True(code == 0, said);
        Assert.Contains("nobody has ended it; taking its finalizer off", said, StringComparison.Ordinal);
        await scene.Writer.GoesOnAsync(TimeSpan.FromSeconds(5));
        await scene.Writer.FrozenOnceAsync(longestSeconds: 30);
        await scene.Request.DeleteAsync();
        await scene.Request.GoneAsync();
        await Installation.StartOperatorAsync();
    }

    [Fact]
    public async Task What_helm_installed_is_left_to_helm()
    {
        await using var scene = await SceneAsync();
        var ns = await scene.InstallAsync();
        await Installation.KubectlAsync("annotate", "deployment", "-n", ns, "quiesce-operator", "meta.helm.sh/release-name=nightly", $"meta.helm.sh/release-namespace={ns}");
        var (code, said) = await CliAsync("uninstall");
        Assert.True(code == 2, said);
        Assert.Contains($"helm uninstall nightly --namespace {ns}", said, StringComparison.Ordinal);
        Assert.True(scene.Writer.StandsStill);
        await Installation.KubectlAsync("delete", "deployment,daemonset,serviceaccount", "--all", "-n", ns);
        await scene.Request.DeleteAsync();
        await scene.Request.GoneAsync();
    }

    [Fact]
    public async Task Agents_are_replaced_where_nothing_is_held()
    {
        await using var scene = await SceneAsync();
        var ns = await scene.InstallAsync();
        var set = JsonNode.Parse(await Installation.KubectlAsync("get", "daemonset", "-n", ns, "quiesce-agent", "-o", "json"))!;
        await PatchAsync($"/apis/apps/v1/namespaces/{ns}/daemonsets/quiesce-agent/status", new() { ["status"] = new JsonObject { ["observedGeneration"] = (long)set["metadata"]!["generation"]! } });
        var uid = (string)set["metadata"]!["uid"]!;
        foreach (var (revision, hash) in new[] { (1, "old"), (2, "new") })
        {
            await Installation.Server.ApplyAsync($$"""
                apiVersion: apps/v1
                kind: ControllerRevision
                metadata: {name: quiesce-agent-{{hash}}, namespace: {{ns}}, labels: {controller-revision-hash: {{hash}}}, ownerReferences: [{apiVersion: apps/v1, kind: DaemonSet, name: quiesce-agent, uid: {{uid}} }] }
                revision: {{revision}}
                data: {spec: none}
                """);
        }

        // The free node comes after the held one by name, and goes first all the same.
        var held = scene.Node.Name;
        var free = await Installation.AddNodeAsync();
        foreach (var node in new[] { held, free }) await PodAsync(ns, uid, node, "old");
        var upgrade = CliAsync("upgrade-agents", "--timeout", "30s");
        await PodGoneAsync(ns, $"agent-{free}-old");
        await Task.Delay(700);
        Assert.False(upgrade.IsCompleted);
        Assert.NotEqual("", await Installation.KubectlAsync("get", "pod", "-n", ns, $"agent-{held}-old", "-o", "name"));
        // As its DaemonSet's controller does.
        await PodAsync(ns, uid, free, "new");
        await Task.Delay(1500);
        Assert.False(upgrade.IsCompleted);
        Assert.True(scene.Writer.StandsStill);
        await scene.Request.ThawAsync();
        await PodGoneAsync(ns, $"agent-{held}-old");
        Assert.Equal(FreezePhase.Thawed, (await scene.Request.EndAsync()).Phase);
        await PodAsync(ns, uid, held, "new");
        var (code, said) = await upgrade;
        Assert.True(code == 0, said);
        Assert.Contains("2 agents replaced", said, StringComparison.Ordinal);
        (code, said) = await CliAsync("upgrade-agents");
        Assert.True(code == 0, said);
        Assert.Contains("all agents are of its present template", said, StringComparison.Ordinal);
        foreach (var node in new[] { held, free }) await Installation.KubectlAsync("delete", "pod", "-n", ns, $"agent-{node}-new", "--grace-period=0", "--force");
        await Installation.KubectlAsync("delete", "deployment,daemonset,serviceaccount", "--all", "-n", ns);
        await scene.Request.DeleteAsync();
        await scene.Request.GoneAsync();
    }

    [Fact]
    public async Task The_manifests_are_those_of_the_chart_with_other_images()
    {
        var (code, said) = await Command.TryAsync(Installation.CliProgram, ["install-manifests", "--registry", "registry.example.com:5000/q", "--tag", "v9"]);
        Assert.True(code == 0, said);
        Assert.Contains("image: \"registry.example.com:5000/q/quiesce-agent:v9\"", said, StringComparison.Ordinal);
        Assert.Contains("image: \"registry.example.com:5000/q/quiesce-operator:v9\"", said, StringComparison.Ordinal);
        Assert.Equal(2, (await Command.TryAsync(Installation.CliProgram, ["install-manifests", "--registry", "no registry"])).Code);
    }

    [Fact]
    public async Task Shells_complete_commands_options_and_names()
    {
        await using var scene = await SceneAsync();
        Assert.Equal("freeze\tFreeze, and return when all of it is frozen. It stays so until 'thaw', or until the deadline.\n:4", (await Command.TryAsync(Installation.CliProgram, ["__complete", "fr"])).Output);
        var (_, said) = await Command.TryAsync(Installation.CliProgram, ["__complete", "thaw", "--kubeconfig", Installation.Kubeconfig, "-n", scene.Request.Namespace, ""]);
        Assert.Contains($"{scene.Request.Name}\n:4", said, StringComparison.Ordinal);
        (_, said) = await Command.TryAsync(Installation.CliProgram, ["__complete", "freeze", "--kubeconfig", Installation.Kubeconfig, "--host-path", "/a", "--node", ""]);
        Assert.Contains($"{scene.Node.Name}\n", said, StringComparison.Ordinal);
        (_, said) = await Command.TryAsync(Installation.CliProgram, ["completion"]);
        Assert.StartsWith("#!/bin/sh\n", said, StringComparison.Ordinal);
        Assert.EndsWith("exec kubectl-quiesce __complete \"$@\"", said, StringComparison.Ordinal);
        await scene.Request.DeleteAsync();
        await scene.Request.GoneAsync();
    }

    private Task<(int Code, string Output)> CliAsync(params string[] arguments) =>
        Command.TryAsync("env", ["-u", "KUBECONFIG", Installation.CliProgram, .. arguments, "--kubeconfig", Installation.Kubeconfig]);

    private async Task<Scene> SceneAsync()
    {
        await Installation.RequireAsync();
        var filesystem = await RealFilesystem.CreateAsync(FilesystemKind.Ext4);
        var guard = filesystem.Guard(TimeSpan.FromSeconds(90));
        var writer = await StandingWriter.StartAsync(filesystem);
        var node = await Installation.NodeAsync();
        var request = await Request.OfAsync(Installation, 60, Request.HostPath(node.Name, filesystem.MountPoint));
        await request.PhaseAsync(FreezePhase.Frozen);
        await writer.StandsStillAsync();
        return new(Installation, filesystem, guard, writer, node, request);
    }

    private async Task PodAsync(string ns, string set, string node, string hash)
    {
        await Installation.Server.ApplyAsync($$"""
            apiVersion: v1
            kind: Pod
            metadata:
              name: agent-{{node}}-{{hash}}
              namespace: {{ns}}
              labels: {app.kubernetes.io/name: quiesce, app.kubernetes.io/component: agent, controller-revision-hash: {{hash}}}
              ownerReferences: [{apiVersion: apps/v1, kind: DaemonSet, name: quiesce-agent, uid: {{set}}, controller: true}]
            spec: {nodeName: {{node}}, containers: [{name: agent, image: quiesce-agent}], terminationGracePeriodSeconds: 0}
            """);
        await PatchAsync($"/api/v1/namespaces/{ns}/pods/agent-{node}-{hash}/status", new()
        {
            ["status"] = new JsonObject { ["phase"] = "Running", ["conditions"] = new JsonArray(new JsonObject { ["type"] = "Ready", ["status"] = "True" }) },
        });
    }

    private async Task PodGoneAsync(string ns, string name) => await Eventually.GetAsync(
        async () => (await Installation.TryKubectlAsync("get", "pod", "-n", ns, name)).Code != 0 ? "gone" : null, () => $"pod {name} gone");

    private async Task PatchAsync(string path, JsonObject content)
    {
        using var patch = new StringContent(content.ToJsonString(), Encoding.UTF8, "application/merge-patch+json");
        using var answer = await Installation.Server.Http.PatchAsync(new Uri(path, UriKind.Relative), patch);
        Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync());
    }

    /// <summary>An open window, and objects as the chart makes them.</summary>
    private sealed class Scene(Installation installation, RealFilesystem filesystem, IDisposable guard, StandingWriter writer, Node node, Request request) : IAsyncDisposable
    {
        internal StandingWriter Writer => writer;

        internal Node Node => node;

        internal Request Request => request;

        /// <returns>The namespace they are in.</returns>
        internal async Task<string> InstallAsync()
        {
            var ns = await installation.Server.CreateNamespaceAsync("quiesce");
            const string labels = "{app.kubernetes.io/name: quiesce, app.kubernetes.io/part-of: quiesce, app.kubernetes.io/component: agent}";
            const string template = "{metadata: {labels: {app: a}}, spec: {containers: [{name: a, image: a}]}}";
            await installation.Server.ApplyAsync($$"""
                apiVersion: apps/v1
                kind: Deployment
                metadata: {name: quiesce-operator, namespace: {{ns}}, labels: {app.kubernetes.io/name: quiesce, app.kubernetes.io/part-of: quiesce} }
                spec: {selector: {matchLabels: {app: a} }, template: {{template}} }
                """);
            await installation.Server.ApplyAsync($$"""
                apiVersion: apps/v1
                kind: DaemonSet
                metadata: {name: quiesce-agent, namespace: {{ns}}, labels: {{labels}} }
                spec: {selector: {matchLabels: {app: a} }, updateStrategy: {type: OnDelete}, template: {{template}} }
                """);
            await installation.Server.ApplyAsync($$"""
                apiVersion: v1
                kind: ServiceAccount
                metadata: {name: quiesce-agent, namespace: {{ns}}, labels: {{labels}} }
                """);
            return ns;
        }

        public async ValueTask DisposeAsync()
        {
            await node.DisposeAsync();
            await writer.DisposeAsync();
            guard.Dispose();
            await filesystem.DisposeAsync();
        }
    }
}
