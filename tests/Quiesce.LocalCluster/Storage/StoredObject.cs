using System.Text.Json;
using System.Text.Json.Nodes;

namespace Quiesce.Cluster.Storage;

/// <summary>One version of one object: immutable, and so shared between readers, watches and history without copying.</summary>
internal sealed class StoredObject
{
    private StoredObject(ObjectKey key, long revision, byte[] json, JsonElement root)
    {
        Key = key;
        Revision = revision;
        Json = json;
        Root = root;
    }

    public ObjectKey Key { get; }

    /// <summary>The store's revision at the write that made this version; <c>metadata.resourceVersion</c> says the same.</summary>
    public long Revision { get; }

    /// <summary>The object as UTF-8 JSON, in the form it is stored in.</summary>
    public byte[] Json { get; }

    /// <summary>The same, parsed; may be read from any thread.</summary>
    public JsonElement Root { get; }

    public string Uid => Metadata("uid") ?? "";

    public bool IsBeingDeleted => Metadata("deletionTimestamp") is not null;

    /// <summary>A copy that may be changed.</summary>
    public JsonObject ToNode() => JsonNode.Parse(Json)!.AsObject();

    /// <summary>The revision of an object that a dry run did not store.</summary>
    public const long NotStored = 0;

    /// <summary>Writes the revision into the object and freezes it.</summary>
    public static StoredObject Seal(ObjectKey key, long revision, JsonObject content)
    {
        var metadata = content["metadata"]!.AsObject();
        metadata.Remove("resourceVersion");
        if (revision != NotStored)
            metadata["resourceVersion"] = revision.ToString(System.Globalization.CultureInfo.InvariantCulture);
        var json = ApiJson.Write(content);
        return new StoredObject(key, revision, json, JsonDocument.Parse(json).RootElement);
    }

    private string? Metadata(string name) =>
        Root.TryGetProperty("metadata", out var metadata) && metadata.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String
            ? value.GetString()
            : null;
}
