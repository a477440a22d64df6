using System.Text.Json.Nodes;
using Quiesce.Cluster.Patching;
using Quiesce.Cluster.Tests.Api;

namespace Quiesce.Cluster.Tests.Parts;

/// <summary>The directives that kubectl apply writes for the server's own kinds.</summary>
public sealed class StrategicMergePatchTests
{
    [Theory]
    [InlineData("""{"a": 1}""", """{"b": 2, "a": null}""", """{"b": 2}""")]
    [InlineData("""{"o": {"a": 1, "b": 2}}""", """{"o": {"$patch": "replace", "c": 3}}""", """{"o": {"c": 3}}""")]
    [InlineData("""{"o": {"a": 1}}""", """{"o": {"$patch": "delete"}}""", "{}")]
    [InlineData("""{"strategy": {"type": "RollingUpdate", "rollingUpdate": {"x": 1}}}""", """{"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}""", """{"strategy": {"type": "Recreate"}}""")]
    [InlineData("""{"containers": [{"name": "a", "image": "1"}, {"name": "b", "image": "2"}]}""", """{"containers": [{"name": "b", "image": "3"}, {"name": "c", "image": "4"}]}""",
        """{"containers": [{"name": "a", "image": "1"}, {"name": "b", "image": "3"}, {"name": "c", "image": "4"}]}""")]
    [InlineData("""{"containers": [{"name": "a"}, {"name": "b"}]}""", """{"containers": [{"name": "a", "$patch": "delete"}]}""", """{"containers": [{"name": "b"}]}""")]
    [InlineData("""{"containers": [{"name": "a"}]}""", """{"containers": [{"$patch": "replace"}, {"name": "z"}]}""", """{"containers": [{"name": "z"}]}""")]
    [InlineData("""{"containers": [{"name": "a"}, {"name": "b"}]}""", """{"$setElementOrder/containers": [{"name": "b"}, {"name": "a"}], "containers": [{"name": "a", "image": "1"}]}""",
        """{"containers": [{"name": "b"}, {"name": "a", "image": "1"}]}""")]
    [InlineData("""{"finalizers": ["a", "b"]}""", """{"finalizers": ["c"]}""", """{"finalizers": ["a", "b", "c"]}""")]
    [InlineData("""{"finalizers": ["a", "b"]}""", """{"$deleteFromPrimitiveList/finalizers": ["a"]}""", """{"finalizers": ["b"]}""")]
    [InlineData("""{"args": ["a", "b"]}""", """{"args": ["c"]}""", """{"args": ["c"]}""")]
    [InlineData("""{"ports": [{"port": 80, "name": "http"}]}""", """{"ports": [{"port": 443, "name": "https"}]}""", """{"ports": [{"port": 80, "name": "http"}, {"port": 443, "name": "https"}]}""")]
    public void Directives_are_carried_out(string target, string patch, string expected) =>
        Json.Same(expected, StrategicMergePatch.Apply(JsonNode.Parse(target)!.AsObject(), JsonNode.Parse(patch)!.AsObject()));
}
