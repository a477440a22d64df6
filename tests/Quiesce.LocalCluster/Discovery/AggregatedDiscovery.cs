using System.Text.Json;
using Quiesce.Cluster.Kinds;

namespace Quiesce.Cluster.Discovery;

/// <summary><c>apidiscovery.k8s.io/v2 APIGroupDiscoveryList</c>: all groups and kinds in one document.</summary>
internal static class AggregatedDiscovery
{
    public static byte[] Write(KindCatalog catalog, IEnumerable<string> groups) => ApiJson.Write(w =>
    {
        w.WriteStartObject();
        w.WriteString("kind", "APIGroupDiscoveryList");
        w.WriteString("apiVersion", "apidiscovery.k8s.io/v2");
        w.WriteStartObject("metadata");
        w.WriteEndObject();
        w.WriteStartArray("items");
        foreach (var group in groups)
        {
            w.WriteStartObject();
            w.WriteStartObject("metadata");
            if (group.Length > 0)
                w.WriteString("name", group);
            w.WriteNull("creationTimestamp");
            w.WriteEndObject();
            w.WriteStartArray("versions");
            foreach (var version in catalog.VersionsOf(group))
                WriteVersion(w, version, catalog.All.Where(r => r.Group == group && r.Version == version));
            w.WriteEndArray();
            w.WriteEndObject();
        }

        w.WriteEndArray();
        w.WriteEndObject();
    });

    private static void WriteVersion(Utf8JsonWriter w, string version, IEnumerable<ApiResource> resources)
    {
        w.WriteStartObject();
        w.WriteString("version", version);
        w.WriteStartArray("resources");
        foreach (var resource in resources)
            WriteResource(w, resource);
        w.WriteEndArray();
        w.WriteString("freshness", "Current");
        w.WriteEndObject();
    }

    private static void WriteResource(Utf8JsonWriter w, ApiResource resource)
    {
        w.WriteStartObject();
        w.WriteString("resource", resource.Plural);
        WriteKind(w, resource);
        w.WriteString("scope", resource.Namespaced ? "Namespaced" : "Cluster");
        w.WriteString("singularResource", resource.Singular);
        GroupDiscovery.WriteStrings(w, "verbs", GroupDiscovery.Verbs);
        if (resource.ShortNames.Count > 0)
            GroupDiscovery.WriteStrings(w, "shortNames", resource.ShortNames);
        if (resource.Categories.Count > 0)
            GroupDiscovery.WriteStrings(w, "categories", resource.Categories);
        if (resource.HasStatus)
        {
            w.WriteStartArray("subresources");
            w.WriteStartObject();
            w.WriteString("subresource", "status");
            WriteKind(w, resource);
            GroupDiscovery.WriteStrings(w, "verbs", GroupDiscovery.StatusVerbs);
            w.WriteEndObject();
            w.WriteEndArray();
        }

        w.WriteEndObject();
    }

    private static void WriteKind(Utf8JsonWriter w, ApiResource resource)
    {
        w.WriteStartObject("responseKind");
        w.WriteString("group", resource.Group);
        w.WriteString("version", resource.Version);
        w.WriteString("kind", resource.Kind);
        w.WriteEndObject();
    }
}
