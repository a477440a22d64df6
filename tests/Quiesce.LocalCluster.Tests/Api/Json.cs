using System.Text.Json.Nodes;

namespace Quiesce.Cluster.Tests.Api;

/// <summary>Short ways into JSON answers.</summary>
internal static class Json
{
    public static JsonNode? Meta(this JsonNode o, string name) => o["metadata"]?[name];

    public static string Version(this JsonNode o) => o.Meta("resourceVersion")!.GetValue<string>();

    public static long Generation(this JsonNode o) => o.Meta("generation")!.GetValue<long>();

    public static string Name(this JsonNode o) => o.Meta("name")!.GetValue<string>();

    public static string Uid(this JsonNode o) => o.Meta("uid")!.GetValue<string>();

    /// <summary>The names in a list.</summary>
    public static IReadOnlyList<string> Names(this JsonNode list) => [.. list["items"]!.AsArray().Select(i => i!.Name())];

    public static void Same(string expected, JsonNode? actual) =>
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(expected), actual), $"expected {expected}, got {actual?.ToJsonString() ?? "nothing"}");
}
