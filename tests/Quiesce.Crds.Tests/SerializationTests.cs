using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;

namespace Quiesce.Crds.Tests;

/// <summary>How the types read and write the API's JSON.</summary>
public sealed class SerializationTests
{
    public static TheoryData<string> Kinds => ["FreezeRequest", "ThawRequest", "FreezeWindow", "NodeFreeze"];

    [Theory, MemberData(nameof(Kinds))]
    public void An_object_with_everything_set_survives_a_round_trip(string kind)
    {
        var (value, type) = Example(kind);
        var written = JsonSerializer.SerializeToNode(value, type);
        var again = JsonSerializer.SerializeToNode(JsonSerializer.Deserialize(written, type), type);
        Assert.True(JsonNode.DeepEquals(written, again), again!.ToJsonString());
    }

    /// <summary>Without this, the round trip and the test on the real API server would pass over a property nobody filled in.</summary>
    [Theory, MemberData(nameof(Kinds))]
    public void The_examples_leave_no_property_out(string kind)
    {
        var (value, type) = Example(kind);
        var written = Names(JsonSerializer.SerializeToNode(value, type));
        var missing = Manifests.CrdManifest.Of(kind).Schemas()
            .SelectMany(s => (s.Schema["properties"] as JsonObject ?? []).Select(p => p.Key))
            .Distinct()
            .Where(name => !written.Contains(name));
        Assert.Empty(missing);
    }

    [Fact]
    public void Times_are_RFC_3339_in_UTC_with_milliseconds()
    {
        var status = new NodeFreezeStatus { FrozenAt = new DateTimeOffset(2026, 3, 4, 7, 6, 7, 89, TimeSpan.FromHours(2)) };
        Assert.Equal("2026-03-04T05:06:07.089Z", (string?)JsonSerializer.SerializeToNode(status, CrdsJson.Default.NodeFreezeStatus)!["frozenAt"]);
    }

    [Theory]
    [InlineData("2026-03-04T05:06:07Z", 0)]
    [InlineData("2026-03-04T05:06:07.089Z", 89)]
    [InlineData("2026-03-04T05:06:07.089123Z", 89)]
    [InlineData("2026-03-04T07:06:07.089+02:00", 89)]
    public void Times_are_read_in_every_form_the_API_uses(string text, int milliseconds)
    {
        var status = JsonSerializer.Deserialize($$"""{"frozenAt":"{{text}}"}""", CrdsJson.Default.NodeFreezeStatus)!;
        Assert.Equal(new DateTimeOffset(2026, 3, 4, 5, 6, 7, milliseconds, TimeSpan.Zero), status.FrozenAt!.Value.AddTicks(-(status.FrozenAt.Value.Ticks % TimeSpan.TicksPerMillisecond)));
    }

    [Theory]
    [InlineData("\"yesterday\"")]
    [InlineData("12")]
    [InlineData("\"\"")]
    public void A_time_that_is_none_is_a_JSON_error(string json) =>
        Assert.Throws<JsonException>(() => JsonSerializer.Deserialize($$"""{"frozenAt":{{json}}}""", CrdsJson.Default.NodeFreezeStatus));

    [Fact]
    public void Enums_are_written_by_name()
    {
        var spec = JsonSerializer.SerializeToNode(new FreezeRequestSpec { DesiredState = DesiredState.Thawed }, CrdsJson.Default.FreezeRequestSpec)!;
        Assert.Equal("Thawed", (string?)spec["desiredState"]);
        Assert.Equal("Skip", (string?)spec["unsupportedFilesystems"]);
    }

    [Fact]
    public void A_value_an_enum_does_not_have_is_a_JSON_error() =>
        Assert.Throws<JsonException>(() => JsonSerializer.Deserialize("""{"desiredState":"Melted"}""", CrdsJson.Default.FreezeRequestSpec));

    [Theory, MemberData(nameof(Kinds))]
    public void Nulls_are_left_out(string kind)
    {
        var (_, type) = Example(kind);
        var empty = JsonSerializer.Serialize(Activator.CreateInstance(type.Type), type);
        Assert.DoesNotContain("null", empty, StringComparison.Ordinal);
    }

    [Fact]
    public void Zero_and_false_and_the_first_enum_value_are_written()
    {
        var spec = JsonSerializer.SerializeToNode(new NodeFreezeSpec { NodeName = "n", Request = new() { Namespace = "", Name = "r", Uid = "u" } }, CrdsJson.Default.NodeFreezeSpec)!;
        Assert.Equal("Hold", (string?)spec["mode"]);
        Assert.False((bool)spec["allFilesystems"]!);
        Assert.Equal("", (string?)spec["request"]!["namespace"]);
    }

