using System.Text.Json.Nodes;

namespace Quiesce.Cluster.Tests.Api;

/// <summary>CustomResourceDefinitions themselves.</summary>
public sealed class DefinitionTests(SharedServer shared) : ApiTests(shared)
{
    private const string Definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

    private string OwnGroup => $"{Namespace}.tests.quiesce.dev";

    [Fact]
    public async Task A_definition_is_established_and_then_served_and_gone_with_its_objects()
    {
        var created = await PostAsync(Definitions, Definition("things", "Thing"));
        await EventuallyAsync(async () => Condition((await GetAsync($"{Definitions}/things.{OwnGroup}")).Body, "Established") == "True", "the definition is established");
        var path = $"/apis/{OwnGroup}/v1/things";
        await EventuallyAsync(async () => (await GetAsync(path)).Code == 200, "the kind is served");
        Assert.Equal(201, (await PostAsync(path, Thing("one"))).Code);
        Assert.Equal(201, (await PostAsync(path, Thing("held", """ "finalizers": ["tests.quiesce.dev/hold"],"""))).Code);

        using var watch = await WatchReader.OpenAsync(Server, $"{path}?watch=true&resourceVersion={(await GetAsync(path)).Body.Version()}", Cancel);
        var definition = (await GetAsync($"{Definitions}/things.{OwnGroup}")).Body;
        var deleted = await DeleteAsync($"{Definitions}/things.{OwnGroup}");
        await EventuallyAsync(async () => (await GetAsync($"{path}/one")).Code == 404, "the object is gone");
        await EventuallyAsync(async () => Condition((await GetAsync($"{Definitions}/things.{OwnGroup}")).Body, "Terminating") == "True", "the definition says that it goes");
        var late = await PostAsync(path, Thing("late"));
        await MergeAsync($"{path}/held", """{"metadata": {"finalizers": null}}""");

        Assert.Equal(201, created.Code);
        Assert.Equal(200, deleted.Code);
        Assert.Equal(403, late.Code);
        Assert.Equal($"""things.{OwnGroup} "late" is forbidden: create not allowed while custom resource definition is terminating""", late.Message);
        Assert.Equal("True", Condition(definition, "NamesAccepted"));
        Json.Same("""["v1"]""", definition["status"]!["storedVersions"]);
        Assert.Equal("thing", definition["status"]!["acceptedNames"]!["singular"]!.GetValue<string>());
        Json.Same("""["customresourcecleanup.apiextensions.k8s.io"]""", deleted.Body.Meta("finalizers"));
        Assert.Equal("None", definition["spec"]!["conversion"]!["strategy"]!.GetValue<string>());
        await GoneAsync($"{Definitions}/things.{OwnGroup}");
        await EventuallyAsync(async () => (await GetAsync(path)).Code == 404, "the kind is not served any more");
        while (await watch.NextAsync(Cancel) is not null)
        {
            // The objects went first; then the watch ends, for there is nothing more to come.
        }
    }

    [Fact]
    public async Task A_changed_definition_takes_effect()
    {
        await Server.ApplyAsync(Definition("changes", "Change"), Cancel);
        var path = $"/apis/{OwnGroup}/v1/changes";
        var body = Thing("one").Replace("Thing", "Change", StringComparison.Ordinal);

        await MergeAsync($"{Definitions}/changes.{OwnGroup}", """{"spec": {"versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {"type": "object", "required": ["more"], "properties": {"more": {"type": "string"}}}}}]}}""");
        Answer answer = null!;
        await EventuallyAsync(async () => (answer = await PostAsync($"{path}?dryRun=All", body)).Code == 422, "the new schema is in force");

        Assert.Equal(["more: FieldValueRequired: Required value"], answer.Causes);
        await DeleteAsync($"{Definitions}/changes.{OwnGroup}");
    }

