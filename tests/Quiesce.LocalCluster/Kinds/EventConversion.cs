using System.Text.Json.Nodes;

namespace Quiesce.Cluster.Kinds;

/// <summary>An Event of <c>events.k8s.io/v1</c> is one of the core group under other field names; they share one store.</summary>
internal sealed class EventConversion : IVersionConversion
{
    private static readonly (string Core, string Events)[] Renamed =
    [
        ("involvedObject", "regarding"),
        ("message", "note"),
        ("reportingComponent", "reportingController"),
        ("source", "deprecatedSource"),
        ("firstTimestamp", "deprecatedFirstTimestamp"),
        ("lastTimestamp", "deprecatedLastTimestamp"),
        ("count", "deprecatedCount"),
    ];

    public void ToStored(JsonObject content)
    {
        content["apiVersion"] = "v1";
        foreach (var (core, events) in Renamed)
            Rename(content, events, core);
    }

    public void FromStored(JsonObject content)
    {
        content["apiVersion"] = "events.k8s.io/v1";
        foreach (var (core, events) in Renamed)
            Rename(content, core, events);
    }

    private static void Rename(JsonObject content, string from, string to)
    {
        if (!content.Remove(from, out var value))
            return;
        content[to] = value;
    }
}
