using System.Text.Json;
using System.Text.Json.Nodes;

namespace Quiesce.Cluster.Tests.Api;

/// <summary>What came back.</summary>
/// <param name="Code">HTTP status.</param>
/// <param name="Text">The body.</param>
/// <param name="Warnings"><c>Warning</c> headers.</param>
/// <param name="Type">The body's media type.</param>
public sealed record Answer(int Code, string Text, IReadOnlyList<string> Warnings, string Type)
{
    /// <summary>The body as JSON.</summary>
    public JsonNode Body => JsonNode.Parse(Text) ?? throw new JsonException("the body is null");

    /// <summary>The <c>message</c> of a Status.</summary>
    public string Message => Body["message"]?.GetValue<string>() ?? "";

    /// <summary>The <c>reason</c> of a Status.</summary>
    public string Reason => Body["reason"]?.GetValue<string>() ?? "";

    /// <summary>The <c>details.causes</c> of a Status, each as <c>field: reason: message</c>, sorted.</summary>
    public IReadOnlyList<string> Causes =>
        [.. (Body["details"]?["causes"]?.AsArray() ?? []).Select(c => $"{c!["field"]}: {c["reason"]}: {c["message"]}").Order(StringComparer.Ordinal)];
}
