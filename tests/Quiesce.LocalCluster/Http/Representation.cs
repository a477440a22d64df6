using System.Globalization;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;
using Quiesce.Cluster.Errors;
using Quiesce.Cluster.Kinds;
using Quiesce.Cluster.Storage;
using Quiesce.Cluster.Tables;

namespace Quiesce.Cluster.Http;

/// <summary>The form a client asks for by <c>Accept</c>: the objects themselves, a <c>Table</c>, or their metadata alone.</summary>
internal abstract class Representation(ApiResource resource)
{
    protected ApiResource Resource => resource;

    /// <exception cref="ApiError">406: nothing in the header can be served.</exception>
    public static Representation Negotiate(HttpRequest request, ApiResource resource, TimeProvider clock)
    {
        if (request.Headers.Accept.Count == 0)
            return new WholeObjects(resource);
        foreach (var type in MediaTypeHeaderValue.ParseList(request.Headers.Accept))
        {
            if (!type.MatchesMediaType("application/json") && type.MediaType != "*/*" && type.MediaType != "application/*")
                continue;
            switch (Parameter(type, "as"))
            {
                case "":
                    return new WholeObjects(resource);
                case "Table" when Parameter(type, "v") == "v1":
                    return new Tabular(resource, request.Query["includeObject"].ToString(), clock);
                case "PartialObjectMetadata" or "PartialObjectMetadataList" when Parameter(type, "v") == "v1":
                    return new MetadataOnly(resource);
            }
        }

        throw ApiError.NotAcceptable("only the following media types are accepted: application/json");
    }

    /// <summary>One object.</summary>
    public abstract void Write(Utf8JsonWriter w, StoredObject o);

    /// <summary>A list.</summary>
    public abstract void WriteList(Utf8JsonWriter w, ListPage page);

    /// <summary>The object of a watch event.</summary>
    public virtual void WriteEvent(Utf8JsonWriter w, StoredObject o) => Write(w, o);

    /// <summary>An object that says only how far a watch has come.</summary>
    /// <param name="w">Where to.</param>
    /// <param name="revision">Everything up to here has been sent.</param>
    /// <param name="endsInitialEvents">Whether it closes the initial events.</param>
    public void WriteBookmark(Utf8JsonWriter w, long revision, bool endsInitialEvents)
    {
        var metadata = new System.Text.Json.Nodes.JsonObject();
        if (endsInitialEvents)
            metadata["annotations"] = new System.Text.Json.Nodes.JsonObject { ["k8s.io/initial-events-end"] = "true" };
        var content = new System.Text.Json.Nodes.JsonObject { ["kind"] = Resource.Kind, ["apiVersion"] = Resource.ApiVersion, ["metadata"] = metadata };
        WriteEvent(w, StoredObject.Seal(new ObjectKey(Resource.Collection, "", ""), revision, content));
    }

    protected static void WriteListMetadata(Utf8JsonWriter w, ListPage page)
    {
        w.WriteStartObject("metadata");
        w.WriteString("resourceVersion", page.Revision.ToString(CultureInfo.InvariantCulture));
        if (page.Continue is not null)
        {
            w.WriteString("continue", page.Continue);
            if (page.Remaining is { } remaining)
                w.WriteNumber("remainingItemCount", remaining);
        }

        w.WriteEndObject();
    }

    private static string Parameter(MediaTypeHeaderValue type, string name) =>
        type.Parameters.FirstOrDefault(p => p.Name.Equals(name, StringComparison.OrdinalIgnoreCase))?.Value.ToString() ?? "";

    private sealed class WholeObjects(ApiResource resource) : Representation(resource)
    {
        public override void Write(Utf8JsonWriter w, StoredObject o) => w.WriteRawValue(o.Json, skipInputValidation: true);

        public override void WriteList(Utf8JsonWriter w, ListPage page)
        {
            w.WriteStartObject();
            w.WriteString("apiVersion", Resource.ApiVersion);
            w.WriteString("kind", Resource.ListKind);
            WriteListMetadata(w, page);
            w.WriteStartArray("items");
            foreach (var o in page.Items)
                Write(w, o);
            w.WriteEndArray();
            w.WriteEndObject();
        }
    }

    private sealed class MetadataOnly(ApiResource resource) : Representation(resource)
    {
        public override void Write(Utf8JsonWriter w, StoredObject o) => TableWriter.WriteMetadata(w, o.Root);

        public override void WriteList(Utf8JsonWriter w, ListPage page)
        {
            w.WriteStartObject();
            w.WriteString("kind", "PartialObjectMetadataList");
            w.WriteString("apiVersion", "meta.k8s.io/v1");
            WriteListMetadata(w, page);
            w.WriteStartArray("items");
            foreach (var o in page.Items)
                Write(w, o);
            w.WriteEndArray();
            w.WriteEndObject();
        }
    }

    private sealed class Tabular(ApiResource resource, string includeObject, TimeProvider clock) : Representation(resource)
    {
        private readonly TableWriter _table = new(resource.Columns, includeObject, clock);
        private bool _headed;

        public override void Write(Utf8JsonWriter w, StoredObject o) => WriteTable(w, [o], () => WriteObjectVersion(w, o), withColumns: true);

        public override void WriteList(Utf8JsonWriter w, ListPage page) => WriteTable(w, page.Items, () => WriteListMetadata(w, page), withColumns: true);

        /// <summary>Only the first event of a watch carries the headings.</summary>
        public override void WriteEvent(Utf8JsonWriter w, StoredObject o)
        {
            WriteTable(w, [o], () => WriteObjectVersion(w, o), withColumns: !_headed);
            _headed = true;
        }

        private void WriteTable(Utf8JsonWriter w, IReadOnlyList<StoredObject> objects, Action writeMetadata, bool withColumns)
        {
            w.WriteStartObject();
            w.WriteString("kind", "Table");
            w.WriteString("apiVersion", "meta.k8s.io/v1");
            writeMetadata();
            _table.Write(w, objects.Select(o => o.Root), withColumns);
            w.WriteEndObject();
        }

        private static void WriteObjectVersion(Utf8JsonWriter w, StoredObject o)
        {
            w.WriteStartObject("metadata");
            w.WriteString("resourceVersion", o.Revision.ToString(CultureInfo.InvariantCulture));
            w.WriteEndObject();
        }
    }
}
