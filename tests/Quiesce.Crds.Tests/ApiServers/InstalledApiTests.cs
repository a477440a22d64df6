using System.Text.Json;
using System.Text.Json.Nodes;
using Quiesce.Crds.Tests.Manifests;

namespace Quiesce.Crds.Tests.ApiServers;

/// <summary>What people and programs find once the manifests are installed.</summary>
[Collection(RealApiServerGroup.Name)]
public sealed class InstalledApiTests(RealApiServer api)
{
    public static TheoryData<string> Kinds => [.. CrdManifest.All.Select(m => m.Type.Kind)];

    [RealApiServerTheory, MemberData(nameof(Kinds))]
    public async Task A_manifest_is_accepted_without_a_complaint(string kind)
    {
        var crd = await api.SendAsync(HttpMethod.Get, $"apis/apiextensions.k8s.io/v1/customresourcedefinitions/{CrdManifest.Of(kind).Crd["metadata"]!["name"]}");
        var conditions = (JsonArray)RealApiServer.Accepted(crd)["status"]!["conditions"]!;
        Assert.All(["Established", "NamesAccepted"], type => Assert.Contains(conditions, c => (string?)c!["type"] == type && (string?)c["status"] == "True"));
        Assert.DoesNotContain(conditions, c => (string?)c!["type"] == "NonStructuralSchema" && (string?)c["status"] == "True");
    }

    /// <summary>A property that the schema lacked would be pruned, one that it bounds too tightly refused.</summary>
    [RealApiServerTheory, MemberData(nameof(Kinds))]
    public async Task An_object_with_everything_set_comes_back_as_it_was_written(string kind)
    {
        var (value, type) = SerializationTests.Example(kind);
        var written = JsonSerializer.SerializeToNode(value, type)!;
        var stored = RealApiServer.Accepted(await api.CreateAsync(kind, written["spec"]!, dryRun: false));
        if (written["status"] is { } status)
            stored = RealApiServer.Accepted(await api.PatchAsync(stored, new JsonObject { ["status"] = status.DeepClone() }, "/status"));
        var read = JsonSerializer.SerializeToNode(JsonSerializer.Deserialize(stored, type), type)!;
        Assert.True(JsonNode.DeepEquals(written["spec"], read["spec"]), read.ToJsonString());
        Assert.True(JsonNode.DeepEquals(written["status"], read["status"]), read.ToJsonString());
    }

    [RealApiServerFact]
    public async Task A_node_selects_its_own_plans()
    {
        foreach (var node in new[] { "mine", "theirs" })
        {
            var spec = Yaml.Object($"{{nodeName: {node}, request: {{namespace: '', name: r, uid: u}}, mode: ThawUnconditionally}}");
            RealApiServer.Accepted(await api.CreateAsync("NodeFreeze", spec, dryRun: false));
        }

        var list = RealApiServer.Accepted(await api.SendAsync(HttpMethod.Get, RealApiServer.Collection("NodeFreeze") + "?fieldSelector=spec.nodeName%3Dmine"));
        Assert.Equal("mine", (string?)Assert.Single((JsonArray)list["items"]!)!["spec"]!["nodeName"]);
    }

    [RealApiServerFact]
    public async Task Every_field_is_published_with_its_description()
    {
        // The document is built some time after the kinds are served.
        JsonNode? schemas = null;
        await RealApiServer.UntilAsync(async () =>
        {
            var answer = await api.SendAsync(HttpMethod.Get, "openapi/v3/apis/quiesce.dev/v1alpha1");
            schemas = answer.Body["components"]?["schemas"];
            return CrdManifest.All.All(m => schemas?[$"dev.quiesce.v1alpha1.{m.Type.Kind}"] is not null);
        });
        foreach (var manifest in CrdManifest.All)
        {
            var published = manifest with { Crd = Published(schemas![$"dev.quiesce.v1alpha1.{manifest.Type.Kind}"]!) };
            var descriptions = published.Schemas().ToDictionary(s => s.Path, s => (string?)s.Schema["description"]);
            // The API server puts its own words on these two.
            string[] general = [$"{manifest.Type.Kind}.apiVersion", $"{manifest.Type.Kind}.kind"];
            Assert.All(manifest.Schemas().Where(s => s.Schema["description"] is not null && !general.Contains(s.Path)), s =>
                Assert.Equal((string?)s.Schema["description"], descriptions[s.Path]));
        }

        static JsonObject Published(JsonNode schema) => new()
        {
            ["spec"] = new JsonObject { ["versions"] = new JsonArray(new JsonObject { ["schema"] = new JsonObject { ["openAPIV3Schema"] = schema.DeepClone() } }) },
        };
    }