    [Fact]
    public void Unknown_fields_are_ignored()
    {
        var request = JsonSerializer.Deserialize(
            """{"apiVersion":"quiesce.dev/v1alpha1","kind":"FreezeRequest","metadata":{"name":"a","future":1},"spec":{"dryRun":true,"future":{"x":[1]}},"status":{"future":null,"nodeCount":3}}""",
            CrdsJson.Default.FreezeRequest)!;
        Assert.Equal(("a", true, 3), (request.Metadata.Name, request.Spec.DryRun, request.Status!.NodeCount));
    }

    /// <summary>The source generator undoes the initializer of an <c>init</c> property that a document lacks; the types guard against it.</summary>
    [Fact]
    public void What_a_document_lacks_keeps_its_default()
    {
        var request = JsonSerializer.Deserialize("""{"spec":{},"status":{}}""", CrdsJson.Default.FreezeRequest)!;
        Assert.Equal(("quiesce.dev/v1alpha1", "FreezeRequest"), (request.ApiVersion, request.Kind));
        Assert.NotNull(request.Metadata);
        Assert.Empty(request.Spec.Targets);
        Assert.Equal((20, 10), (request.Spec.DeadlineSeconds, request.Spec.FreezeTimeoutSeconds));
        Assert.Empty(request.Status!.Conditions);
        Assert.Empty(request.Status.Nodes);

        var list = JsonSerializer.Deserialize("{}", CrdsJson.Default.ResourceListNodeFreeze)!;
        Assert.NotNull(list.Metadata);
        Assert.Empty(list.Items);
    }

    [Fact]
    public void A_list_that_is_null_reads_as_empty()
    {
        var status = JsonSerializer.Deserialize("""{"conditions":null,"nodes":[{"name":"n","filesystems":null}]}""", CrdsJson.Default.FreezeRequestStatus)!;
        Assert.Empty(status.Conditions);
        Assert.Empty(Assert.Single(status.Nodes).Filesystems);
    }

    [Fact]
    public void A_missing_required_property_is_a_JSON_error() =>
        Assert.Throws<JsonException>(() => JsonSerializer.Deserialize("""{"nodeSelector":{}}""", CrdsJson.Default.HostPathTarget));

    [Fact]
    public void Metadata_keeps_what_programs_rely_on()
    {
        const string metadata =
            """{"creationTimestamp":"2026-03-04T05:06:07Z","deletionTimestamp":"2026-03-04T05:07:07Z","finalizers":["quiesce.dev/thaw"],"generation":2,"labels":{"velero.io/restore-name":"r"},"managedFields":[{"apiVersion":"quiesce.dev/v1alpha1","fieldsType":"FieldsV1","fieldsV1":{"f:spec":{".":{}}},"manager":"m","operation":"Update","time":"2026-03-04T05:06:07Z"}],"name":"a","namespace":"shop","resourceVersion":"12","uid":"u"}""";
        var window = JsonSerializer.Deserialize($$"""{"metadata":{{metadata}},"spec":{"request":{"namespace":"","name":"n","uid":"u"} } }""", CrdsJson.Default.FreezeWindow)!;
        Assert.Equal((2, "12", "u"), (window.Metadata.Generation, window.Metadata.ResourceVersion, window.Metadata.Uid));
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(metadata), JsonSerializer.SerializeToNode(window, CrdsJson.Default.FreezeWindow)!["metadata"]));
    }

    internal static (object Value, JsonTypeInfo Type) Example(string kind) => kind switch
    {
        "FreezeRequest" => (Examples.FreezeRequest, CrdsJson.Default.FreezeRequest),
        "ThawRequest" => (Examples.ThawRequest, CrdsJson.Default.ThawRequest),
        "FreezeWindow" => (Examples.FreezeWindow, CrdsJson.Default.FreezeWindow),
        "NodeFreeze" => (Examples.NodeFreeze, CrdsJson.Default.NodeFreeze),
        _ => throw new ArgumentOutOfRangeException(nameof(kind)),
    };

    private static HashSet<string> Names(JsonNode? node) => node switch
    {
        JsonObject o => [.. o.Select(p => p.Key), .. o.SelectMany(p => Names(p.Value))],
        JsonArray a => [.. a.SelectMany(Names)],
        _ => [],
    };
}
