using System.Text.Json.Nodes;

namespace Quiesce.Cluster.Tests.Api;

/// <summary>The kinds that come with a server, as far as Quiesce uses them.</summary>
public sealed class BuiltInKindTests(SharedServer shared) : ApiTests(shared)
{
    private string Core => $"/api/v1/namespaces/{Namespace}";

    private string Leases => $"/apis/coordination.k8s.io/v1/namespaces/{Namespace}/leases";

    [Theory]
    [InlineData("default")]
    [InlineData("kube-system")]
    public async Task The_usual_namespaces_are_there_and_cannot_be_deleted(string name)
    {
        var ns = await GetAsync($"/api/v1/namespaces/{name}");
        var deleted = await DeleteAsync($"/api/v1/namespaces/{name}");

        Assert.Equal("Active", ns.Body["status"]!["phase"]!.GetValue<string>());
        Assert.Equal(name, ns.Body.Meta("labels")!["kubernetes.io/metadata.name"]!.GetValue<string>());
        Assert.Equal(403, deleted.Code);
        Assert.Equal($"""namespaces "{name}" is forbidden: this namespace may not be deleted""", deleted.Message);
    }

    [Fact]
    public async Task A_lease_is_taken_by_a_put_that_names_its_version()
    {
        var created = await PostAsync(Leases, Lease("leader", "a"));
        var second = created.Body.DeepClone();
        second["spec"]!["holderIdentity"] = "b";

        var taken = await PutAsync($"{Leases}/leader", second.ToJsonString());
        var late = await PutAsync($"{Leases}/leader", second.ToJsonString());

        Assert.Equal(201, created.Code);
        Assert.Equal("b", taken.Body["spec"]!["holderIdentity"]!.GetValue<string>());
        Assert.Equal(409, late.Code);
        Assert.Equal("""Operation cannot be fulfilled on leases.coordination.k8s.io "leader": the object has been modified; please apply your changes to the latest version and try again""", late.Message);
    }

    [Theory]
    [InlineData("2026-01-01T00:00:00.123456Z", "2026-01-01T00:00:00.123456Z")]
    [InlineData("2026-01-01T02:00:00.123456+02:00", "2026-01-01T00:00:00.123456Z")]
    [InlineData("2026-01-01T00:00:00Z", null)]
    [InlineData("2026-01-01T00:00:00.12345Z", null)]
    [InlineData("2026-01-01T00:00:00.1234567Z", null)]
    [InlineData("yesterday", null)]
    public async Task A_leases_times_have_six_decimal_places(string sent, string? kept)
    {
        var answer = await PostAsync(Leases, Lease("leader", "a").Replace("2026-01-01T00:00:00.000000Z", sent, StringComparison.Ordinal));

        Assert.Equal(kept is null ? 400 : 201, answer.Code);
        Assert.Equal(kept, answer.Body["spec"]?["renewTime"]?.GetValue<string>());
    }

    [Fact]
    public async Task A_lease_that_is_missing_is_created_by_a_put()
    {
        Assert.Equal(201, (await PutAsync($"{Leases}/leader", Lease("leader", "a"))).Code);
    }

    [Fact]
    public async Task A_config_map_is_merged_strategically_and_put_without_a_version()
    {
        await PostAsync($"{Core}/configmaps", """{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one"}, "data": {"a": "1", "b": "2"}}""");

        var merged = await PatchAsync($"{Core}/configmaps/one", """{"data": {"a": null, "c": "3"}}""", "application/strategic-merge-patch+json");
        var put = await PutAsync($"{Core}/configmaps/one", """{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one"}, "data": {"d": "4"}}""");

        Json.Same("""{"b": "2", "c": "3"}""", merged.Body["data"]);
        Json.Same("""{"d": "4"}""", put.Body["data"]);
    }

    [Fact]
    public async Task Kind_and_version_may_be_left_out_where_the_path_says_them()
    {
        var answer = await PostAsync($"{Core}/configmaps", """{"metadata": {"name": "one"}}""");

        Assert.Equal(201, answer.Code);
        Assert.Equal("ConfigMap", answer.Body["kind"]!.GetValue<string>());
        Assert.Equal("v1", answer.Body["apiVersion"]!.GetValue<string>());
    }

