using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using Quiesce.Crds.Tests.ApiServers;
using Quiesce.Crds.Tests.Manifests;

namespace Quiesce.Crds.Tests.Rules;

/// <summary>The real API server accepts what it must; above all, no rule ever refuses a thaw.</summary>
[Collection(RealApiServerGroup.Name)]
public sealed class LegalUpdateTests(RealApiServer api)
{
    public static TheoryData<string> Phases => [.. Enum.GetNames<FreezePhase>()];

    [RealApiServerTheory]
    [InlineData("/")]
    [InlineData("/srv/a..b")]
    [InlineData("/srv/..a/b../...")]
    [InlineData("/srv/a b/ö")]
    public async Task A_path_is_accepted(string path) =>
        RealApiServer.Accepted(await api.CreateAsync("FreezeRequest", Yaml.Object($"targets: [{{hostPath: {{path: '{path}', nodeName: node-1}}}}]"), dryRun: true));

    [RealApiServerTheory]
    [InlineData("deadlineSeconds: 1")]
    [InlineData("deadlineSeconds: 3600")]
    [InlineData("freezeTimeoutSeconds: 1")]
    [InlineData("freezeTimeoutSeconds: 300")]
    [InlineData("ttlSecondsAfterFinished: 0")]
    [InlineData("desiredState: Thawed")]
    [InlineData("dryRun: true, unsupportedFilesystems: Fail")]
    [InlineData("hooks: {preFreeze: [{podSelector: {matchLabels: {a: b}}, command: [a], timeout: 300s}, {podSelector: {matchLabels: {a: b}}, command: ['', ''], timeout: 1m0.5s}]}")]
    [InlineData("hooks: {velero: false}")]
    public async Task A_value_at_the_edge_is_accepted(string field) =>
        RealApiServer.Accepted(await api.CreateAsync("FreezeRequest", Yaml.Object($"{{{Refusals.Target}, {field}}}"), dryRun: true));

    [RealApiServerFact]
    public async Task Sixty_four_targets_with_paths_of_1024_characters_are_accepted()
    {
        var target = $"{{hostPath: {{path: /{new string('a', 1023)}, nodeSelector: {{matchExpressions: [{{key: example.com/zone, operator: In, values: [a, b]}}]}}}}}}";
        var spec = Yaml.Object($"targets: [{string.Join(',', Enumerable.Repeat(target, 64))}]");
        var created = RealApiServer.Accepted(await api.CreateAsync("FreezeRequest", spec, dryRun: false));
        RealApiServer.Accepted(await api.PatchAsync(created, Thaw));
    }

    [RealApiServerFact]
    public async Task What_is_left_out_gets_its_default()
    {
        var created = RealApiServer.Accepted(await api.CreateAsync("FreezeRequest", Yaml.Object(Refusals.Target), dryRun: true));
        var expected = JsonSerializer.SerializeToNode(
            new FreezeRequestSpec { Targets = [new() { HostPath = new() { Path = "/srv/a", NodeName = "node-1" } }] }, CrdsJson.Default.FreezeRequestSpec);
        Assert.True(JsonNode.DeepEquals(expected, created["spec"]), created["spec"]!.ToJsonString());
    }

    [RealApiServerTheory]
    [InlineData(null)]
    [InlineData("Pending")]
    [InlineData("Preparing")]
    [InlineData("Freezing")]
    [InlineData("Frozen")]
    public async Task The_deadline_can_be_raised_until_the_window_ends(string? phase)
    {
        var created = RealApiServer.Accepted(await api.CreateAsync("FreezeRequest", Yaml.Object(Refusals.Target), dryRun: false));
        if (phase is not null) await SetPhaseAsync(created, phase);
        RealApiServer.Accepted(await api.PatchAsync(created, Yaml.Object("{spec: {deadlineSeconds: 21}}")));
        RealApiServer.Accepted(await api.PatchAsync(created, Yaml.Object("{spec: {deadlineSeconds: 3600}}")));
    }

    [RealApiServerTheory, MemberData(nameof(Phases))]
    public async Task A_thaw_is_accepted_in_every_phase(string phase)
    {
        var spec = JsonSerializer.SerializeToNode(Examples.FreezeRequest.Spec, CrdsJson.Default.FreezeRequestSpec)!;
        var created = RealApiServer.Accepted(await api.CreateAsync("FreezeRequest", spec, dryRun: false));
        await SetPhaseAsync(created, phase);
        RealApiServer.Accepted(await api.PatchAsync(created, Thaw));
        RealApiServer.Accepted(await api.PatchAsync(created, Thaw));
    }

    /// <summary>Somebody raised the deadline by a patch, and the thaw comes as the edited file with the old deadline in it.</summary>
    [RealApiServerTheory]
    [InlineData(5, "Frozen")]
    [InlineData(60, "Frozen")]
    [InlineData(60, "Expired")]
    public async Task A_thaw_is_accepted_whatever_deadline_comes_with_it(int deadlineSeconds, string phase)
    {
        var created = RealApiServer.Accepted(await api.CreateAsync("FreezeRequest", Yaml.Object($"{{{Refusals.Target}, deadlineSeconds: 30}}"), dryRun: false));
        await SetPhaseAsync(created, phase);
        RealApiServer.Accepted(await api.PatchAsync(created, Yaml.Object($"{{spec: {{desiredState: Thawed, deadlineSeconds: {deadlineSeconds}}}}}")));
    }

