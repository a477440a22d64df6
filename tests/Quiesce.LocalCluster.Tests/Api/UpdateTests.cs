using System.Text.Json.Nodes;

namespace Quiesce.Cluster.Tests.Api;

/// <summary>PUT and the three kinds of PATCH.</summary>
public sealed class UpdateTests(SharedServer shared) : ApiTests(shared)
{
    [Fact]
    public async Task A_put_replaces_the_object_and_counts_a_generation()
    {
        var created = await CreateWidgetAsync("one", """{"size": 1, "nodeName": "node-1"}""");
        created["spec"] = JsonNode.Parse("""{"size": 2}""");

        var answer = await PutAsync($"{Widgets}/one", created.ToJsonString());

        Assert.Equal(200, answer.Code);
        Assert.Equal(2, answer.Body.Generation());
        Assert.NotEqual(created.Version(), answer.Body.Version());
        Assert.Null(answer.Body["spec"]!["nodeName"]);
        Assert.Equal(created.Uid(), answer.Body.Uid());
        Assert.Equal(created.Meta("creationTimestamp")!.GetValue<string>(), answer.Body.Meta("creationTimestamp")!.GetValue<string>());
    }

    [Fact]
    public async Task A_put_made_from_an_old_version_is_a_conflict()
    {
        var created = await CreateWidgetAsync("one");
        await MergeAsync($"{Widgets}/one", """{"spec": {"size": 2}}""");

        var answer = await PutAsync($"{Widgets}/one", created.ToJsonString());

        Assert.Equal(409, answer.Code);
        Assert.Equal("Conflict", answer.Reason);
        Assert.Equal("""Operation cannot be fulfilled on widgets.tests.quiesce.dev "one": the object has been modified; please apply your changes to the latest version and try again""", answer.Message);
        Json.Same("""{"name": "one", "group": "tests.quiesce.dev", "kind": "widgets"}""", answer.Body["details"]);
    }

    [Fact]
    public async Task A_put_of_a_custom_resource_must_say_which_version_it_was_made_from()
    {
        await CreateWidgetAsync("one");

        var answer = await PutAsync($"{Widgets}/one", Widget("one", """{"size": 2}"""));

        Assert.Equal(422, answer.Code);
        Assert.Equal(["metadata.resourceVersion: FieldValueInvalid: Invalid value: 0: must be specified for an update"], answer.Causes);
    }

    [Fact]
    public async Task A_put_does_not_create_a_custom_resource()
    {
        Assert.Equal(404, (await PutAsync($"{Widgets}/one", Widget("one"))).Code);
    }

    [Fact]
    public async Task A_put_under_another_name_is_refused()
    {
        await CreateWidgetAsync("one");

        var answer = await PutAsync($"{Widgets}/one", Widget("two"));

        Assert.Equal(400, answer.Code);
        Assert.Equal("the name of the object (two) does not match the name on the URL (one)", answer.Message);
    }

