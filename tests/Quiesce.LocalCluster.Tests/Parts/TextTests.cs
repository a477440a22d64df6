using System.Text.Json;
using System.Text.Json.Nodes;
using Quiesce.Cluster.Schema;
using Quiesce.Cluster.Tables;

namespace Quiesce.Cluster.Tests.Parts;

/// <summary>The small languages: JSONPath, durations, Go's regular expressions, YAML.</summary>
public sealed class TextTests
{
    private const string Document = """
        {"spec": {"size": 3, "list": [{"type": "A", "status": "True"}, {"type": "B", "status": "False", "n": 2}], "a.b": "dotted", "none": null},
         "metadata": {"labels": {"app.kubernetes.io/name": "x"}}}
        """;

    [Theory]
    [InlineData(".spec.size", "3")]
    [InlineData(".spec.list[1].status", "False")]
    [InlineData(".spec.list[-1].type", "B")]
    [InlineData(".spec.list[*].type", "A")]
    [InlineData(""".spec.list[?(@.type=="B")].status""", "False")]
    [InlineData(".spec.list[?(@.type=='B')].status", "False")]
    [InlineData(""".spec.list[?(@.type != "A")].type""", "B")]
    [InlineData(".spec.list[?(@.n==2)].type", "B")]
    [InlineData(".spec.list[?(@.n)].type", "B")]
    [InlineData(""".spec.list[?(@.type=="C")].status""", null)]
    [InlineData(".spec['a.b']", "dotted")]
    [InlineData(@".metadata.labels.app\.kubernetes\.io/name", "x")]
    [InlineData(".spec.nothing.at.all", null)]
    [InlineData(".spec.none", "null")]
    public void JSONPath_finds_what_printer_columns_ask_for(string path, string? expected)
    {
        var found = JsonPath.Parse(path).First(JsonDocument.Parse(Document).RootElement);

        Assert.Equal(expected, found is null ? null : JsonPath.Text(found.Value));
    }

    [Theory]
    [InlineData("spec.size")]
    [InlineData(".spec[abc]")]
    [InlineData(".spec[0")]
    public void A_JSONPath_that_is_not_understood_is_refused(string path) => Assert.Throws<FormatException>(() => JsonPath.Parse(path));

    [Theory]
    [InlineData(-5, "<invalid>")]
    [InlineData(-1, "0s")]
    [InlineData(0, "0s")]
    [InlineData(119, "119s")]
    [InlineData(120, "2m")]
    [InlineData(125, "2m5s")]
    [InlineData(600, "10m")]
    [InlineData(3 * 3600 - 1, "179m")]
    [InlineData(3 * 3600, "3h")]
    [InlineData(3 * 3600 + 60, "3h1m")]
    [InlineData(8 * 3600 + 60, "8h")]
    [InlineData(48 * 3600, "2d")]
    [InlineData(49 * 3600, "2d1h")]
    [InlineData(8 * 86400 + 3600, "8d")]
    [InlineData(2L * 365 * 86400, "2y")]
    [InlineData(2L * 365 * 86400 + 86400, "2y1d")]
    [InlineData(9L * 365 * 86400 + 86400, "9y")]
    public void Ages_are_shown_as_kubectl_shows_them(long seconds, string expected) => Assert.Equal(expected, HumanDuration.Show(TimeSpan.FromSeconds(seconds)));

    [Theory]
    [InlineData("^[a-z]+$", "abc", true)]
    [InlineData("^[a-z]+$", "abc\n", false)]
    [InlineData(@"^\d+$", "12", true)]
    [InlineData(@"^\d+$", "\u0663", false)]
    [InlineData(@"^[\w.]+$", "a_b.c", true)]
    [InlineData(@"^[\w.]+$", "\u00e9", false)]
    [InlineData(@"^\S+$", "a b", false)]
    [InlineData("[$]", "$", true)]
    [InlineData("^[]a]$", "]", true)]
    [InlineData("^[^]a]$", "]", false)]
    [InlineData("^[a[]+$", "a[", true)]
    [InlineData(@"^(/[^/\x00]+)+$", "/a/b", true)]
    [InlineData(@"(^|/)\.\.(/|$)", "/a/../b", true)]
    public void Regular_expressions_mean_what_they_mean_in_Go(string pattern, string text, bool matches) => Assert.Equal(matches, GoRegex.TryCompile(pattern)!.IsMatch(text));

    [Fact]
    public void A_regular_expression_that_is_none_is_seen_to_be_none() => Assert.Null(GoRegex.TryCompile("("));

    [Fact]
    public void YAML_scalars_are_read_as_Kubernetes_reads_them()
    {
        var node = Yaml.Read("""
            number: 12
            negative: -3
            float: 1.5
            yes: on
            off: "off"
            nothing:
            tilde: ~
            text: 1.2.3
            version: 1_2
            time: 2026-01-02T03:04:05Z
            quoted: "12"
            block: |
              two
              lines
            list: [1, two, {three: 3}]
            """);

        Assert.True(JsonNode.DeepEquals(node, JsonNode.Parse("""
            {"number": 12, "negative": -3, "float": 1.5, "yes": true, "off": "off", "nothing": null, "tilde": null, "text": "1.2.3", "version": "1_2",
             "time": "2026-01-02T03:04:05Z", "quoted": "12", "block": "two\nlines\n", "list": [1, "two", {"three": 3}]}
            """)), node!.ToJsonString());
    }

    [Fact]
    public void YAML_comes_in_documents_and_empty_ones_are_passed_over() =>
        Assert.Equal(["1", "2"], Yaml.ReadAll("a: 1\n---\n# nothing\n---\na: 2\n").Select(d => d["a"]!.ToJsonString()));

    [Fact]
    public void What_is_not_YAML_is_refused() => Assert.Throws<FormatException>(() => Yaml.Read("a: [1"));
}