    [RealApiServerFact]
    public async Task Kubectl_explains_the_fields()
    {
        await RealApiServer.UntilAsync(async () => (await api.SendAsync(HttpMethod.Get, "openapi/v3/apis/quiesce.dev/v1alpha1")).Body["components"]?["schemas"]?["dev.quiesce.v1alpha1.FreezeRequest"] is not null);
        var kind = Words(await api.Server.KubectlAsync("explain", "freezerequest"));
        Assert.Contains("FreezeRequest holds filesystems still on any number of nodes at once, all of them or none", kind, StringComparison.Ordinal);
        var targets = Words(await api.Server.KubectlAsync("explain", "freeze.spec.targets"));
        Assert.Contains("What to freeze: 1 to 64 targets, each with exactly one of hostPath, persistentVolumeClaim, podSelector and allFilesystems set.", targets, StringComparison.Ordinal);
        Assert.Contains("A folder on one node (nodeName) or on every node that a selector matches", targets, StringComparison.Ordinal);
        var everything = Words(await api.Server.KubectlAsync("explain", "fr", "--recursive"));
        Assert.All(
            CrdManifest.Of("FreezeRequest").Schemas().SelectMany(s => (s.Schema["properties"] as JsonObject ?? []).Select(p => p.Key)).Distinct(),
            name => Assert.Contains($" {name} <", everything, StringComparison.Ordinal));

        static string Words(string text) => string.Join(' ', text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
    }

    [RealApiServerFact]
    public async Task Kubectl_get_shows_the_columns()
    {
        var deadline = TimeProvider.System.GetUtcNow().AddMinutes(30);
        var created = RealApiServer.Accepted(await api.CreateAsync("FreezeRequest", Yaml.Object(Rules.Refusals.Target), dryRun: false));
        var name = (string)created["metadata"]!["name"]!;
        Assert.Equal([name], Cells(await api.Server.KubectlAsync("get", "freeze", name), row: 1)[..^1]);

        var status = Examples.FreezeRequest.Status! with
        {
            Phase = FreezePhase.Frozen,
            Reason = Reasons.AllFrozen,
            Conditions = [new() { Type = ConditionTypes.Frozen, Status = "True", Reason = Reasons.AllFrozen, LastTransitionTime = Examples.Time }, new() { Type = ConditionTypes.WindowIntact, Status = "Unknown", Reason = Reasons.WindowOpen, LastTransitionTime = Examples.Time }],
            FrozenAt = deadline.AddMinutes(-20),
            DeadlineAt = deadline,
        };
        RealApiServer.Accepted(await api.PatchAsync(created, new JsonObject { ["status"] = JsonSerializer.SerializeToNode(status, CrdsJson.Default.FreezeRequestStatus) }, "/status"));
        foreach (var resource in new[] { "freeze", "fr", "freezerequest", "freezerequests" })
        {
            var table = await api.Server.KubectlAsync("get", resource, name);
            Assert.Equal(["NAME", "PHASE", "INTACT", "NODES", "FILESYSTEMS", "FROZEN", "DEADLINE", "REASON", "AGE"], Cells(table, row: 0));
            Assert.DoesNotContain("<invalid>", table, StringComparison.Ordinal);
            const string form = "yyyy-MM-dd'T'HH:mm:ss.fff'Z'";
            Assert.Equal(
                [name, "Frozen", "Unknown", "2", "3", deadline.AddMinutes(-20).UtcDateTime.ToString(form, null), deadline.UtcDateTime.ToString(form, null), "AllFrozen"],
                Cells(table, row: 1)[..^1]);
        }

        static string[] Cells(string table, int row) => table.Split('\n')[row].Split(' ', StringSplitOptions.RemoveEmptyEntries);
    }

    [RealApiServerFact]
    public async Task Kubectl_get_quiesce_lists_what_users_apply()
    {
        var request = RealApiServer.Accepted(await api.CreateAsync("FreezeRequest", Yaml.Object(Rules.Refusals.Target), dryRun: false));
        var thaw = RealApiServer.Accepted(await api.CreateAsync("ThawRequest", Yaml.Object("nodeName: node-1"), dryRun: false));
        var listed = (await api.Server.KubectlAsync("get", "quiesce", "-o", "name")).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Contains($"freezerequest.quiesce.dev/{request["metadata"]!["name"]}", listed);
        Assert.Contains($"thawrequest.quiesce.dev/{thaw["metadata"]!["name"]}", listed);
        Assert.DoesNotContain(listed, o => o.StartsWith("nodefreeze", StringComparison.Ordinal) || o.StartsWith("freezewindow", StringComparison.Ordinal));
    }
}
