using System.Text.Json.Nodes;

namespace Quiesce.Cluster.Tests.Api;

public sealed class DeletionTests(SharedServer shared) : ApiTests(shared)
{
    private const string Finalizer = "tests.quiesce.dev/hold";
    private const string Held = $"""
         "finalizers": ["{Finalizer}"],
        """;

    [Fact]
    public async Task A_deleted_object_is_gone_and_the_answer_says_what_it_was()
    {
        var created = await CreateWidgetAsync("one");

        var answer = await DeleteAsync($"{Widgets}/one");

        Assert.Equal(200, answer.Code);
        Assert.Equal("Status", answer.Body["kind"]!.GetValue<string>());
        Assert.Equal("Success", answer.Body["status"]!.GetValue<string>());
        Json.Same($$"""{"name": "one", "group": "tests.quiesce.dev", "kind": "widgets", "uid": "{{created.Uid()}}"}""", answer.Body["details"]);
        Assert.Equal(404, (await GetAsync($"{Widgets}/one")).Code);
        Assert.Equal(404, (await DeleteAsync($"{Widgets}/one")).Code);
    }

    [Fact]
    public async Task A_finalizer_holds_the_object_until_it_is_removed()
    {
        await CreateWidgetAsync("one", metadata: Held);

        var deleted = await DeleteAsync($"{Widgets}/one");
        var held = await GetAsync($"{Widgets}/one");
        var released = await MergeAsync($"{Widgets}/one", """{"metadata": {"finalizers": []}}""");

        Assert.Equal(200, deleted.Code);
        Assert.Equal("Widget", deleted.Body["kind"]!.GetValue<string>());
        Assert.NotNull(held.Body.Meta("deletionTimestamp"));
        Assert.Equal(0, held.Body.Meta("deletionGracePeriodSeconds")!.GetValue<int>());
        Assert.Equal(2, held.Body.Generation());
        Assert.Equal(200, released.Code);
        Assert.Equal(404, (await GetAsync($"{Widgets}/one")).Code);
    }

    [Fact]
    public async Task Deleting_again_what_is_being_deleted_changes_nothing()
    {
        await CreateWidgetAsync("one", metadata: Held);
        await DeleteAsync($"{Widgets}/one");
        var first = (await GetAsync($"{Widgets}/one")).Body;

        var again = await DeleteAsync($"{Widgets}/one");

        Assert.Equal(200, again.Code);
        Assert.Equal(first.Version(), (await GetAsync($"{Widgets}/one")).Body.Version());
        await MergeAsync($"{Widgets}/one", """{"metadata": {"finalizers": null}}""");
    }

    [Fact]
    public async Task What_is_being_deleted_takes_no_new_finalizer_but_other_changes()
    {
        await CreateWidgetAsync("one", metadata: Held);
        await DeleteAsync($"{Widgets}/one");

        var added = await MergeAsync($"{Widgets}/one", $$$"""{"metadata": {"finalizers": ["{{{Finalizer}}}", "tests.quiesce.dev/more"]}}""");
        var status = await MergeAsync($"{Widgets}/one/status", """{"status": {"count": 1}}""");
        var spec = await MergeAsync($"{Widgets}/one", """{"spec": {"size": 2}}""");

        Assert.Equal(422, added.Code);
        Assert.Equal(["""metadata.finalizers: FieldValueForbidden: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{"tests.quiesce.dev/more"}"""], added.Causes.Distinct());
        Assert.Equal(200, status.Code);
        Assert.Equal(200, spec.Code);
        await MergeAsync($"{Widgets}/one", """{"metadata": {"finalizers": null}}""");
    }

    [Fact]
    public async Task A_deletion_time_cannot_be_taken_back()
    {
        await CreateWidgetAsync("one", metadata: Held);
        await DeleteAsync($"{Widgets}/one");

        var answer = await MergeAsync($"{Widgets}/one", """{"metadata": {"deletionTimestamp": null, "labels": {"a": "b"}}}""");

        Assert.NotNull(answer.Body.Meta("deletionTimestamp"));
        await MergeAsync($"{Widgets}/one", """{"metadata": {"finalizers": null}}""");
    }

