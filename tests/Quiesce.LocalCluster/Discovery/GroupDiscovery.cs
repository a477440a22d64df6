using System.Text.Json;
using Quiesce.Cluster.Kinds;

namespace Quiesce.Cluster.Discovery;

/// <summary>Discovery as it was before it was aggregated: one document for the groups and one for each version of a group.</summary>
internal static class GroupDiscovery
{
    public static readonly string[] Verbs = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
    public static readonly string[] StatusVerbs = ["get", "patch", "update"];

    public static byte[] CoreVersions(string host) => ApiJson.Write(w =>
    {
        w.WriteStartObject();
        w.WriteString("kind", "APIVersions");
        WriteStrings(w, "versions", ["v1"]);
        w.WriteStartArray("serverAddressByClientCIDRs");
        w.WriteStartObject();
        w.WriteString("clientCIDR", "0.0.0.0/0");
        w.WriteString("serverAddress", host);
        w.WriteEndObject();
        w.WriteEndArray();
        w.WriteEndObject();
    });

    public static byte[] Groups(KindCatalog catalog) => ApiJson.Write(w =>
    {
        w.WriteStartObject();
        w.WriteString("kind", "APIGroupList");
        w.WriteString("apiVersion", "v1");
        w.WriteStartArray("groups");
        foreach (var group in catalog.Groups)
        {
            w.WriteStartObject();
            WriteGroup(w, catalog, group);
            w.WriteEndObject();
        }

        w.WriteEndArray();
        w.WriteEndObject();
    });

    public static byte[] Group(KindCatalog catalog, string group) => ApiJson.Write(w =>
    {
        w.WriteStartObject();
        w.WriteString("kind", "APIGroup");
        w.WriteString("apiVersion", "v1");
        WriteGroup(w, catalog, group);
        w.WriteEndObject();
    });

    public static byte[] Resources(KindCatalog catalog, string group, string version) => ApiJson.Write(w =>
    {
        w.WriteStartObject();
        w.WriteString("kind", "APIResourceList");
        w.WriteString("apiVersion", "v1");
        w.WriteString("groupVersion", group.Length == 0 ? version : $"{group}/{version}");
        w.WriteStartArray("resources");
        foreach (var resource in catalog.All.Where(r => r.Group == group && r.Version == version))
        {
            WriteResource(w, resource);
            if (resource.HasStatus)
                WriteStatus(w, resource);
        }

        w.WriteEndArray();
        w.WriteEndObject();
    });

    public static void WriteStrings(Utf8JsonWriter w, string name, IEnumerable<string> values)
    {
        w.WriteStartArray(name);
        foreach (var value in values)
            w.WriteStringValue(value);
        w.WriteEndArray();
    }

    private static void WriteGroup(Utf8JsonWriter w, KindCatalog catalog, string group)
    {
        var versions = catalog.VersionsOf(group);
        w.WriteString("name", group);
        w.WriteStartArray("versions");
        foreach (var version in versions)
            WriteVersion(w, group, version);
        w.WriteEndArray();
        w.WritePropertyName("preferredVersion");
        WriteVersion(w, group, versions[0]);
    }

    private static void WriteVersion(Utf8JsonWriter w, string group, string version)
    {
        w.WriteStartObject();
        w.WriteString("groupVersion", $"{group}/{version}");
        w.WriteString("version", version);
        w.WriteEndObject();
    }

    private static void WriteResource(Utf8JsonWriter w, ApiResource resource)
    {
        w.WriteStartObject();
        w.WriteString("name", resource.Plural);
        w.WriteString("singularName", resource.Singular);
        w.WriteBoolean("namespaced", resource.Namespaced);
        w.WriteString("kind", resource.Kind);
        WriteStrings(w, "verbs", Verbs);
        if (resource.ShortNames.Count > 0)
            WriteStrings(w, "shortNames", resource.ShortNames);
        if (resource.Categories.Count > 0)
            WriteStrings(w, "categories", resource.Categories);
        w.WriteEndObject();
    }

    private static void WriteStatus(Utf8JsonWriter w, ApiResource resource)
    {
        w.WriteStartObject();
        w.WriteString("name", $"{resource.Plural}/status");
        w.WriteString("singularName", "");
        w.WriteBoolean("namespaced", resource.Namespaced);
        w.WriteString("kind", resource.Kind);
        WriteStrings(w, "verbs", StatusVerbs);
        w.WriteEndObject();
    }
}