    [Fact]
    public async Task An_event_is_found_by_what_it_is_about_and_in_both_versions()
    {
        var event1 = $$$"""
            {"apiVersion": "v1", "kind": "Event", "metadata": {"name": "e.1"}, "reason": "Frozen", "message": "all frozen", "type": "Normal", "count": 2,
             "involvedObject": {"apiVersion": "tests.quiesce.dev/v1", "kind": "Widget", "namespace": "{{{Namespace}}}", "name": "one", "uid": "u-1"},
             "source": {"component": "quiesce-operator"}, "firstTimestamp": "2026-01-01T00:00:00Z", "lastTimestamp": "2026-01-01T00:00:01Z"}
            """;
        var event2 = $$$"""
            {"apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": {"name": "e.2"}, "reason": "Thawed", "note": "all thawed", "type": "Warning", "eventTime": "2026-01-01T00:00:02.000000Z",
             "regarding": {"apiVersion": "tests.quiesce.dev/v1", "kind": "Widget", "namespace": "{{{Namespace}}}", "name": "one", "uid": "u-1"},
             "reportingController": "quiesce.dev/operator", "reportingInstance": "operator-1", "action": "Thaw"}
            """;
        Assert.Equal(201, (await PostAsync($"{Core}/events", event1)).Code);
        Assert.Equal(201, (await PostAsync($"/apis/events.k8s.io/v1/namespaces/{Namespace}/events", event2)).Code);

        var core = await GetAsync($"{Core}/events?fieldSelector=involvedObject.name%3Done,involvedObject.uid%3Du-1,type%3DWarning");
        var events = await GetAsync($"/apis/events.k8s.io/v1/namespaces/{Namespace}/events?fieldSelector=regarding.name%3Done,reason%3DFrozen");

        Assert.Equal(["e.2"], core.Body.Names());
        Assert.Equal("all thawed", core.Body["items"]![0]!["message"]!.GetValue<string>());
        Assert.Equal("quiesce.dev/operator", core.Body["items"]![0]!["reportingComponent"]!.GetValue<string>());
        Assert.Equal(["e.1"], events.Body.Names());
        Assert.Equal("all frozen", events.Body["items"]![0]!["note"]!.GetValue<string>());
        Assert.Equal(2, events.Body["items"]![0]!["deprecatedCount"]!.GetValue<int>());
    }

    [Fact]
    public async Task An_old_events_times_are_kept_in_seconds()
    {
        var answer = await PostAsync($"{Core}/events", $$$"""{"apiVersion": "v1", "kind": "Event", "metadata": {"name": "e.1"}, "firstTimestamp": "2026-01-01T02:00:00.123+02:00", "involvedObject": {"namespace": "{{{Namespace}}}"}}""");

        Assert.Equal("2026-01-01T00:00:00Z", answer.Body["firstTimestamp"]!.GetValue<string>());
    }

    [Theory]
    [InlineData("api/v1", "", """ "involvedObject": {"namespace": "other"}""", "involvedObject.namespace: FieldValueInvalid: Invalid value: \"other\": does not match event.namespace")]
    [InlineData("api/v1", "", """ "involvedObject": {"kind": "Node", "name": "n"}""", "involvedObject.namespace: FieldValueInvalid: Invalid value: \"\": does not match event.namespace")]
    [InlineData("api/v1", """ "eventTime": "2026-01-01T00:00:00.000000Z",""", """ "involvedObject": {"namespace": "NS"}""", "reportingComponent: FieldValueRequired: Required value")]
    [InlineData("api/v1", """ "eventTime": "2026-01-01T00:00:00.000000Z",""", """ "involvedObject": {"namespace": "NS"}""", "action: FieldValueRequired: Required value")]
    [InlineData("api/v1", """ "eventTime": "2026-01-01T00:00:00.000000Z", "reportingComponent": "a/b/c",""", """ "involvedObject": {"namespace": "NS"}""", "reportingInstance: FieldValueRequired: Required value")]
    [InlineData("apis/events.k8s.io/v1", """ "type": "Normal",""", """ "regarding": {"namespace": "NS"}""", "eventTime: FieldValueRequired: Required value")]
    [InlineData("apis/events.k8s.io/v1", """ "eventTime": "2026-01-01T00:00:00.000000Z", "type": "Odd",""", """ "regarding": {"namespace": "NS"}""", "type: FieldValueInvalid: Invalid value: \"\": has invalid value: Odd")]
    [InlineData("apis/events.k8s.io/v1", """ "eventTime": "2026-01-01T00:00:00.000000Z", "type": "Normal",""", """ "regarding": {"kind": "Node"}""", "involvedObject.namespace: FieldValueInvalid: Invalid value: \"\": does not match event.namespace")]
    public async Task An_event_that_is_not_well_formed_is_refused(string version, string fields, string about, string cause)
    {
        var path = $"/{version}/namespaces/{Namespace}/events";
        var apiVersion = version[(version.IndexOf('/', StringComparison.Ordinal) + 1)..];

        var answer = await PostAsync(path, $$$"""{"apiVersion": "{{{apiVersion}}}", "kind": "Event", "metadata": {"name": "e.1"}, {{{fields}}} {{{about.Replace("NS", Namespace, StringComparison.Ordinal)}}}}""");

        Assert.Equal(422, answer.Code);
        Assert.Contains(cause, answer.Causes);
    }

