namespace Quiesce.Cluster.Tests.Api;

/// <summary>What a schema refuses, in the words of the real server.</summary>
public sealed class ValidationTests(SharedServer shared) : ApiTests(shared)
{
    [Theory]
    [InlineData("{}", "spec.size: FieldValueRequired: Required value")]
    [InlineData("""{"size": "3"}""", """spec.size: FieldValueTypeInvalid: Invalid value: "string": spec.size in body must be of type integer: "string" """)]
    [InlineData("""{"size": 1.5}""", """spec.size: FieldValueTypeInvalid: Invalid value: "float64": spec.size in body must be of type int32: "float64" """)]
    [InlineData("""{"size": 0}""", "spec.size: FieldValueInvalid: Invalid value: 0: spec.size in body should be greater than or equal to 1")]
    [InlineData("""{"size": 3000000000}""", """<nil>: FieldValueInvalid: Invalid value: "": Checked value must be of type integer with format int32 in spec.size""")]
    [InlineData("""{"size": 11}""", "spec.size: FieldValueInvalid: Invalid value: 11: spec.size in body should be less than or equal to 10")]
    [InlineData("""{"size": 1, "shape": {"sides": 1.5}}""", """spec.shape.sides: FieldValueTypeInvalid: Invalid value: "number": spec.shape.sides in body must be of type integer: "number" """)]
    [InlineData("""{"size": 1, "either": {}}""", """<nil>: FieldValueInvalid: Invalid value: "": "spec.either" must validate one and only one schema (oneOf). Found none valid""")]
    [InlineData("""{"size": 1, "weight": 0}""", "spec.weight: FieldValueInvalid: Invalid value: 0: spec.weight in body should be greater than 0")]
    [InlineData("""{"size": 1, "weight": 0.7}""", "spec.weight: FieldValueInvalid: Invalid value: 0.7: spec.weight in body should be a multiple of 0.5")]
    [InlineData("""{"size": 1, "colour": "green"}""", """spec.colour: FieldValueNotSupported: Unsupported value: "green": supported values: "red", "blue" """)]
    [InlineData("""{"size": 1, "nodeName": "x"}""", """spec.nodeName: FieldValueInvalid: Invalid value: "x": spec.nodeName in body should be at least 2 chars long""")]
    [InlineData("""{"size": 1, "nodeName": "abcdefghijk"}""", "spec.nodeName: FieldValueTooLong: Too long: may not be more than 10 bytes")]
    [InlineData("""{"size": 1, "nodeName": "A_B"}""", """spec.nodeName: FieldValueInvalid: Invalid value: "A_B": spec.nodeName in body should match '^[a-z0-9-]+$'""")]
    [InlineData("""{"size": 1, "nodeName": "ab\n"}""", """spec.nodeName: FieldValueInvalid: Invalid value: "ab\n": spec.nodeName in body should match '^[a-z0-9-]+$'""")]
    [InlineData("""{"size": 1, "enabled": "true"}""", """spec.enabled: FieldValueTypeInvalid: Invalid value: "string": spec.enabled in body must be of type boolean: "string" """)]
    [InlineData("""{"size": 1, "tags": []}""", "spec.tags: FieldValueInvalid: Invalid value: 0: spec.tags in body should have at least 1 items")]
    [InlineData("""{"size": 1, "tags": ["a", "b", "c", "d"]}""", "spec.tags: FieldValueTooMany: Too many: 4: must have at most 3 items")]
    [InlineData("""{"size": 1, "tags": ["a", "b", "a"]}""", """spec.tags[2]: FieldValueDuplicate: Duplicate value: "a" """)]
    [InlineData("""{"size": 1, "tags": ["a", 2]}""", """spec.tags[1]: FieldValueTypeInvalid: Invalid value: "integer": spec.tags[1] in body must be of type string: "integer" """)]
    [InlineData("""{"size": 1, "since": "yesterday"}""", """spec.since: FieldValueTypeInvalid: Invalid value: "yesterday": spec.since in body must be of type date-time: "yesterday" """)]
    [InlineData("""{"size": 1, "limits": {}}""", "spec.limits: FieldValueInvalid: Invalid value: 0: spec.limits in body should have at least 1 properties")]
    [InlineData("""{"size": 1, "limits": {"a": 1, "b": 2, "c": 3}}""", "spec.limits: FieldValueTooMany: Too many: 3: must have at most 2 items")]
    [InlineData("""{"size": 1, "limits": {"a": -1}}""", "spec.limits.a: FieldValueInvalid: Invalid value: -1: spec.limits.a in body should be greater than or equal to 0")]
    [InlineData("""{"size": 1, "port": true}""", """spec.port: FieldValueTypeInvalid: Invalid value: "boolean": spec.port in body must be of type integer,string: "boolean" """)]
    [InlineData("""{"size": 1, "shape": 3}""", """spec.shape: FieldValueTypeInvalid: Invalid value: "integer": spec.shape in body must be of type object: "integer" """)]
    public async Task A_schema_refuses_and_says_why(string spec, string cause)
    {
        var answer = await PostAsync(Widgets, Widget("one", spec));

        Assert.Equal(422, answer.Code);
        Assert.Equal("Invalid", answer.Reason);
        Assert.Contains(cause.Trim(), answer.Causes);
        Assert.Equal(404, (await GetAsync($"{Widgets}/one")).Code);
    }

