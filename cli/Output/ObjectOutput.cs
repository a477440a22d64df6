using System.CommandLine;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Quiesce.Crds;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Quiesce.Cli.Output;

/// <summary><c>-o json|yaml|name</c>: the object itself on standard output, as kubectl prints it.</summary>
internal sealed class ObjectOutput
{
    // A document for people and pipes, not for a page of HTML.
    private static readonly JsonWriterOptions Indented = new() { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly Option<string?> _format;

    internal ObjectOutput()
    {
        _format = new("--output", "-o") { Description = "Print the FreezeRequest: json, yaml, or its name.", HelpName = "FORMAT" };
        _format.AcceptOnlyFromAmong("json", "yaml", "name");
    }

    internal void AddTo(Command command) => command.Add(_format);

    internal bool IsAskedFor(ParseResult parsed) => parsed.GetValue(_format) is not null;

    internal void Print(ParseResult parsed, FreezeRequest request)
    {
        switch (parsed.GetValue(_format))
        {
            case "name":
                Console.Out.WriteLine($"freezerequest.{QuiesceApi.Group}/{request.Metadata.Name}");
                break;
            case "json":
                Console.Out.WriteLine(Json(JsonSerializer.SerializeToNode(request, CrdsJson.Default.FreezeRequest)!));
                break;
            case "yaml":
                Console.Out.Write(Yaml(JsonSerializer.SerializeToNode(request, CrdsJson.Default.FreezeRequest)!));
                break;
        }
    }

    internal void Print(ParseResult parsed, ResourceList<FreezeRequest> list)
    {
        if (parsed.GetValue(_format) == "name")
        {
            foreach (var request in list.Items) Print(parsed, request);
            return;
        }

        var items = new JsonArray([.. list.Items.Select(request => JsonSerializer.SerializeToNode(request, CrdsJson.Default.FreezeRequest))]);
        var all = new JsonObject { ["apiVersion"] = "v1", ["kind"] = "List", ["metadata"] = new JsonObject { ["resourceVersion"] = "" }, ["items"] = items };
        Console.Out.Write(parsed.GetValue(_format) == "yaml" ? Yaml(all) : Json(all) + "\n");
    }

    private static string Json(JsonNode node)
    {
        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer, Indented)) node.WriteTo(writer);
        return System.Text.Encoding.UTF8.GetString(buffer.GetBuffer(), 0, (int)buffer.Length);
    }

    private static string Yaml(JsonNode node)
    {
        using var text = new StringWriter();
        var emitter = new Emitter(text, EmitterSettings.Default.WithIndentedSequences());
        emitter.Emit(new StreamStart());
        emitter.Emit(new DocumentStart());
        Emit(emitter, node);
        emitter.Emit(new DocumentEnd(isImplicit: true));
        emitter.Emit(new StreamEnd());
        return text.ToString();
    }

    private static void Emit(Emitter emitter, JsonNode? node)
    {
        switch (node)
        {
            case JsonObject o:
                emitter.Emit(new MappingStart());
                foreach (var (name, value) in o)
                {
                    emitter.Emit(new Scalar(name));
                    Emit(emitter, value);
                }

                emitter.Emit(new MappingEnd());
                break;
            case JsonArray a:
                emitter.Emit(new SequenceStart(null, null, isImplicit: true, a.Count == 0 ? SequenceStyle.Flow : SequenceStyle.Block));
                foreach (var item in a) Emit(emitter, item);
                emitter.Emit(new SequenceEnd());
                break;
            case JsonValue text when text.GetValueKind() == JsonValueKind.String:
                // Quoted, so that no text is read as a number, a truth or a time.
                emitter.Emit(new Scalar(null, null, text.GetValue<string>(), ScalarStyle.DoubleQuoted, isPlainImplicit: false, isQuotedImplicit: true));
                break;
            default:
                emitter.Emit(new Scalar(node?.ToJsonString() ?? "null"));
                break;
        }
    }
}