    [RealApiServerFact]
    public async Task After_the_end_labels_and_finalizers_can_still_change()
    {
        var created = RealApiServer.Accepted(await api.CreateAsync("FreezeRequest", Yaml.Object($"{{{Refusals.Target}, desiredState: Thawed}}"), dryRun: false));
        await SetPhaseAsync(created, "Thawed");
        RealApiServer.Accepted(await api.PatchAsync(created, Yaml.Object("{metadata: {labels: {a: b}, finalizers: [quiesce.dev/thaw]}}")));
        RealApiServer.Accepted(await api.PatchAsync(created, Yaml.Object("{metadata: {finalizers: null}}")));
    }

    [RealApiServerTheory]
    [InlineData("desiredState: Prepared", "desiredState: Frozen")]
    [InlineData("desiredState: Prepared", "desiredState: Thawed")]
    [InlineData("desiredState: Frozen", "desiredState: Thawed")]
    [InlineData("desiredState: Frozen", "desiredState: Frozen")]
    [InlineData("desiredState: Frozen", "confirmed: true")]
    [InlineData("desiredState: Frozen", "deadlineSeconds: 21")]
    [InlineData("desiredState: Frozen, confirmed: true", "desiredState: Thawed, confirmed: false, deadlineSeconds: 5")]
    [InlineData("desiredState: Thawed", "desiredState: Thawed")]
    public async Task A_window_moves_forward(string spec, string patch)
    {
        var created = RealApiServer.Accepted(await api.CreateAsync("FreezeWindow", Yaml.Object($"{{{Refusals.Window}, deadlineSeconds: 20, {spec}}}"), dryRun: false));
        RealApiServer.Accepted(await api.PatchAsync(created, Yaml.Object($"{{spec: {{{patch}}}}}")));
    }

    [RealApiServerTheory]
    [InlineData("paths: [/a]")]
    [InlineData("allFilesystems: true")]
    [InlineData("mode: Inspect, paths: [/a]")]
    [InlineData("mode: ThawUnconditionally")]
    public async Task A_plan_is_accepted(string spec) =>
        RealApiServer.Accepted(await api.CreateAsync("NodeFreeze", Yaml.Object($"{{{Refusals.Plan}, {spec}}}"), dryRun: true));

    [RealApiServerTheory]
    [InlineData("mode: Inspect, paths: [/a]")]
    [InlineData("mode: ThawUnconditionally")]
    public async Task A_plan_that_acts_at_once_needs_no_window(string spec) =>
        RealApiServer.Accepted(await api.CreateAsync("NodeFreeze", Yaml.Object($"{{nodeName: node-1, request: {{namespace: '', name: r, uid: u}}, {spec}}}"), dryRun: true));

    /// <summary>
    /// A request that an older, laxer schema let in can still be thawed, although a creation like it is refused now: the API
    /// server checks on an update only what changes (validation ratcheting).
    /// </summary>
    [RealApiServerFact]
    public async Task A_request_that_would_be_refused_today_can_still_be_thawed()
    {
        const string collection = "apis/ratchet.quiesce.dev/v1alpha1/namespaces/default/freezerequests";
        var strict = (JsonObject)CrdManifest.Of("FreezeRequest").Crd.DeepClone();
        strict["metadata"]!["name"] = "freezerequests.ratchet.quiesce.dev";
        strict["spec"]!["group"] = "ratchet.quiesce.dev";
        var lax = (JsonObject)strict.DeepClone();
        Loosen(lax["spec"]!["versions"]![0]!["schema"]!["openAPIV3Schema"]!);
        await api.InstallAsync(lax);
        RealApiServer.Accepted(await api.SendAsync(HttpMethod.Post, collection, Old("old")));

        const string crd = "apis/apiextensions.k8s.io/v1/customresourcedefinitions/freezerequests.ratchet.quiesce.dev";
        RealApiServer.Accepted(await api.SendAsync(HttpMethod.Patch, crd, new JsonObject { ["spec"] = strict["spec"]!.DeepClone() }));
        await RealApiServer.UntilAsync(async () =>
            (await api.SendAsync(HttpMethod.Post, collection + "?dryRun=All", Old("new"))).Status == HttpStatusCode.UnprocessableEntity);

        RealApiServer.Accepted(await api.SendAsync(HttpMethod.Patch, $"{collection}/old", Thaw));

        static JsonObject Old(string name) => Yaml.Object($$$"""
            apiVersion: ratchet.quiesce.dev/v1alpha1
            kind: FreezeRequest
            metadata: {name: {{{name}}} }
            spec:
              deadlineSeconds: 7200
              freezeTimeoutSeconds: 900
              targets: [{hostPath: {path: ../a, nodeSelector: {}}, allFilesystems: {}}, {}]
            """);
    }

    private static JsonObject Thaw => Yaml.Object("{spec: {desiredState: Thawed}}");

    private async Task SetPhaseAsync(JsonNode o, string phase) =>
        RealApiServer.Accepted(await api.PatchAsync(o, Yaml.Object($"{{status: {{phase: {phase}}}}}"), "/status"));

    private static void Loosen(JsonNode node)
    {
        if (node is JsonObject schema)
            foreach (var bound in new[] { "x-kubernetes-validations", "minimum", "maximum", "minItems", "maxItems", "maxLength", "maxProperties" }) schema.Remove(bound);
        foreach (var child in node switch { JsonObject o => o.Select(p => p.Value), JsonArray a => a, _ => [] })
            if (child is not null) Loosen(child);
    }
}
