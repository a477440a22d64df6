using System.Text.Json.Nodes;

namespace Quiesce.Crds.Tests.Manifests;

/// <summary>What a manifest promises beyond the shape of its C# type.</summary>
public sealed class ManifestTests
{
    [Fact]
    public void The_columns_of_a_FreezeRequest_are_those_of_the_design() =>
        Assert.Equal(
            ["Phase", "Intact", "Nodes", "Filesystems", "Frozen", "Deadline", "Reason", "Age"],
            Columns(CrdManifest.Of("FreezeRequest")).Select(c => (string)c["name"]!));

    [Fact]
    public void No_column_but_the_age_is_a_date_for_a_future_one_prints_invalid() =>
        Assert.All(
            CrdManifest.All.SelectMany(Columns).Where(c => (string)c["type"]! == "date"),
            c => Assert.Equal(".metadata.creationTimestamp", (string)c["jsonPath"]!));

    [Fact]
    public void Every_column_shows_a_property_that_exists() =>
        Assert.All(CrdManifest.All, m => Assert.All(Columns(m), c =>
        {
            var path = ((string)c["jsonPath"]!).TrimStart('.').Replace("[?(@.type==\"WindowIntact\")]", "", StringComparison.Ordinal);
            if (path != "metadata.creationTimestamp") Assert.NotNull(m.Property(path));
        }));

    [Theory]
    [InlineData("FreezeRequest", "freezerequest", "freeze,fr", "quiesce")]
    [InlineData("ThawRequest", "thawrequest", "thaw", "quiesce")]
    [InlineData("FreezeWindow", "freezewindow", "fwin", "")]
    [InlineData("NodeFreeze", "nodefreeze", "nfrz", "")]
    public void Names_on_the_command_line(string kind, string singular, string shortNames, string categories)
    {
        var names = CrdManifest.Of(kind).Crd["spec"]!["names"]!;
        Assert.Equal(singular, (string)names["singular"]!);
        Assert.Equal(shortNames, Joined(names["shortNames"]));
        Assert.Equal(categories, Joined(names["categories"]));
    }

    [Fact]
    public void An_agent_can_select_the_objects_of_its_node() =>
        Assert.Equal(".spec.nodeName", (string)Assert.Single((JsonArray)CrdManifest.Of("NodeFreeze").Version["selectableFields"]!)!["jsonPath"]!);

    [Fact]
    public void Conditions_are_a_map_by_type_and_every_other_list_is_atomic() =>
        Assert.All(CrdManifest.All.SelectMany(m => m.Schemas()).Where(s => (string?)s.Schema["type"] == "array"), s =>
        {
            var isConditions = s.Path.EndsWith(".conditions", StringComparison.Ordinal);
            Assert.Equal(isConditions ? "map" : "atomic", (string)s.Schema["x-kubernetes-list-type"]!);
            Assert.Equal(isConditions ? "type" : "", Joined(s.Schema["x-kubernetes-list-map-keys"]));
        });

    [Fact]
    public void Every_rule_refuses_in_a_sentence() =>
        Assert.All(CrdManifest.All.SelectMany(m => m.Schemas()).SelectMany(s => s.Schema["x-kubernetes-validations"] as JsonArray ?? []), r =>
        {
            var message = (string?)r!["message"];
            Assert.True(message is { Length: > 40 and < 400 } && message.EndsWith('.') && !message.Contains('\n'), $"{r["rule"]}: {message}");
        });

    [Fact]
    public void Every_description_is_one_or_more_sentences() =>
        Assert.All(CrdManifest.All.SelectMany(m => m.Schemas()).Where(s => s.Schema["description"] is not null), s =>
        {
            var description = (string)s.Schema["description"]!;
            Assert.True(description.Length > 15 && description.EndsWith('.') && !description.Contains('\n'), $"{s.Path}: {description}");
        });

    [Theory]
    [InlineData("FreezeRequest", "spec.targets", "maxItems", Bounds.Targets)]
    [InlineData("FreezeRequest", "spec.targets.hostPath.path", "maxLength", Bounds.PathLength)]
    [InlineData("FreezeRequest", "spec.deadlineSeconds", "maximum", QuiesceApi.DeadlineCeilingSeconds)]
    [InlineData("FreezeRequest", "spec.freezeTimeoutSeconds", "maximum", Bounds.TimeoutCeilingSeconds)]
    [InlineData("FreezeRequest", "status.conditions", "maxItems", Bounds.Conditions)]
    [InlineData("FreezeRequest", "status.conditions.message", "maxLength", Bounds.MessageLength)]
    [InlineData("FreezeRequest", "status.message", "maxLength", Bounds.MessageLength)]
    [InlineData("FreezeRequest", "status.nodes", "maxItems", Bounds.Nodes)]
    [InlineData("FreezeRequest", "status.nodes.message", "maxLength", Bounds.MessageLength)]
    [InlineData("FreezeRequest", "status.nodes.filesystems", "maxItems", Bounds.Filesystems)]
    [InlineData("FreezeRequest", "status.nodes.filesystems.path", "maxLength", Bounds.ReportedPathLength)]
    [InlineData("FreezeRequest", "status.nodes.filesystems.source", "maxLength", Bounds.ReportedPathLength)]
    [InlineData("FreezeRequest", "status.nodes.filesystems.message", "maxLength", Bounds.MessageLength)]
    [InlineData("ThawRequest", "spec.paths", "maxItems", Bounds.Paths)]
    [InlineData("ThawRequest", "spec.timeoutSeconds", "maximum", Bounds.TimeoutCeilingSeconds)]
    [InlineData("ThawRequest", "status.conditions", "maxItems", Bounds.Conditions)]
    [InlineData("ThawRequest", "status.filesystems", "maxItems", Bounds.Filesystems)]
    [InlineData("FreezeWindow", "spec.deadlineSeconds", "maximum", QuiesceApi.DeadlineCeilingSeconds)]
    [InlineData("NodeFreeze", "spec.paths", "maxItems", Bounds.Paths)]
    [InlineData("NodeFreeze", "spec.freezeTimeoutSeconds", "maximum", Bounds.TimeoutCeilingSeconds)]
    [InlineData("NodeFreeze", "status.message", "maxLength", Bounds.MessageLength)]
    [InlineData("NodeFreeze", "status.filesystems", "maxItems", Bounds.Filesystems)]
    public void The_bounds_are_those_that_programs_cut_to(string kind, string path, string keyword, int bound) =>
        Assert.Equal(bound, (int)(long)CrdManifest.Of(kind).Property(path)[keyword]!);

    [Theory]
    [InlineData("ThawRequest")]
    [InlineData("NodeFreeze")]
    public void A_path_in_a_list_is_bounded_and_checked_like_that_of_a_target(string kind)
    {
        var target = CrdManifest.Of("FreezeRequest").Property("spec.targets.hostPath.path");
        var item = (JsonObject)CrdManifest.Of(kind).Property("spec.paths")["items"]!;
        Assert.True(JsonNode.DeepEquals(target["maxLength"], item["maxLength"]));
        Assert.True(JsonNode.DeepEquals(target["x-kubernetes-validations"], item["x-kubernetes-validations"]));
    }

    private static IEnumerable<JsonObject> Columns(CrdManifest manifest) =>
        ((JsonArray)manifest.Version["additionalPrinterColumns"]!).Select(c => (JsonObject)c!);

    private static string Joined(JsonNode? list) => string.Join(',', (list as JsonArray ?? []).Select(n => (string)n!));
}