    [Theory]
    [InlineData("""{"type": "object", "properties": {"a": {}}}""", "spec.validation.openAPIV3Schema.properties[a].type: FieldValueRequired: Required value: must not be empty for specified object fields")]
    [InlineData("""{"type": "object", "properties": {"a": {"type": "array"}}}""", "spec.validation.openAPIV3Schema.properties[a].items: FieldValueRequired: Required value: must be specified")]
    [InlineData("""{"type": "object", "properties": {"a": {"type": "string", "properties": {"b": {"type": "string"}}, "additionalProperties": {"type": "string"}}}}""", "spec.validation.openAPIV3Schema.properties[a].additionalProperties: FieldValueForbidden: Forbidden: additionalProperties and properties are mutual exclusive")]
    public async Task A_schema_that_is_not_structural_is_refused(string schema, string cause)
    {
        var answer = await PostAsync(Definitions, Definition("things", "Thing", schema));

        Assert.Equal(422, answer.Code);
        Assert.Contains(cause, answer.Causes);
    }

    [Fact]
    public async Task A_definition_is_named_by_its_plural_and_group()
    {
        var answer = await PostAsync(Definitions, Definition("things", "Thing").Replace($"things.{OwnGroup}", "wrong.name", StringComparison.Ordinal));

        Assert.Equal(422, answer.Code);
        Assert.Contains("""metadata.name: FieldValueInvalid: Invalid value: "wrong.name": must be spec.names.plural+"."+spec.group""", answer.Causes);
    }

    [Fact]
    public async Task A_definition_needs_one_stored_version_and_a_scope()
    {
        var unstored = await PostAsync(Definitions, Definition("things", "Thing").Replace("\"storage\": true", "\"storage\": false", StringComparison.Ordinal));
        var unscoped = await PostAsync(Definitions, Definition("things", "Thing").Replace("\"scope\": \"Cluster\"", "\"scope\": \"Galaxy\"", StringComparison.Ordinal));

        Assert.Equal(422, unstored.Code);
        Assert.Contains("must have exactly one version marked as storage version", unstored.Message, StringComparison.Ordinal);
        Assert.Equal(422, unscoped.Code);
        Assert.Contains("""spec.scope: FieldValueNotSupported: Unsupported value: "Galaxy": supported values: "Cluster", "Namespaced" """.Trim(), unscoped.Causes);
    }

    [Fact]
    public async Task A_name_that_another_definition_has_is_not_accepted()
    {
        await Server.ApplyAsync(Definition("firsts", "First", shortName: "same"), Cancel);

        await PostAsync(Definitions, Definition("seconds", "Second", shortName: "same"));

        await EventuallyAsync(async () => Condition((await GetAsync($"{Definitions}/seconds.{OwnGroup}")).Body, "NamesAccepted") == "False", "the names are refused");
        Assert.Equal("False", Condition((await GetAsync($"{Definitions}/seconds.{OwnGroup}")).Body, "Established"));
        Assert.Equal(404, (await GetAsync($"/apis/{OwnGroup}/v1/seconds")).Code);
        await DeleteAsync($"{Definitions}/firsts.{OwnGroup}");
        await DeleteAsync($"{Definitions}/seconds.{OwnGroup}");
    }

    [Fact]
    public async Task Quiesces_own_definitions_are_served()
    {
        foreach (var plural in new[] { "freezerequests", "thawrequests", "freezewindows", "nodefreezes" })
            Assert.Equal(200, (await GetAsync($"/apis/quiesce.dev/v1alpha1/{plural}")).Code);
    }

    private string Definition(string plural, string kind, string schema = """{"type": "object", "x-kubernetes-preserve-unknown-fields": true}""", string shortName = "") => $$$"""
        {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "{{{plural}}}.{{{OwnGroup}}}"},
         "spec": {"group": "{{{OwnGroup}}}", "scope": "Cluster", "names": {"plural": "{{{plural}}}", "kind": "{{{kind}}}", "shortNames": [{{{(shortName.Length == 0 ? "" : $"\"{shortName}\"")}}}]},
          "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {{{schema}}}}}]}}
        """;

    private string Thing(string name, string metadata = "") =>
        $$$"""{"apiVersion": "{{{OwnGroup}}}/v1", "kind": "Thing", "metadata": {{{{metadata}}} "name": "{{{name}}}"}}""";

    private static string? Condition(JsonNode definition, string type) =>
        definition["status"]?["conditions"]?.AsArray().FirstOrDefault(c => c!["type"]!.GetValue<string>() == type)?["status"]?.GetValue<string>();
}
