namespace Quiesce.Cluster.Tests.Api;

public sealed class CreateTests(SharedServer shared) : ApiTests(shared)
{
    [Fact]
    public async Task A_created_object_comes_back_with_what_the_server_sets()
    {
        var created = await CreateWidgetAsync("one");

        Assert.Equal(Namespace, created.Meta("namespace")!.GetValue<string>());
        Assert.True(Guid.TryParse(created.Uid(), out _));
        Assert.True(ulong.Parse(created.Version(), System.Globalization.CultureInfo.InvariantCulture) > 0);
        Assert.Equal(1, created.Generation());
        Assert.Matches(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$", created.Meta("creationTimestamp")!.GetValue<string>());
        var read = await GetAsync($"{Widgets}/one");
        Assert.Equal(200, read.Code);
        Assert.Equal(created.Version(), read.Body.Version());
        Assert.Equal(created.Uid(), read.Body.Uid());
    }

    [Fact]
    public async Task Defaults_are_filled_in_at_every_depth()
    {
        var created = await CreateWidgetAsync("one");

        Json.Same("""{"size": 1, "colour": "red", "enabled": true, "shape": {"kind": "round"}}""", created["spec"]);
    }

    [Fact]
    public async Task Unknown_fields_are_dropped_with_a_warning_and_kept_where_the_schema_says_so()
    {
        var answer = await PostAsync(Widgets, Widget("one", """{"size": 1, "bogus": 1, "free": {"a": {"b": 1}}, "shape": {"sides": 3, "extra": true}}"""));

        Assert.Equal(201, answer.Code);
        Json.Same("""{"size": 1, "colour": "red", "enabled": true, "free": {"a": {"b": 1}}, "shape": {"kind": "round", "sides": 3}}""", answer.Body["spec"]);
        Assert.Equal(["""299 - "unknown field \"spec.bogus\"" """.Trim(), """299 - "unknown field \"spec.shape.extra\"" """.Trim()], answer.Warnings.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Unknown_fields_of_metadata_and_of_the_servers_own_kinds_are_dropped_with_a_warning()
    {
        var widget = await PostAsync(Widgets, Widget("one", metadata: """ "bogus": 1, "finalizer": ["x/y"],"""));
        var map = await PostAsync($"/api/v1/namespaces/{Namespace}/configmaps", """{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one"}, "data": {"a": "b"}, "bogus": 3}""");

        Assert.Equal(["""299 - "unknown field \"metadata.bogus\"" """.Trim(), """299 - "unknown field \"metadata.finalizer\"" """.Trim()], widget.Warnings.Order(StringComparer.Ordinal));
        Assert.Equal(["""299 - "unknown field \"bogus\"" """.Trim()], map.Warnings);
        Assert.Null(map.Body["bogus"]);
    }

    [Fact]
    public async Task A_version_in_the_body_of_a_creation_is_refused()
    {
        var answer = await PostAsync(Widgets, Widget("one", metadata: """ "resourceVersion": "5","""));

        Assert.Equal(500, answer.Code);
        Assert.Equal("resourceVersion should not be set on objects to be created", answer.Message);
    }

    [Fact]
    public async Task A_label_that_is_not_text_is_refused()
    {
        var answer = await PostAsync(Widgets, Widget("one", metadata: """ "labels": {"a": 1},"""));

        Assert.Equal(400, answer.Code);
        Assert.Equal("""Widget in version "v1" cannot be handled as a Widget: json: cannot unmarshal number into Go struct field ObjectMeta.labels of type string""", answer.Message);
    }

    [Fact]
    public async Task A_body_that_is_too_large_is_refused()
    {
        static string Body(int size) => Widget("one", $$$"""{"size": 1, "free": {"a": "{{{new string('x', size)}}}"}}""");

        var forHttp = await PostAsync(Widgets, Body(3_200_000));
        var forStorage = await PostAsync(Widgets, Body(1_800_000));

        Assert.Equal((413, "RequestEntityTooLarge"), (forHttp.Code, forHttp.Reason));
        Assert.Equal((500, "etcdserver: request is too large"), (forStorage.Code, forStorage.Message));
    }

    [Fact]
    public async Task Unknown_fields_are_dropped_in_silence_when_validation_is_ignored()
    {
        var answer = await PostAsync($"{Widgets}?fieldValidation=Ignore", Widget("one", """{"size": 1, "bogus": 1}"""));

        Assert.Equal(201, answer.Code);
        Assert.Empty(answer.Warnings);
        Assert.Null(answer.Body["spec"]!["bogus"]);
    }

    [Fact]
    public async Task Unknown_fields_are_refused_under_strict_validation()
    {
        var answer = await PostAsync($"{Widgets}?fieldValidation=Strict", Widget("one", """{"size": 1, "bogus": 1, "shape": {"extra": true}}"""));

        Assert.Equal(400, answer.Code);
        Assert.Equal("BadRequest", answer.Reason);
        Assert.Equal("""Widget in version "v1" cannot be handled as a Widget: strict decoding error: unknown field "spec.bogus", unknown field "spec.shape.extra" """.Trim(), answer.Message);
    }

    [Fact]
    public async Task Nulls_where_none_are_allowed_count_as_absent()
    {
        var created = await CreateWidgetAsync("one", """{"size": 1, "colour": null, "nodeName": null, "note": null}""");

        Json.Same("""{"size": 1, "colour": "red", "enabled": true, "note": null, "shape": {"kind": "round"}}""", created["spec"]);
    }

    [Fact]
    public async Task Status_is_dropped_at_creation()
    {
        var answer = await PostAsync(Widgets, """{"apiVersion": "tests.quiesce.dev/v1", "kind": "Widget", "metadata": {"name": "one"}, "spec": {"size": 1}, "status": {"count": 1}}""");

        Assert.Equal(201, answer.Code);
        Assert.Null(answer.Body["status"]);
    }

    [Fact]
    public async Task What_only_the_server_sets_is_not_taken_from_the_body()
    {
        var created = await CreateWidgetAsync("one", metadata: """
            "uid": "11111111-1111-1111-1111-111111111111", "generation": 7, "creationTimestamp": "2001-01-01T00:00:00Z", "deletionTimestamp": "2001-01-01T00:00:00Z",
            """);

        Assert.NotEqual("11111111-1111-1111-1111-111111111111", created.Uid());
        Assert.Equal(1, created.Generation());
        Assert.DoesNotContain("2001", created.Meta("creationTimestamp")!.GetValue<string>(), StringComparison.Ordinal);
        Assert.Null(created.Meta("deletionTimestamp"));
    }

    [Fact]
    public async Task A_second_object_of_the_same_name_is_a_conflict()
    {
        await CreateWidgetAsync("one");

        var answer = await PostAsync(Widgets, Widget("one"));

        Assert.Equal(409, answer.Code);
        Assert.Equal("AlreadyExists", answer.Reason);
        Assert.Equal("""widgets.tests.quiesce.dev "one" already exists""", answer.Message);
        Json.Same("""{"name": "one", "group": "tests.quiesce.dev", "kind": "widgets"}""", answer.Body["details"]);
    }

    [Fact]
    public async Task A_generated_name_starts_with_the_prefix_and_is_unique()
    {
        var body = """{"apiVersion": "tests.quiesce.dev/v1", "kind": "Widget", "metadata": {"generateName": "w-"}, "spec": {"size": 1}}""";

        var first = (await PostAsync(Widgets, body)).Body.Name();
        var second = (await PostAsync(Widgets, body)).Body.Name();

        Assert.Matches("^w-[a-z0-9]{5}$", first);
        Assert.NotEqual(first, second);
    }

    [Fact]
    public async Task A_missing_object_is_not_found()
    {
        var answer = await GetAsync($"{Widgets}/none");

        Assert.Equal(404, answer.Code);
        Assert.Equal("NotFound", answer.Reason);
        Assert.Equal("""widgets.tests.quiesce.dev "none" not found""", answer.Message);
        Assert.Equal("Status", answer.Body["kind"]!.GetValue<string>());
        Assert.Equal("Failure", answer.Body["status"]!.GetValue<string>());
        Assert.Equal(404, answer.Body["code"]!.GetValue<int>());
    }

    [Fact]
    public async Task Nothing_can_be_created_in_a_namespace_that_does_not_exist()
    {
        var answer = await PostAsync($"{Group}/namespaces/nowhere/widgets", Widget("one"));

        Assert.Equal(404, answer.Code);
        Assert.Equal("""namespaces "nowhere" not found""", answer.Message);
    }

    [Fact]
    public async Task A_body_for_another_namespace_is_refused()
    {
        var answer = await PostAsync(Widgets, Widget("one", metadata: """ "namespace": "other","""));

        Assert.Equal(400, answer.Code);
        Assert.Equal("the namespace of the provided object does not match the namespace sent on the request", answer.Message);
    }

    [Fact]
    public async Task A_body_of_another_kind_or_version_is_refused()
    {
        var kind = await PostAsync(Widgets, Widget("one").Replace("\"Widget\"", "\"Gadget\"", StringComparison.Ordinal));
        var version = await PostAsync(Widgets, Widget("one").Replace("tests.quiesce.dev/v1", "tests.quiesce.dev/v2", StringComparison.Ordinal));

        Assert.Equal(422, kind.Code);
        Assert.Equal("""Gadget.tests.quiesce.dev "one" is invalid: kind: Invalid value: "Gadget": must be Widget""", kind.Message);
        Assert.Equal(400, version.Code);
        Assert.Equal("the API version in the data (tests.quiesce.dev/v2) does not match the expected API version (tests.quiesce.dev/v1)", version.Message);
    }

    [Fact]
    public async Task A_body_that_is_not_JSON_is_a_bad_request()
    {
        var answer = await PostAsync(Widgets, "{nonsense");

        Assert.Equal(400, answer.Code);
        Assert.Equal("BadRequest", answer.Reason);
    }

    [Fact]
    public async Task A_body_can_be_YAML()
    {
        var answer = await PostAsync(Widgets, """
            apiVersion: tests.quiesce.dev/v1
            kind: Widget
            metadata: {name: one}
            spec:
              size: 3
              note: "yes"
              enabled: no
            """, "application/yaml");

        Assert.Equal(201, answer.Code);
        Json.Same("""{"size": 3, "note": "yes", "enabled": false, "colour": "red", "shape": {"kind": "round"}}""", answer.Body["spec"]);
    }

    [Fact]
    public async Task A_body_of_an_unknown_type_is_refused_as_such()
    {
        var answer = await PostAsync(Widgets, "x", "text/plain");

        Assert.Equal(415, answer.Code);
        Assert.Equal("UnsupportedMediaType", answer.Reason);
    }

    [Fact]
    public async Task A_dry_run_answers_like_a_creation_and_leaves_nothing_behind()
    {
        var answer = await PostAsync($"{Widgets}?dryRun=All", Widget("one"));

        Assert.Equal(201, answer.Code);
        Assert.Equal("red", answer.Body["spec"]!["colour"]!.GetValue<string>());
        Assert.Null(answer.Body.Meta("resourceVersion"));
        Assert.Equal(404, (await GetAsync($"{Widgets}/one")).Code);
    }

    [Fact]
    public async Task A_dry_run_of_an_invalid_object_is_refused()
    {
        Assert.Equal(422, (await PostAsync($"{Widgets}?dryRun=All", Widget("one", "{}"))).Code);
    }

    [Theory]
    [InlineData("Upper")]
    [InlineData("-dash")]
    [InlineData("under_score")]
    public async Task Names_must_be_DNS_subdomains(string name)
    {
        var answer = await PostAsync(Widgets, Widget(name));

        Assert.Equal(422, answer.Code);
        Assert.Equal(
            [$"metadata.name: FieldValueInvalid: Invalid value: \"{name}\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"],
            answer.Causes);
    }

    [Fact]
    public async Task A_name_is_required()
    {
        var answer = await PostAsync(Widgets, """{"apiVersion": "tests.quiesce.dev/v1", "kind": "Widget", "metadata": {}, "spec": {"size": 1}}""");

        Assert.Equal(422, answer.Code);
        Assert.Equal(["metadata.name: FieldValueRequired: Required value: name or generateName is required"], answer.Causes);
    }

    [Fact]
    public async Task Labels_must_be_well_formed()
    {
        var answer = await PostAsync(Widgets, Widget("one", metadata: $$""" "labels": {"a b": "c", "d": "e f", "g": "{{new string('h', 64)}}"},"""));

        Assert.Equal(422, answer.Code);
        Assert.Equal(3, answer.Causes.Count);
        Assert.All(answer.Causes, c => Assert.StartsWith("metadata.labels: FieldValueInvalid: Invalid value: ", c, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_kind_or_version_that_is_not_served_is_not_found()
    {
        Assert.Equal(404, (await GetAsync($"{Group}/namespaces/{Namespace}/gadgets")).Code);
        Assert.Equal(404, (await GetAsync("/apis/tests.quiesce.dev/v9/widgets")).Code);
        Assert.Equal(404, (await GetAsync("/nothing")).Code);
    }

    [Fact]
    public async Task A_kind_of_two_versions_is_read_and_written_in_both()
    {
        var name = $"plain-{Namespace}";
        var created = await PostAsync($"{Group}beta1/plains", $$"""{"apiVersion": "tests.quiesce.dev/v1beta1", "kind": "Plain", "metadata": {"name": "{{name}}"}, "a": 1}""");
        Assert.Equal(201, created.Code);
        Assert.Equal("tests.quiesce.dev/v1beta1", created.Body["apiVersion"]!.GetValue<string>());

        var read = await GetAsync($"{Group}/plains/{name}");
        var patched = await MergeAsync($"{Group}beta1/plains/{name}", """{"a": 2}""");

        Assert.Equal("tests.quiesce.dev/v1", read.Body["apiVersion"]!.GetValue<string>());
        Assert.Equal(1, read.Body["a"]!.GetValue<int>());
        Assert.Equal("tests.quiesce.dev/v1beta1", patched.Body["apiVersion"]!.GetValue<string>());
        Assert.Equal(2, (await GetAsync($"{Group}/plains/{name}")).Body["a"]!.GetValue<int>());
        Assert.Equal(200, (await DeleteAsync($"{Group}/plains/{name}")).Code);
    }

    [Fact]
    public async Task What_many_apply_at_one_moment_is_there_for_each_of_them()
    {
        for (var round = 0; round < 5; round++)
        {
            var yaml = $"{{apiVersion: v1, kind: ConfigMap, metadata: {{name: together-{round}, namespace: {Namespace}}}}}";
            await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Server.ApplyAsync(yaml, Cancel)));
        }
    }
}