    [Fact]
    public async Task Pods_are_selected_by_node_and_start_as_pending()
    {
        await Server.AddNodeAsync($"node-{Namespace}", cancellationToken: Cancel);
        var created = await PostAsync($"{Core}/pods", Pod("one", $"node-{Namespace}"));
        await PostAsync($"{Core}/pods", Pod("two", "elsewhere"));

        var list = await GetAsync($"{Core}/pods?fieldSelector=spec.nodeName%3Dnode-{Namespace}");
        var pending = await GetAsync($"{Core}/pods?fieldSelector=status.phase%3DPending");

        Assert.Equal("Pending", created.Body["status"]!["phase"]!.GetValue<string>());
        Assert.Equal(["one"], list.Body.Names());
        Assert.Equal(["one", "two"], pending.Body.Names());
        await AgentNodes.RemoveAsync(Server.Http, $"node-{Namespace}", Cancel);
        await DeleteAsync($"{Core}/pods/one?gracePeriodSeconds=0");
        await DeleteAsync($"{Core}/pods/two?gracePeriodSeconds=0");
    }

    [Fact]
    public async Task A_pods_conditions_are_merged_by_type()
    {
        await PostAsync($"{Core}/pods", Pod("one", "elsewhere"));
        await PatchAsync($"{Core}/pods/one/status", """{"status": {"phase": "Running", "conditions": [{"type": "A", "status": "False"}, {"type": "Ready", "status": "False"}]}}""", "application/strategic-merge-patch+json");

        var ready = await PatchAsync($"{Core}/pods/one/status", """{"status": {"conditions": [{"type": "Ready", "status": "True"}]}}""", "application/strategic-merge-patch+json");

        Assert.Equal("Running", ready.Body["status"]!["phase"]!.GetValue<string>());
        Assert.Equal(["A False", "Ready True"], ready.Body["status"]!["conditions"]!.AsArray().Select(c => $"{c!["type"]} {c["status"]}").Order(StringComparer.Ordinal));
        await DeleteAsync($"{Core}/pods/one?gracePeriodSeconds=0");
    }

    [Fact]
    public async Task A_node_with_a_ready_agent_can_be_made_changed_and_removed()
    {
        var node = $"agent-{Namespace}";
        var pod = $"/api/v1/namespaces/{AgentNodes.Namespace}/pods/{AgentNodes.PodName(node)}";
        await Server.AddNodeAsync(node, new Dictionary<string, string> { ["zone"] = Namespace }, Cancel);

        var nodes = await GetAsync($"/api/v1/nodes?labelSelector=zone%3D{Namespace},kubernetes.io%2Fhostname%3D{node}");
        var pods = await GetAsync($"/api/v1/namespaces/{AgentNodes.Namespace}/pods?labelSelector=app.kubernetes.io%2Fname%3Dquiesce,app.kubernetes.io%2Fcomponent%3Dagent&fieldSelector=spec.nodeName%3D{node}");
        var ready = Ready((await GetAsync(pod)).Body);
        await AgentNodes.SetAgentReadyAsync(Server.Http, node, false, Cancel);
        var notReady = Ready((await GetAsync(pod)).Body);
        await AgentNodes.RemoveAsync(Server.Http, node, Cancel);

        Assert.Equal([node], nodes.Body.Names());
        Assert.Equal("True", Ready(nodes.Body["items"]![0]!));
        Assert.Equal([AgentNodes.PodName(node)], pods.Body.Names());
        Assert.Equal(("True", "False"), (ready, notReady));
        Assert.Equal(404, (await GetAsync(pod)).Code);
        Assert.Equal(404, (await GetAsync($"/api/v1/nodes/{node}")).Code);
    }