    [Fact]
    public async Task The_message_names_kind_object_and_field()
    {
        var answer = await PostAsync(Widgets, Widget("one", """{"size": 0}"""));

        Assert.Equal("""Widget.tests.quiesce.dev "one" is invalid: spec.size: Invalid value: 0: spec.size in body should be greater than or equal to 1""", answer.Message);
        Assert.Equal("one", answer.Body["details"]!["name"]!.GetValue<string>());
        Assert.Equal("tests.quiesce.dev", answer.Body["details"]!["group"]!.GetValue<string>());
        Assert.Equal("Widget", answer.Body["details"]!["kind"]!.GetValue<string>());
    }

    [Fact]
    public async Task Every_complaint_is_listed_in_brackets()
    {
        var answer = await PostAsync(Widgets, Widget("one", """{"size": 0, "nodeName": "x"}"""));

        Assert.Equal(2, answer.Causes.Count);
        Assert.StartsWith("""Widget.tests.quiesce.dev "one" is invalid: [spec.""", answer.Message, StringComparison.Ordinal);
        Assert.EndsWith("]", answer.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_spec_that_is_missing_is_required()
    {
        var answer = await PostAsync(Widgets, """{"apiVersion": "tests.quiesce.dev/v1", "kind": "Widget", "metadata": {"name": "one"}}""");

        Assert.Equal(["spec: FieldValueRequired: Required value"], answer.Causes);
    }

    [Theory]
    [InlineData("""{"size": 1, "weight": 99.5}""")]
    [InlineData("""{"size": 10, "port": 80, "tags": ["a"]}""")]
    [InlineData("""{"size": 2, "port": "http", "note": null}""")]
    [InlineData("""{"size": 2, "since": "2026-01-02T03:04:05.678Z", "limits": {"a": 0}}""")]
    [InlineData("""{"size": 2, "since": "2026-01-02T03:04:05+02:00", "either": {"left": "x"}}""")]
    public async Task What_fits_the_schema_is_accepted(string spec)
    {
        Assert.Equal(201, (await PostAsync(Widgets, Widget("one", spec))).Code);
    }

    [Fact]
    public async Task One_of_means_exactly_one()
    {
        var both = await PostAsync(Widgets, Widget("one", """{"size": 1, "either": {"left": "x", "right": "y"}}"""));
        var none = await PostAsync(Widgets, Widget("one", """{"size": 1, "either": {}}"""));

        Assert.Equal(422, both.Code);
        Assert.Contains("\"spec.either\" must validate one and only one schema (oneOf). Found 2 valid alternatives", both.Message, StringComparison.Ordinal);
        Assert.Equal(422, none.Code);
        Assert.Contains("\"spec.either\" must validate one and only one schema (oneOf). Found none valid", none.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_update_is_validated_like_a_creation()
    {
        await CreateWidgetAsync("one");

        var answer = await MergeAsync($"{Widgets}/one", """{"spec": {"size": 0}}""");

        Assert.Equal(422, answer.Code);
        Assert.Equal(1, (await GetAsync($"{Widgets}/one")).Body["spec"]!["size"]!.GetValue<int>());
    }

    [Fact]
    public async Task A_status_is_validated_against_its_part_of_the_schema()
    {
        await CreateWidgetAsync("one");

        var wrong = await MergeAsync($"{Widgets}/one/status", """{"status": {"count": -1}}""");
        var twice = await MergeAsync($"{Widgets}/one/status", """{"status": {"conditions": [{"type": "A", "status": "True"}, {"type": "A", "status": "False"}]}}""");

        Assert.Equal(["status.count: FieldValueInvalid: Invalid value: -1: count in body should be greater than or equal to 0"], wrong.Causes);
        Assert.Equal(["""status.conditions[1]: FieldValueDuplicate: Duplicate value: {"type":"A"}"""], twice.Causes);
    }

    [Fact]
    public async Task A_CEL_rule_is_enforced_where_the_server_evaluates_them()
    {
        await Server.ApplyAsync("""
            apiVersion: apiextensions.k8s.io/v1
            kind: CustomResourceDefinition
            metadata: {name: rules.cel.tests.quiesce.dev}
            spec:
              group: cel.tests.quiesce.dev
              scope: Cluster
              names: {plural: rules, kind: Rule}
              versions:
              - name: v1
                served: true
                storage: true
                schema:
                  openAPIV3Schema:
                    type: object
                    properties:
                      spec:
                        type: object
                        x-kubernetes-validations: [{rule: "self.a < self.b", message: a must be below b}]
                        properties: {a: {type: integer}, b: {type: integer}}
            """, Cancel);

        var answer = await PostAsync("/apis/cel.tests.quiesce.dev/v1/rules?dryRun=All", """{"apiVersion": "cel.tests.quiesce.dev/v1", "kind": "Rule", "metadata": {"name": "one"}, "spec": {"a": 2, "b": 1}}""");
        var unchecked_ = await PostAsync("/apis/cel.tests.quiesce.dev/v1/rules?dryRun=All", """{"apiVersion": "cel.tests.quiesce.dev/v1", "kind": "Rule", "metadata": {"name": "one"}, "spec": {"a": "x"}}""");

        Assert.Equal(Server.EvaluatesCel ? 422 : 201, answer.Code);
        Assert.Contains("<nil>: FieldValueInvalid: Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation", unchecked_.Causes);
    }
}
