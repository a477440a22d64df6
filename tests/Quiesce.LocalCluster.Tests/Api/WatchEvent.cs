using System.Text.Json.Nodes;

namespace Quiesce.Cluster.Tests.Api;

/// <summary>One line of a watch.</summary>
internal sealed record WatchEvent(string Type, JsonNode Object)
{
    /// <summary>Type and name, such as <c>ADDED one</c>.</summary>
    public string Said => $"{Type} {Object["metadata"]?["name"]}".TrimEnd();
}
