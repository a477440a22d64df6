using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Quiesce.ApiServers;
using Quiesce.Cluster.Tests.Api;

namespace Quiesce.Cluster.Tests.Kubectl;

/// <summary>What people type, with the <c>kubectl</c> that is on the PATH: any from 1.20, which Debian 12 has, on.</summary>
public sealed partial class KubectlTests(SharedServer shared) : IAsyncLifetime
{
    private const string Widget = """
        apiVersion: tests.quiesce.dev/v1
        kind: Widget
        metadata: {name: one}
        spec: {size: 3, nodeName: node-1}
        """;

    private static readonly string? Kubectl = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Select(f => Path.Combine(f, "kubectl")).FirstOrDefault(File.Exists);

    private readonly string _home = Directory.CreateTempSubdirectory("quiesce-kubectl-").FullName;
    private string _namespace = "";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private ApiServerUnderTest Server => shared.Server;

    public async ValueTask InitializeAsync()
    {
        Assert.SkipWhen(Kubectl is null, "no kubectl on the PATH (Debian: apt-get install kubernetes-client)");
        _namespace = await Server.CreateNamespaceAsync("kubectl", Cancel);
        Server.WriteKubeconfig(Path.Combine(_home, "config"));
    }

    public async ValueTask DisposeAsync()
    {
        Directory.Delete(_home, recursive: true);
        if (_namespace.Length > 0)
            using (await Server.Http.DeleteAsync($"/api/v1/namespaces/{_namespace}"))
            {
            }
    }

    [Fact]
    public async Task Apply_creates_changes_and_leaves_alone()
    {
        Assert.Equal("widget.tests.quiesce.dev/one created", await OkAsync(Widget, "apply", "-f", "-"));
        Assert.Equal("widget.tests.quiesce.dev/one unchanged", await OkAsync(Widget, "apply", "-f", "-"));
        Assert.Equal("widget.tests.quiesce.dev/one configured", await OkAsync(Widget.Replace("size: 3, ", "size: 4, ", StringComparison.Ordinal), "apply", "-f", "-"));
        Assert.Equal("4 node-1 red", await OkAsync("", "get", "widget", "one", "-o", "jsonpath={.spec.size} {.spec.nodeName} {.spec.colour}"));
        await OkAsync(Widget.Replace(", nodeName: node-1", "", StringComparison.Ordinal), "apply", "-f", "-");
        Assert.Equal("", await OkAsync("", "get", "widget", "one", "-o", "jsonpath={.spec.nodeName}"));
    }

    [Fact]
    public async Task Apply_on_the_server_creates_and_changes()
    {
        Assert.Equal("widget.tests.quiesce.dev/one serverside-applied", await OkAsync(Widget, "apply", "--server-side", "-f", "-"));
        Assert.Equal("widget.tests.quiesce.dev/one serverside-applied", await OkAsync(Widget.Replace("size: 3", "size: 5", StringComparison.Ordinal), "apply", "--server-side", "-f", "-"));
        Assert.Equal("5", await OkAsync("", "get", "widget", "one", "-o", "jsonpath={.spec.size}"));
    }