    [Fact]
    public async Task A_put_with_another_objects_UID_is_a_conflict()
    {
        var created = await CreateWidgetAsync("one");
        created["metadata"]!["uid"] = "11111111-1111-1111-1111-111111111111";

        var answer = await PutAsync($"{Widgets}/one", created.ToJsonString());

        Assert.Equal(409, answer.Code);
        Assert.Contains($"Precondition failed: UID in precondition: 11111111-1111-1111-1111-111111111111, UID in object meta: {(await GetAsync($"{Widgets}/one")).Body.Uid()}", answer.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("application/merge-patch+json", """{"metadata": {"uid": "11111111-1111-1111-1111-111111111111"}, "spec": {"size": 2}}""")]
    [InlineData("application/json-patch+json", """[{"op": "replace", "path": "/metadata/uid", "value": "11111111-1111-1111-1111-111111111111"}]""")]
    public async Task A_patch_with_another_objects_UID_would_change_it_and_is_refused(string type, string patch)
    {
        var created = await CreateWidgetAsync("one");

        var answer = await PatchAsync($"{Widgets}/one", patch, type);

        Assert.Equal(422, answer.Code);
        Assert.Equal("Invalid", answer.Reason);
        Assert.Equal("""Widget.tests.quiesce.dev "one" is invalid: metadata.uid: Invalid value: "11111111-1111-1111-1111-111111111111": field is immutable""", answer.Message);
        const string Cause = """metadata.uid: FieldValueInvalid: Invalid value: "11111111-1111-1111-1111-111111111111": field is immutable""";
        Assert.Equal([Cause, Cause], answer.Causes);
        Assert.Equal(created.Version(), (await GetAsync($"{Widgets}/one")).Body.Version());
    }

    [Fact]
    public async Task Of_a_patch_with_another_objects_UID_the_version_is_looked_at_first_and_no_UID_is_none()
    {
        var created = await CreateWidgetAsync("one");
        await MergeAsync($"{Widgets}/one", """{"spec": {"size": 2}}""");

        var old = await MergeAsync($"{Widgets}/one", $$$"""{"metadata": {"uid": "11111111-1111-1111-1111-111111111111", "resourceVersion": "{{{created.Version()}}}"}}""");
        var none = await MergeAsync($"{Widgets}/one", """{"metadata": {"uid": ""}, "spec": {"size": 3}}""");
        var right = await MergeAsync($"{Widgets}/one", $$$"""{"metadata": {"uid": "{{{created.Uid()}}}"}, "spec": {"size": 4}}""");

        Assert.Equal((409, "Conflict"), (old.Code, old.Reason));
        Assert.Equal((200, created.Uid()), (none.Code, none.Body.Uid()));
        Assert.Equal((200, created.Uid()), (right.Code, right.Body.Uid()));
    }

    [Fact]
    public async Task A_status_patch_with_another_objects_UID_is_refused_of_the_servers_own_kinds_and_goes_through_of_a_custom_resource()
    {
        const string Patch = """{"metadata": {"uid": "11111111-1111-1111-1111-111111111111"}, "status": {"count": 3, "phase": "Active"}}""";
        var created = await CreateWidgetAsync("one");

        var custom = await MergeAsync($"{Widgets}/one/status", Patch);
        var old = await MergeAsync($"{Widgets}/one/status", $$$"""{"metadata": {"resourceVersion": "{{{created.Version()}}}"}, "status": {"count": 4}}""");
        var own = await MergeAsync($"/api/v1/namespaces/{Namespace}/status", Patch);

        Assert.Equal((200, created.Uid()), (custom.Code, custom.Body.Uid()));
        Assert.Equal(3, custom.Body["status"]!["count"]!.GetValue<int>());
        Assert.Equal(409, old.Code);
        Assert.Equal(422, own.Code);
        Assert.Contains("metadata.uid: Invalid value: \"11111111-1111-1111-1111-111111111111\": field is immutable", own.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_write_that_changes_nothing_makes_no_new_version()
    {
        var created = await CreateWidgetAsync("one");

        var put = await PutAsync($"{Widgets}/one", created.ToJsonString());
        var patch = await MergeAsync($"{Widgets}/one", """{"spec": {"size": 1}}""");

        Assert.Equal(created.Version(), put.Body.Version());
        Assert.Equal(created.Version(), patch.Body.Version());
    }

    [Fact]
    public async Task A_change_of_metadata_is_no_new_generation()
    {
        var created = await CreateWidgetAsync("one");

        var labelled = await MergeAsync($"{Widgets}/one", """{"metadata": {"labels": {"a": "b"}, "annotations": {"c": "d"}}}""");

        Assert.Equal(1, labelled.Body.Generation());
        Assert.NotEqual(created.Version(), labelled.Body.Version());
        Json.Same("""{"a": "b"}""", labelled.Body.Meta("labels"));
    }

    [Fact]
    public async Task A_merge_patch_sets_removes_and_replaces_lists()
    {
        await CreateWidgetAsync("one", """{"size": 1, "nodeName": "node-1", "tags": ["a", "b"], "limits": {"x": 1}}""");

        var answer = await MergeAsync($"{Widgets}/one", """{"spec": {"size": 2, "nodeName": null, "tags": ["c"], "limits": {"y": 2}}}""");

        Assert.Equal(200, answer.Code);
        Json.Same("""{"size": 2, "tags": ["c"], "limits": {"x": 1, "y": 2}, "colour": "red", "enabled": true, "shape": {"kind": "round"}}""", answer.Body["spec"]);
    }

    [Fact]
    public async Task Removing_a_field_with_a_default_brings_the_default_back()
    {
        await CreateWidgetAsync("one", """{"size": 1, "colour": "blue"}""");

        var answer = await MergeAsync($"{Widgets}/one", """{"spec": {"colour": null}}""");

        Assert.Equal("red", answer.Body["spec"]!["colour"]!.GetValue<string>());
    }

    [Fact]
    public async Task A_patch_that_names_an_old_version_is_a_conflict()
    {
        var created = await CreateWidgetAsync("one");
        await MergeAsync($"{Widgets}/one", """{"spec": {"size": 2}}""");

        var answer = await MergeAsync($"{Widgets}/one", $$$"""{"metadata": {"resourceVersion": "{{{created.Version()}}}"}, "spec": {"size": 3}}""");

        Assert.Equal(409, answer.Code);
        Assert.Equal("Conflict", answer.Reason);
    }

    [Fact]
    public async Task A_patch_of_what_is_not_there_is_not_found()
    {
        Assert.Equal(404, (await MergeAsync($"{Widgets}/one", """{"spec": {"size": 2}}""")).Code);
    }

    [Fact]
    public async Task A_patch_warns_of_unknown_fields()
    {
        await CreateWidgetAsync("one");

        var answer = await MergeAsync($"{Widgets}/one", """{"spec": {"bogus": 2}}""");
        var strict = await MergeAsync($"{Widgets}/one?fieldValidation=Strict", """{"spec": {"bogus": 2}}""");

        Assert.Equal(["""299 - "unknown field \"spec.bogus\"" """.Trim()], answer.Warnings);
        Assert.Equal(strict.Code, Assert.Single(new[] { 400, 422 }, c => c == strict.Code));
        Assert.Contains("unknown field \"spec.bogus\"", strict.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_dry_run_of_a_patch_changes_nothing()
    {
        await CreateWidgetAsync("one");

        var answer = await MergeAsync($"{Widgets}/one?dryRun=All", """{"spec": {"size": 2}}""");

        Assert.Equal(2, answer.Body["spec"]!["size"]!.GetValue<int>());
        Assert.Equal(1, (await GetAsync($"{Widgets}/one")).Body["spec"]!["size"]!.GetValue<int>());
    }

    [Fact]
    public async Task A_JSON_patch_tests_adds_replaces_removes_moves_and_copies()
    {
        await CreateWidgetAsync("one", """{"size": 1, "tags": ["a", "b"], "nodeName": "node-1"}""", """ "annotations": {"x/y": "1"},""");

        var answer = await PatchAsync($"{Widgets}/one", """
            [
              {"op": "test", "path": "/spec/size", "value": 1},
              {"op": "replace", "path": "/spec/size", "value": 4},
              {"op": "add", "path": "/spec/tags/1", "value": "m"},
              {"op": "remove", "path": "/spec/tags/0"},
              {"op": "add", "path": "/spec/tags/-", "value": "z"},
              {"op": "copy", "from": "/spec/nodeName", "path": "/spec/note"},
              {"op": "move", "from": "/spec/nodeName", "path": "/metadata/annotations/x~1z"}
            ]
            """, "application/json-patch+json");

        Assert.Equal(200, answer.Code);
        Json.Same("""{"size": 4, "tags": ["m", "b", "z"], "note": "node-1", "colour": "red", "enabled": true, "shape": {"kind": "round"}}""", answer.Body["spec"]);
        Json.Same("""{"x/y": "1", "x/z": "node-1"}""", answer.Body.Meta("annotations"));
    }

    [Fact]
    public async Task A_JSON_patch_whose_test_fails_changes_nothing()
    {
        await CreateWidgetAsync("one");

        var answer = await PatchAsync($"{Widgets}/one", """[{"op": "test", "path": "/spec/size", "value": 9}, {"op": "replace", "path": "/spec/size", "value": 2}]""", "application/json-patch+json");

        Assert.Equal(422, answer.Code);
        Assert.Equal("Invalid", answer.Reason);
        Assert.Equal(1, (await GetAsync($"{Widgets}/one")).Body["spec"]!["size"]!.GetValue<int>());
    }

    [Fact]
    public async Task A_JSON_patch_of_a_missing_path_is_refused()
    {
        await CreateWidgetAsync("one");

        Assert.Equal(422, (await PatchAsync($"{Widgets}/one", """[{"op": "remove", "path": "/spec/nothing"}]""", "application/json-patch+json")).Code);
    }

    [Fact]
    public async Task A_strategic_merge_patch_of_a_custom_resource_is_refused()
    {
        await CreateWidgetAsync("one");

        Assert.Equal(415, (await PatchAsync($"{Widgets}/one", "{}", "application/strategic-merge-patch+json")).Code);
    }

    [Fact]
    public async Task Server_side_apply_creates_and_then_changes()
    {
        const string Apply = "application/apply-patch+yaml";
        var created = await PatchAsync($"{Widgets}/one?fieldManager=a", $"{{apiVersion: tests.quiesce.dev/v1, kind: Widget, metadata: {{name: one, labels: {{a: b}}}}, spec: {{size: 1, tags: [x]}}}}", Apply);
        var changed = await PatchAsync($"{Widgets}/one?fieldManager=a", "{apiVersion: tests.quiesce.dev/v1, kind: Widget, metadata: {name: one, labels: {a: b}}, spec: {size: 2, tags: [x, z]}}", Apply);

        Assert.Equal(201, created.Code);
        Assert.Equal(200, changed.Code);
        Assert.Equal(2, changed.Body.Generation());
        Json.Same("""["x", "z"]""", changed.Body["spec"]!["tags"]);
    }

    [Fact]
    public async Task Server_side_apply_needs_a_field_manager()
    {
        var answer = await PatchAsync($"{Widgets}/one", Widget("one"), "application/apply-patch+yaml");

        Assert.Equal(422, answer.Code);
        Assert.Equal(["fieldManager: FieldValueRequired: Required value: is required for apply patch"], answer.Causes);
    }

    [Fact]
    public async Task Server_side_apply_merges_a_list_of_type_map_by_its_key()
    {
        await CreateWidgetAsync("one");
        await MergeAsync($"{Widgets}/one/status", """{"status": {"conditions": [{"type": "A", "status": "False"}, {"type": "B", "status": "False"}]}}""");

        var applied = await PatchAsync(
            $"{Widgets}/one/status?fieldManager=a&force=true",
            "{apiVersion: tests.quiesce.dev/v1, kind: Widget, metadata: {name: one}, status: {conditions: [{type: B, status: 'True'}]}}",
            "application/apply-patch+yaml");

        Assert.Equal(200, applied.Code);
        Json.Same("""[{"type": "A", "status": "False"}, {"type": "B", "status": "True"}]""", applied.Body["status"]!["conditions"]);
    }
}