    [Fact]
    public async Task Preconditions_on_UID_and_version_are_kept()
    {
        var created = await CreateWidgetAsync("one");

        var uid = await DeleteAsync($"{Widgets}/one", """{"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": {"uid": "11111111-1111-1111-1111-111111111111"}}""");
        var version = await DeleteAsync($"{Widgets}/one", """{"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": {"resourceVersion": "1"}}""");
        var right = await DeleteAsync($"{Widgets}/one", $$$"""{"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": {"uid": "{{{created.Uid()}}}", "resourceVersion": "{{{created.Version()}}}"}}""");

        Assert.Equal(409, uid.Code);
        Assert.Equal("Conflict", uid.Reason);
        Assert.Equal($"""Operation cannot be fulfilled on Widget.tests.quiesce.dev "one": the UID in the precondition (11111111-1111-1111-1111-111111111111) does not match the UID in record ({created.Uid()}). The object might have been deleted and then recreated""", uid.Message);
        Assert.Equal(409, version.Code);
        Assert.Equal(200, right.Code);
    }

    [Fact]
    public async Task A_dry_run_deletes_nothing()
    {
        await CreateWidgetAsync("one");

        Assert.Equal(200, (await DeleteAsync($"{Widgets}/one?dryRun=All")).Code);
        Assert.Equal(200, (await DeleteAsync($"{Widgets}/one", """{"kind": "DeleteOptions", "apiVersion": "v1", "dryRun": ["All"]}""")).Code);
        Assert.Equal(200, (await GetAsync($"{Widgets}/one")).Code);
    }

    [Fact]
    public async Task Options_that_mean_nothing_are_refused()
    {
        await CreateWidgetAsync("one");

        Assert.Equal(["""propagationPolicy: FieldValueNotSupported: Unsupported value: "Foo": supported values: "Foreground", "Background", "Orphan", "nil" """.Trim()], (await DeleteAsync($"{Widgets}/one?propagationPolicy=Foo")).Causes);
        Assert.Equal(422, (await DeleteAsync($"{Widgets}/one?dryRun=Some")).Code);
        Assert.Equal(422, (await PostAsync($"{Widgets}?dryRun=Some", Widget("two"))).Code);
    }

    [Fact]
    public async Task A_collection_is_deleted_as_far_as_it_is_selected()
    {
        await CreateWidgetAsync("one", metadata: """ "labels": {"go": "yes"},""");
        await CreateWidgetAsync("two", metadata: """ "labels": {"go": "yes"},""");
        await CreateWidgetAsync("three");

        var answer = await DeleteAsync($"{Widgets}?labelSelector=go%3Dyes");

        Assert.Equal(200, answer.Code);
        Assert.Equal(["three"], (await GetAsync(Widgets)).Body.Names());
    }

    [Fact]
    public async Task What_an_owner_leaves_behind_is_deleted()
    {
        Assert.SkipUnless(Server.RunsControllers, "no controllers behind this API server");
        var owner = await CreateMapAsync("owner");
        await CreateMapAsync("owned", Owner(owner));

        await DeleteAsync($"{Maps}/owner?propagationPolicy=Background");

        await GoneAsync($"{Maps}/owned");
    }

    [Fact]
    public async Task What_has_another_owner_left_stays()
    {
        Assert.SkipUnless(Server.RunsControllers, "no controllers behind this API server");
        var (first, second) = (await CreateMapAsync("first"), await CreateMapAsync("second"));
        await CreateMapAsync("owned", Owner(first), Owner(second));

        await DeleteAsync($"{Maps}/first?propagationPolicy=Background");

        await EventuallyAsync(async () => (await GetAsync($"{Maps}/owned")).Body.Meta("ownerReferences") is JsonArray { Count: 1 }, "the first owner is forgotten");
        await DeleteAsync($"{Maps}/second?propagationPolicy=Background");
        await GoneAsync($"{Maps}/owned");
    }

    [Fact]
    public async Task What_refers_to_an_owner_that_never_was_is_deleted()
    {
        Assert.SkipUnless(Server.RunsControllers, "no controllers behind this API server");
        await CreateMapAsync("owned", """{"apiVersion": "v1", "kind": "ConfigMap", "name": "never", "uid": "11111111-1111-1111-1111-111111111111"}""");

        await GoneAsync($"{Maps}/owned");
    }