    [Fact]
    public async Task Apply_of_something_invalid_says_what_is_wrong()
    {
        var value = await FailAsync(Widget.Replace("size: 3", "size: 30", StringComparison.Ordinal), "apply", "-f", "-");
        var field = await FailAsync(Widget.Replace("size: 3", "size: 3, sizes: 4", StringComparison.Ordinal), "apply", "-f", "-");

        Assert.Contains("""The Widget "one" is invalid: spec.size: Invalid value: 30: spec.size in body should be less than or equal to 10""", value, StringComparison.Ordinal);
        Assert.Matches("unknown field \"(spec.)?sizes\"", field);
        Assert.Contains("NotFound", await FailAsync("", "get", "widget", "one"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_dry_run_on_the_server_leaves_nothing_behind()
    {
        Assert.Contains("server dry run", await OkAsync(Widget, "apply", "--dry-run=server", "-f", "-"), StringComparison.Ordinal);
        Assert.Contains("NotFound", await FailAsync("", "get", "widget", "one"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Get_shows_the_columns_of_the_kind()
    {
        await OkAsync(Widget, "create", "-f", "-");
        await StatusAsync("one", """{"status": {"conditions": [{"type": "Ready", "status": "True"}]}}""");

        var table = (await OkAsync("", "get", "widgets")).Split('\n');
        var wide = (await OkAsync("", "get", "widgets", "-o", "wide")).Split('\n');

        Assert.Equal("NAME SIZE READY UNTIL", Words(table[0]));
        Assert.Equal("one 3 True", Words(table[1]));
        Assert.Equal("NAME SIZE READY UNTIL COLOUR TAGS", Words(wide[0]));
        Assert.Equal("widget.tests.quiesce.dev/one", await OkAsync("", "get", "widgets", "-o", "name"));
        Assert.Contains("size: 3", await OkAsync("", "get", "widgets", "one", "-o", "yaml"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Get_selects_by_label_and_field_and_finds_short_names_and_categories()
    {
        await OkAsync(Widget, "create", "-f", "-");
        await OkAsync(Widget.Replace("one", "two", StringComparison.Ordinal).Replace("node-1", "node-2", StringComparison.Ordinal), "create", "-f", "-");
        await OkAsync("", "label", "widget", "two", "tier=front");

        Assert.Equal("widget.tests.quiesce.dev/two", await OkAsync("", "get", "widgets", "-l", "tier=front", "-o", "name"));
        Assert.Equal("widget.tests.quiesce.dev/one", await OkAsync("", "get", "widgets", "--field-selector", "spec.nodeName=node-1", "-o", "name"));
        Assert.Equal(2, (await OkAsync("", "get", "wd", "-o", "name")).Split('\n').Length);
        Assert.Equal(2, (await OkAsync("", "get", "gadgets", "-o", "name")).Split('\n').Length);
    }

    [Fact]
    public async Task Get_in_pages_shows_all()
    {
        foreach (var name in new[] { "a", "b", "c" })
            await OkAsync(Widget.Replace("one", name, StringComparison.Ordinal), "create", "-f", "-");

        Assert.Equal("a b c", Words(await OkAsync("", "get", "widgets", "--chunk-size=1", "--no-headers", "-o", "custom-columns=N:.metadata.name")));
    }

    [Fact]
    public async Task Get_watches()
    {
        await OkAsync(Widget, "create", "-f", "-");
        await using var watch = Command.Start(Kubectl!, Arguments(["get", "widgets", "-w", "--no-headers"]), Variables());

        Assert.Equal("one 3", Words(await watch.ReadLineAsync(Cancel)));
        await OkAsync("", "patch", "widget", "one", "--type", "merge", "-p", """{"spec": {"size": 7}}""");
        Assert.Equal("one 7", Words(await watch.ReadLineAsync(Cancel)));
    }

    [Fact]
    public async Task Wait_waits_for_a_condition_and_for_a_deletion()
    {
        await OkAsync(Widget, "create", "-f", "-");
        var ready = OkAsync("", "wait", "widget/one", "--for=condition=Ready", "--timeout=50s");
        await StatusAsync("one", """{"status": {"conditions": [{"type": "Ready", "status": "True"}]}}""");
        Assert.Equal("widget.tests.quiesce.dev/one condition met", await ready);

        await OkAsync("", "patch", "widget", "one", "--type", "merge", "-p", """{"metadata": {"finalizers": ["tests.quiesce.dev/hold"]}}""");
        var deletion = OkAsync("", "delete", "widget", "one");
        var gone = OkAsync("", "wait", "widget/one", "--for=delete", "--timeout=50s");
        await DeletingAsync("one");
        Assert.False(deletion.IsCompleted);
        await OkAsync("", "patch", "widget", "one", "--type", "json", "-p", """[{"op": "remove", "path": "/metadata/finalizers"}]""");
        Assert.Matches("widget.tests.quiesce.dev \"one\" deleted", await deletion);
        await gone;
    }

    [Fact]
    public async Task Wait_gives_up_at_its_timeout()
    {
        await OkAsync(Widget, "create", "-f", "-");

        Assert.Contains("timed out waiting for the condition", await FailAsync("", "wait", "widget/one", "--for=condition=Ready", "--timeout=1s"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Explain_describes_every_field()
    {
        await ExplainedAsync("widget");

        var all = await OkAsync("", "explain", "widget", "--recursive");
        var one = await OkAsync("", "explain", "widget.spec.size");
        var metadata = await OkAsync("", "explain", "widget.metadata");

        Assert.Contains("A thing to test with.", all, StringComparison.Ordinal);
        Assert.Matches(@"nodeName\s+<string>", all);
        Assert.Matches(@"conditions\s+<\[\]Object>", all);
        Assert.Contains("How big.", one, StringComparison.Ordinal);
        Assert.Contains("ownerReferences", metadata, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Explain_describes_a_freeze_request()
    {
        await ExplainedAsync("freezerequest");

        Assert.Contains("deadlineSeconds", await OkAsync("", "explain", "freezerequest", "--recursive"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Describe_shows_the_object_and_its_events()
    {
        await OkAsync(Widget, "create", "-f", "-");
        var uid = await OkAsync("", "get", "widget", "one", "-o", "jsonpath={.metadata.uid}");
        await OkAsync($"""
            apiVersion: v1
            kind: Event
            metadata:
              name: one.1
            reason: Tested
            message: it was tested
            type: Normal
            count: 1
            firstTimestamp: "2026-01-01T00:00:00Z"
            lastTimestamp: "2026-01-01T00:00:00Z"
            source:
              component: tests
            involvedObject:
              apiVersion: tests.quiesce.dev/v1
              kind: Widget
              namespace: {_namespace}
              name: one
              uid: {uid}
            """, "create", "-f", "-");

        var text = await OkAsync("", "describe", "widget", "one");
        var events = (await OkAsync("", "get", "events")).Split('\n');

        Assert.Contains("Node Name:  node-1", text, StringComparison.Ordinal);
        Assert.Matches(@"Normal\s+Tested\s+\S+\s+tests\s+it was tested", text);
        Assert.Equal("LAST SEEN TYPE REASON OBJECT MESSAGE", Words(events[0]));
        Assert.EndsWith("Normal Tested widget/one it was tested", Words(events[1]), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Patch_label_annotate_and_replace_change_an_object()
    {
        await OkAsync(Widget, "create", "-f", "-");

        Assert.Equal("widget.tests.quiesce.dev/one patched", await OkAsync("", "patch", "widget", "one", "--type=merge", "-p", """{"spec": {"size": 2}}"""));
        Assert.Equal("widget.tests.quiesce.dev/one labeled", await OkAsync("", "label", "widget", "one", "a=b"));
        Assert.StartsWith("widget.tests.quiesce.dev/one annotate", await OkAsync("", "annotate", "widget", "one", "c=d"), StringComparison.Ordinal);
        var current = JsonNode.Parse(await OkAsync("", "get", "widget", "one", "-o", "json"))!;
        Assert.Equal((2, "b", "d"), (current["spec"]!["size"]!.GetValue<int>(), current.Meta("labels")!["a"]!.GetValue<string>(), current.Meta("annotations")!["c"]!.GetValue<string>()));
        current["spec"]!["size"] = 9;
        Assert.Equal("widget.tests.quiesce.dev/one replaced", await OkAsync(current.ToJsonString(), "replace", "-f", "-"));
        Assert.Contains("Conflict", await FailAsync(current.ToJsonString(), "replace", "-f", "-"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Delete_deletes_one_many_and_all()
    {
        foreach (var name in new[] { "one", "two", "three", "four" })
            await OkAsync(Widget.Replace("one", name, StringComparison.Ordinal), "create", "-f", "-");
        await OkAsync("", "label", "widget", "two", "go=yes");

        Assert.Contains("\"one\" deleted", await OkAsync("", "delete", "widget", "one"), StringComparison.Ordinal);
        Assert.Contains("\"two\" deleted", await OkAsync("", "delete", "widgets", "-l", "go=yes"), StringComparison.Ordinal);
        Assert.Equal(2, (await OkAsync("", "delete", "widgets", "--all")).Split('\n').Length);
        Assert.Equal("", await OkAsync("", "delete", "widget", "one", "--ignore-not-found"));
        Assert.Contains("No resources found", (await RunAsync("", ["get", "widgets"])).Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_definition_can_be_applied_waited_for_used_and_deleted()
    {
        var group = $"{_namespace}.tests.quiesce.dev";
        var definition = $$"""
            apiVersion: apiextensions.k8s.io/v1
            kind: CustomResourceDefinition
            metadata: {name: things.{{group}}}
            spec:
              group: {{group}}
              scope: Cluster
              names: {plural: things, kind: Thing}
              versions:
              - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, properties: {a: {type: string} } } } }
            """;

        Assert.EndsWith(" created", await OkAsync(definition, "apply", "-f", "-"), StringComparison.Ordinal);
        Assert.EndsWith(" condition met", await OkAsync("", "wait", "--for=condition=Established", $"crd/things.{group}", "--timeout=50s"), StringComparison.Ordinal);
        Assert.EndsWith(" unchanged", await OkAsync(definition, "apply", "-f", "-"), StringComparison.Ordinal);
        Assert.Contains("things", await OkAsync("", "api-resources", "--api-group", group), StringComparison.Ordinal);
        Assert.EndsWith(" created", await OkAsync($"apiVersion: {group}/v1\nkind: Thing\nmetadata: {{name: one}}\na: b", "create", "-f", "-"), StringComparison.Ordinal);
        Assert.EndsWith(" deleted", await OkAsync(definition, "delete", "-f", "-"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_servers_own_kinds_can_be_applied_described_and_listed()
    {
        var node = $"node-{_namespace}";
        await Server.AddNodeAsync(node, cancellationToken: Cancel);
        const string Map = """
            apiVersion: v1
            kind: ConfigMap
            metadata: {name: one}
            data: {a: "1", b: "2"}
            """;

        Assert.Equal("configmap/one created", await OkAsync(Map, "apply", "-f", "-"));
        Assert.Equal("configmap/one configured", await OkAsync(Map.Replace(", b: \"2\"", "", StringComparison.Ordinal), "apply", "-f", "-"));
        Assert.Equal("""{"a":"1"}""", await OkAsync("", "get", "configmap", "one", "-o", "jsonpath={.data}"));
        Assert.Contains("Ready", Words(await OkAsync("", "get", "node", node)), StringComparison.Ordinal);
        Assert.Contains(node, await OkAsync("", "describe", "node", node), StringComparison.Ordinal);
        Assert.Matches(@"1/1\s+Running", await OkAsync("", "get", "pods", "-n", "quiesce-agents", "--field-selector", $"spec.nodeName={node}"));
        Assert.Contains("agent:", await OkAsync("", "describe", "pod", "-n", "quiesce-agents", $"quiesce-agent-{node}"), StringComparison.Ordinal);
        Assert.Equal($"namespace/{_namespace}-b created", await OkAsync("", "create", "namespace", $"{_namespace}-b"));
        Assert.Equal("secret/s created", await OkAsync("", "create", "secret", "generic", "s", "--from-literal=a=b"));
        Assert.Equal("Yg==", await OkAsync("", "get", "secret", "s", "-o", "jsonpath={.data.a}"));
        Assert.Equal("configmap/c created", await OkAsync("", "create", "configmap", "c", "--from-literal=a=b"));
        Assert.Equal("b", await OkAsync("", "get", "configmap", "c", "-o", "jsonpath={.data.a}"));
        Assert.Contains("Active", await OkAsync("", "get", "ns", $"{_namespace}-b"), StringComparison.Ordinal);
        Assert.Contains("deleted", await OkAsync("", "delete", "ns", $"{_namespace}-b", "--wait=false"), StringComparison.Ordinal);
        await AgentNodes.RemoveAsync(Server.Http, node, Cancel);
    }

    [Fact]
    public async Task The_client_names_itself_and_the_server()
    {
        Assert.Contains("Server Version", await OkAsync("", "version"), StringComparison.Ordinal);
        Assert.Contains("widgets", await OkAsync("", "api-resources"), StringComparison.Ordinal);
        Assert.Contains("tests.quiesce.dev/v1", await OkAsync("", "api-versions"), StringComparison.Ordinal);
    }

    /// <summary>kubectl explains from OpenAPI, which a real server publishes a moment after it serves a new kind.</summary>
    private async Task ExplainedAsync(string kind)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        limit.CancelAfter(TimeSpan.FromSeconds(30));
        while ((await RunAsync("", ["explain", kind])).ExitCode != 0)
            await Task.Delay(200, limit.Token);
    }

    private async Task DeletingAsync(string name)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        limit.CancelAfter(TimeSpan.FromSeconds(30));
        while ((await OkAsync("", "get", "widget", name, "-o", "jsonpath={.metadata.deletionTimestamp}")).Length == 0)
            await Task.Delay(50, limit.Token);
    }

    private async Task StatusAsync(string name, string patch)
    {
        using var body = new StringContent(patch, new System.Net.Http.Headers.MediaTypeHeaderValue("application/merge-patch+json"));
        using var answer = await Server.Http.PatchAsync($"/apis/tests.quiesce.dev/v1/namespaces/{_namespace}/widgets/{name}/status", body, Cancel);
        Assert.True(answer.IsSuccessStatusCode);
    }

    private async Task<string> OkAsync(string input, params string[] arguments)
    {
        var result = await RunAsync(input, arguments);
        Assert.True(result.ExitCode == 0, $"kubectl {string.Join(' ', arguments)}: {result.ExitCode}\n{result.Output}\n{result.Error}");
        return result.Output.Trim();
    }

    private async Task<string> FailAsync(string input, params string[] arguments)
    {
        var result = await RunAsync(input, arguments);
        Assert.NotEqual(0, result.ExitCode);
        return result.Error;
    }

    private Task<CommandResult> RunAsync(string input, string[] arguments) => Command.RunAsync(Kubectl!, Arguments(arguments), Cancel, Variables(), input);

    private string[] Arguments(string[] arguments) => arguments.Contains("-n") || arguments is ["version" or "api-versions", ..] ? arguments : [.. arguments, "-n", _namespace];

    private Dictionary<string, string> Variables() => new() { ["KUBECONFIG"] = Path.Combine(_home, "config"), ["HOME"] = _home };

    private static string Words(string? line) => Spaces().Replace(line ?? "", " ").Trim();

    [GeneratedRegex(@"\s+")]
    private static partial Regex Spaces();
}
