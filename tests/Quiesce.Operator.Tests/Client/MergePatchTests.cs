using System.Text.Json.Nodes;
using Quiesce.Crds.Client;

namespace Quiesce.Operator.Tests.Client;

/// <summary>The difference of two objects as a merge patch.</summary>
public sealed class MergePatchTests
{
    [Theory]
    [InlineData("""{"a":1}""", """{"a":1}""", null)]
    [InlineData("""{"a":1}""", """{"a":2}""", """{"a":2}""")]
    [InlineData("""{"a":1,"b":2}""", """{"a":1}""", """{"b":null}""")]
    [InlineData("""{"a":{"b":1,"c":2}}""", """{"a":{"b":1,"c":3}}""", """{"a":{"c":3}}""")]
    [InlineData("""{"a":{"b":1}}""", """{"a":{}}""", """{"a":{"b":null}}""")]
    [InlineData("""{"a":[1,2]}""", """{"a":[1]}""", """{"a":[1]}""")]
    [InlineData("""{"a":null}""", """{}""", null)]
    [InlineData("""{}""", """{"a":{"b":1}}""", """{"a":{"b":1}}""")]
    [InlineData("""{"a":1}""", """{"a":{"b":1}}""", """{"a":{"b":1}}""")]
    public void Between_two_objects(string before, string after, string? patch) => Assert.Equal(
        patch, MergePatch.Between(JsonNode.Parse(before)!.AsObject(), JsonNode.Parse(after)!.AsObject())?.ToJsonString());
}