    [Fact]
    public async Task An_orphan_stays_and_forgets_its_owner()
    {
        Assert.SkipUnless(Server.RunsControllers, "no controllers behind this API server");
        var owner = await CreateMapAsync("owner");
        await CreateMapAsync("owned", Owner(owner));

        await DeleteAsync($"{Maps}/owner", """{"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Orphan"}""");

        await GoneAsync($"{Maps}/owner");
        var orphan = await GetAsync($"{Maps}/owned");
        Assert.Equal(200, orphan.Code);
        Assert.Null(orphan.Body.Meta("ownerReferences"));
    }

    [Fact]
    public async Task A_foreground_deletion_waits_for_what_is_owned()
    {
        Assert.SkipUnless(Server.RunsControllers, "no controllers behind this API server");
        var owner = await CreateMapAsync("owner");
        await CreateMapAsync("owned", Owner(owner));
        await MergeAsync($"{Maps}/owned", $$$"""{"metadata": {"finalizers": ["{{{Finalizer}}}"]}}""");

        var deleted = await DeleteAsync($"{Maps}/owner?propagationPolicy=Foreground");
        await EventuallyAsync(async () => (await GetAsync($"{Maps}/owned")).Body.Meta("deletionTimestamp") is not null, "the owned object is being deleted");
        var waiting = await GetAsync($"{Maps}/owner");
        await MergeAsync($"{Maps}/owned", """{"metadata": {"finalizers": null}}""");

        Assert.Equal(200, deleted.Code);
        Json.Same("""["foregroundDeletion"]""", waiting.Body.Meta("finalizers"));
        await GoneAsync($"{Maps}/owned");
        await GoneAsync($"{Maps}/owner");
    }

    [Fact]
    public async Task A_deleted_namespace_takes_its_objects_with_it_and_waits_for_their_finalizers()
    {
        Assert.SkipUnless(Server.RunsControllers, "no controllers behind this API server");
        await CreateWidgetAsync("free");
        await CreateWidgetAsync("held", metadata: Held);

        var deleted = await DeleteAsync($"/api/v1/namespaces/{Namespace}");
        await EventuallyAsync(async () => (await GetAsync($"{Widgets}/held")).Body.Meta("deletionTimestamp") is not null, "the held object is being deleted");
        await GoneAsync($"{Widgets}/free");
        var refused = await PostAsync(Widgets, Widget("late"));
        var ns = await GetAsync($"/api/v1/namespaces/{Namespace}");
        await MergeAsync($"{Widgets}/held", """{"metadata": {"finalizers": null}}""");

        Assert.Equal(200, deleted.Code);
        Assert.Equal("Terminating", ns.Body["status"]!["phase"]!.GetValue<string>());
        Assert.Equal(403, refused.Code);
        Assert.Equal("Forbidden", refused.Reason);
        Assert.Equal($"""widgets.tests.quiesce.dev "late" is forbidden: unable to create new content in namespace {Namespace} because it is being terminated""", refused.Message);
        Assert.Equal([$"metadata.namespace: NamespaceTerminating: namespace {Namespace} is being terminated"], refused.Causes);
        await GoneAsync($"/api/v1/namespaces/{Namespace}");
    }

    /// <summary>A kind that garbage collection knows from its start; it finds new ones only every 30 s.</summary>
    private string Maps => $"/api/v1/namespaces/{Namespace}/configmaps";

    private async Task<JsonNode> CreateMapAsync(string name, params string[] owners)
    {
        var answer = await PostAsync(Maps, $$$"""{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "{{{name}}}", "ownerReferences": [{{{string.Join(", ", owners)}}}]}}""");
        Assert.Equal(201, answer.Code);
        return answer.Body;
    }

    private static string Owner(JsonNode owner) =>
        $$"""{"apiVersion": "v1", "kind": "ConfigMap", "name": "{{owner.Name()}}", "uid": "{{owner.Uid()}}", "blockOwnerDeletion": true}""";
}
