using System.Text.Json.Nodes;

namespace Quiesce.Cluster.Tests.Api;

/// <summary>What clients find out before they do anything.</summary>
public sealed class DiscoveryTests(SharedServer shared) : ApiTests(shared)
{
    [Theory]
    [InlineData("/healthz")]
    [InlineData("/livez")]
    [InlineData("/readyz")]
    public async Task Health_is_ok(string path)
    {
        var answer = await GetAsync(path);

        Assert.Equal((200, "ok"), (answer.Code, answer.Text));
    }

    [Fact]
    public async Task The_version_is_a_Kubernetes_version()
    {
        var version = (await GetAsync("/version")).Body;

        Assert.Equal("1", version["major"]!.GetValue<string>());
        Assert.Matches(@"^v1\.\d+\.\d+", version["gitVersion"]!.GetValue<string>());
    }

    [Fact]
    public async Task Groups_are_listed()
    {
        var groups = (await GetAsync("/apis")).Body;
        var ours = groups["groups"]!.AsArray().Single(g => g!["name"]!.GetValue<string>() == "tests.quiesce.dev")!;

        Assert.Equal("APIGroupList", groups["kind"]!.GetValue<string>());
        Json.Same("""{"groupVersion": "tests.quiesce.dev/v1", "version": "v1"}""", ours["preferredVersion"]);
        Json.Same("""[{"groupVersion": "tests.quiesce.dev/v1", "version": "v1"}, {"groupVersion": "tests.quiesce.dev/v1beta1", "version": "v1beta1"}]""", ours["versions"]);
        Assert.Equal("APIGroup", (await GetAsync("/apis/tests.quiesce.dev")).Body["kind"]!.GetValue<string>());
        Json.Same("""["v1"]""", (await GetAsync("/api")).Body["versions"]);
    }

    [Fact]
    public async Task Kinds_of_a_group_are_listed_with_names_and_verbs()
    {
        var list = (await GetAsync("/apis/tests.quiesce.dev/v1")).Body;
        var widgets = Resource(list, "widgets");
        var status = Resource(list, "widgets/status");

        Assert.Equal("APIResourceList", list["kind"]!.GetValue<string>());
        Assert.Equal("tests.quiesce.dev/v1", list["groupVersion"]!.GetValue<string>());
        Assert.Equal(("widget", "Widget", true), (widgets["singularName"]!.GetValue<string>(), widgets["kind"]!.GetValue<string>(), widgets["namespaced"]!.GetValue<bool>()));
        Json.Same("""["wd"]""", widgets["shortNames"]);
        Json.Same("""["gadgets"]""", widgets["categories"]);
        Assert.Equal(["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"], Verbs(widgets));
        Assert.Equal(["get", "patch", "update"], Verbs(status));
    }

    [Theory]
    [InlineData("/api/v1", "pods", "Pod", "po")]
    [InlineData("/api/v1", "nodes", "Node", "no")]
    [InlineData("/api/v1", "namespaces", "Namespace", "ns")]
    [InlineData("/api/v1", "events", "Event", "ev")]
    [InlineData("/api/v1", "configmaps", "ConfigMap", "cm")]
    [InlineData("/api/v1", "persistentvolumeclaims", "PersistentVolumeClaim", "pvc")]
    [InlineData("/apis/apps/v1", "daemonsets", "DaemonSet", "ds")]
    [InlineData("/apis/apps/v1", "deployments", "Deployment", "deploy")]
    [InlineData("/apis/events.k8s.io/v1", "events", "Event", "ev")]
    [InlineData("/apis/coordination.k8s.io/v1", "leases", "Lease", null)]
    public async Task The_servers_own_kinds_have_their_usual_names(string path, string plural, string kind, string? shortName)
    {
        var resource = Resource((await GetAsync(path)).Body, plural);

        Assert.Equal(kind, resource["kind"]!.GetValue<string>());
        Assert.Equal(shortName, resource["shortNames"]?[0]?.GetValue<string>());
    }

    [Fact]
    public async Task Groups_and_kinds_can_be_had_in_one_document()
    {
        const string Accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";

        var core = (await GetAsync("/api", Accept)).Body;
        var groups = (await GetAsync("/apis", Accept)).Body;
        var ours = groups["items"]!.AsArray().Single(g => g!.Name() == "tests.quiesce.dev")!["versions"]!.AsArray();
        var widgets = ours[0]!["resources"]!.AsArray().Single(r => r!["resource"]!.GetValue<string>() == "widgets")!;

        Assert.Equal("APIGroupDiscoveryList", core["kind"]!.GetValue<string>());
        Assert.Equal("apidiscovery.k8s.io/v2", groups["apiVersion"]!.GetValue<string>());
        Assert.Contains("pods", core["items"]![0]!["versions"]![0]!["resources"]!.AsArray().Select(r => r!["resource"]!.GetValue<string>()));
        Assert.Equal(["v1", "v1beta1"], ours.Select(v => v!["version"]!.GetValue<string>()));
        Json.Same("""{"group": "tests.quiesce.dev", "version": "v1", "kind": "Widget"}""", widgets["responseKind"]);
        Assert.Equal("Namespaced", widgets["scope"]!.GetValue<string>());
        Assert.Equal("status", widgets["subresources"]![0]!["subresource"]!.GetValue<string>());
    }

    [Fact]
    public async Task OpenAPI_3_describes_a_custom_kind()
    {
        var index = (await GetAsync("/openapi/v3")).Body;
        JsonNode? schema = null;
        var path = index["paths"]!["apis/tests.quiesce.dev/v1"]!["serverRelativeURL"]!.GetValue<string>();
        // A real server publishes the document a moment after it serves the kind.
        await EventuallyAsync(async () => (schema = (await GetAsync(path)).Body["components"]?["schemas"]?["dev.quiesce.tests.v1.Widget"]) is not null, "the kind is described");

        Assert.Equal("A thing to test with.", schema!["description"]!.GetValue<string>());
        Assert.Equal("How big.", schema["properties"]!["spec"]!["properties"]!["size"]!["description"]!.GetValue<string>());
        Assert.Contains("APIVersion defines the versioned schema", schema["properties"]!["apiVersion"]!["description"]!.GetValue<string>(), StringComparison.Ordinal);
        Json.Same("""[{"group": "tests.quiesce.dev", "kind": "Widget", "version": "v1"}]""", schema["x-kubernetes-group-version-kind"]);
    }

    [Fact]
    public async Task OpenAPI_2_describes_a_custom_kind()
    {
        JsonNode? schema = null;
        await EventuallyAsync(async () => (schema = (await GetAsync("/openapi/v2", "application/json")).Body["definitions"]?["dev.quiesce.tests.v1.Widget"]) is not null, "the kind is described");

        Assert.Equal("A thing to test with.", schema!["description"]!.GetValue<string>());
        Assert.Equal("object", schema["properties"]!["spec"]!["type"]!.GetValue<string>());
        // Version 2 has no words for these.
        Assert.Null(schema["properties"]!["spec"]!["properties"]!["either"]!["oneOf"]);
        Assert.Null(schema["properties"]!["spec"]!["properties"]!["note"]!["type"]);
    }

    private static JsonNode Resource(JsonNode list, string name) => list["resources"]!.AsArray().Single(r => r!["name"]!.GetValue<string>() == name)!;

    private static IEnumerable<string> Verbs(JsonNode resource) => resource["verbs"]!.AsArray().Select(v => v!.GetValue<string>()).Order(StringComparer.Ordinal);
}
