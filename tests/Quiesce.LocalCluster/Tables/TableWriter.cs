using System.Text.Json;

namespace Quiesce.Cluster.Tables;

/// <summary>Writes <c>meta.k8s.io/v1 Table</c>s: headings and rows.</summary>
/// <param name="columns">The columns.</param>
/// <param name="includeObject">What goes with each row: <c>None</c>, <c>Metadata</c> (the default) or <c>Object</c>.</param>
/// <param name="clock">For ages.</param>
internal sealed class TableWriter(IReadOnlyList<TableColumn> columns, string includeObject, TimeProvider clock)
{
    /// <summary>Writes <c>columnDefinitions</c> and <c>rows</c> into an open object.</summary>
    public void Write(Utf8JsonWriter w, IEnumerable<JsonElement> objects, bool withColumns)
    {
        if (withColumns)
            WriteColumns(w);
        else
            w.WriteNull("columnDefinitions");
        var now = clock.GetUtcNow();
        w.WriteStartArray("rows");
        foreach (var o in objects)
            WriteRow(w, o, now);
        w.WriteEndArray();
    }

    /// <summary>An object's <c>PartialObjectMetadata</c>.</summary>
    public static void WriteMetadata(Utf8JsonWriter w, JsonElement o)
    {
        w.WriteStartObject();
        w.WriteString("kind", "PartialObjectMetadata");
        w.WriteString("apiVersion", "meta.k8s.io/v1");
        w.WritePropertyName("metadata");
        o.GetProperty("metadata").WriteTo(w);
        w.WriteEndObject();
    }

    private void WriteColumns(Utf8JsonWriter w)
    {
        w.WriteStartArray("columnDefinitions");
        foreach (var column in columns)
        {
            w.WriteStartObject();
            w.WriteString("name", column.Name);
            w.WriteString("type", column.Type);
            w.WriteString("format", column.Format);
            w.WriteString("description", column.Description);
            w.WriteNumber("priority", column.Priority);
            w.WriteEndObject();
        }

        w.WriteEndArray();
    }

    private void WriteRow(Utf8JsonWriter w, JsonElement o, DateTimeOffset now)
    {
        w.WriteStartObject();
        w.WriteStartArray("cells");
        foreach (var column in columns)
        {
            if (column.Cell(o, now) is { } cell)
                cell.WriteTo(w);
            else
                w.WriteNullValue();
        }

        w.WriteEndArray();
        if (includeObject != "None")
        {
            w.WritePropertyName("object");
            if (includeObject == "Object")
                o.WriteTo(w);
            else
                WriteMetadata(w, o);
        }

        w.WriteEndObject();
    }
}