    [Fact]
    public async Task A_claim_and_a_volume_are_kept_with_their_status()
    {
        var volume = $"volume-{Namespace}";
        await PostAsync("/api/v1/persistentvolumes", $$$$"""{"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "{{{{volume}}}}"}, "spec": {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": "/x"}}}""");
        var claim = await PostAsync($"{Core}/persistentvolumeclaims", $$$$$"""{"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"], "volumeName": "{{{{{volume}}}}}", "storageClassName": "", "resources": {"requests": {"storage": "1Gi"}}}}""");

        var bound = await MergeAsync($"{Core}/persistentvolumeclaims/data/status", """{"status": {"phase": "Bound", "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"]}}""");

        Assert.Equal("Pending", claim.Body["status"]!["phase"]!.GetValue<string>());
        Assert.Equal("Bound", bound.Body["status"]!["phase"]!.GetValue<string>());
        foreach (var path in new[] { $"{Core}/persistentvolumeclaims/data", $"/api/v1/persistentvolumes/{volume}" })
        {
            await DeleteAsync(path);
            await MergeAsync(path, """{"metadata": {"finalizers": null}}""");
        }
    }

    [Fact]
    public async Task A_workload_counts_generations_of_its_spec()
    {
        var path = $"/apis/apps/v1/namespaces/{Namespace}/daemonsets";
        var created = await PostAsync(path, """
            {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "agent"}, "spec": {"selector": {"matchLabels": {"a": "b"}},
             "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "one", "image": "x", "env": [{"name": "A", "value": "1"}]}]}}}}
            """);

        var patched = await PatchAsync($"{path}/agent", """{"spec": {"template": {"spec": {"containers": [{"name": "one", "env": [{"name": "B", "value": "2"}]}]}}}}""", "application/strategic-merge-patch+json");
        var status = await MergeAsync($"{path}/agent/status", """{"status": {"numberReady": 1}}""");

        Assert.Equal(1, created.Body.Generation());
        Assert.Equal(2, patched.Body.Generation());
        var container = patched.Body["spec"]!["template"]!["spec"]!["containers"]![0]!;
        Assert.Equal("x", container["image"]!.GetValue<string>());
        Assert.Equal(["A", "B"], container["env"]!.AsArray().Select(e => e!["name"]!.GetValue<string>()).Order(StringComparer.Ordinal));
        Assert.Equal(2, status.Body.Generation());
    }

    [Fact]
    public async Task A_secrets_text_is_kept_as_data()
    {
        var created = await PostAsync($"{Core}/secrets", """{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "one"}, "stringData": {"a": "b"}}""");

        Json.Same("""{"a": "Yg=="}""", created.Body["data"]);
        Assert.Equal("Opaque", created.Body["type"]!.GetValue<string>());
        Assert.Null(created.Body["stringData"]);
    }

    private static string Lease(string name, string holder) =>
        $$$"""{"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "{{{name}}}"}, "spec": {"holderIdentity": "{{{holder}}}", "leaseDurationSeconds": 15, "renewTime": "2026-01-01T00:00:00.000000Z"}}""";

    private static string Pod(string name, string node) =>
        $$$"""{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "{{{name}}}"}, "spec": {"nodeName": "{{{node}}}", "containers": [{"name": "c", "image": "i"}]}}""";

    private static string Ready(JsonNode o) => o["status"]!["conditions"]!.AsArray().Single(c => c!["type"]!.GetValue<string>() == "Ready")!["status"]!.GetValue<string>();
}
