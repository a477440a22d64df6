using System.Text.Json.Nodes;

namespace Quiesce.Cluster.OpenApi;

/// <summary>An OpenAPI 2 document as the protobuf message <c>openapi.v2.Document</c>; field numbers from gnostic's <c>OpenAPIv2.proto</c>.</summary>
internal static class OpenApiProtobuf
{
    /// <summary>Methods of a path and their field numbers in <c>PathItem</c>.</summary>
    private static readonly (string Method, int Field)[] Methods = [("get", 2), ("put", 3), ("post", 4), ("delete", 5), ("patch", 8)];

    public static byte[] Encode(JsonObject document)
    {
        var w = new ProtobufWriter();
        w.String(1, document.StringAt("swagger")!);
        w.Message(2, info =>
        {
            info.String(1, document.StringAt("info", "title")!);
            info.String(2, document.StringAt("info", "version")!);
        });
        w.Message(8, paths => WriteNamed(paths, 2, document["paths"], WritePath));
        w.Message(9, definitions => WriteNamed(definitions, 1, document["definitions"], WriteSchema));
        return w.ToArray();
    }

    /// <summary>A map: repeated messages of a name (1) and a value (2).</summary>
    private static void WriteNamed(ProtobufWriter w, int field, JsonNode? members, Action<ProtobufWriter, JsonObject> write)
    {
        foreach (var (name, value) in members as JsonObject ?? [])
            w.Message(field, entry =>
            {
                entry.String(1, name);
                entry.Message(2, inner => write(inner, value!.AsObject()));
            });
    }

    private static void WritePath(ProtobufWriter w, JsonObject path)
    {
        foreach (var (method, field) in Methods)
            if (path[method] is JsonObject operation)
                w.Message(field, o => WriteOperation(o, operation));
    }

    private static void WriteOperation(ProtobufWriter w, JsonObject operation)
    {
        // ParametersItem.parameter → Parameter.non_body_parameter → NonBodyParameter.query_parameter_sub_schema.
        foreach (var parameter in operation.ItemsAt("parameters").OfType<JsonObject>())
            w.Message(8, item => item.Message(1, p => p.Message(2, nonBody => nonBody.Message(3, query => WriteParameter(query, parameter)))));
        // Responses.response_code → NamedResponseValue → ResponseValue.response → Response.description.
        w.Message(9, responses => WriteNamed(responses, 1, operation["responses"], (value, response) => value.Message(1, r => r.String(1, response.StringAt("description")!))));
        WriteExtensions(w, 13, operation);
    }

    private static void WriteParameter(ProtobufWriter w, JsonObject parameter)
    {
        w.String(2, parameter.StringAt("in")!);
        w.String(4, parameter.StringAt("name")!);
        w.String(6, parameter.StringAt("type")!);
        w.Bool(20, parameter.BoolAt("uniqueItems") ?? false);
    }

    private static void WriteSchema(ProtobufWriter w, JsonObject schema)
    {
        foreach (var (keyword, value) in schema)
            WriteKeyword(w, keyword, value);
        WriteExtensions(w, 31, schema);
    }

    private static void WriteKeyword(ProtobufWriter w, string keyword, JsonNode? value)
    {
        switch (keyword)
        {
            case "$ref":
                w.String(1, value!.GetValue<string>());
                break;
            case "format":
                w.String(2, value!.GetValue<string>());
                break;
            case "title":
                w.String(3, value!.GetValue<string>());
                break;
            case "description":
                w.String(4, value!.GetValue<string>());
                break;
            case "default":
                w.Message(5, any => WriteAny(any, value));
                break;
            case "multipleOf":
                w.Double(6, Double(value));
                break;
            case "maximum":
                w.Double(7, Double(value));
                break;
            case "exclusiveMaximum":
                w.Bool(8, value!.GetValue<bool>());
                break;
            case "minimum":
                w.Double(9, Double(value));
                break;
            case "exclusiveMinimum":
                w.Bool(10, value!.GetValue<bool>());
                break;
            case "maxLength":
                w.Long(11, Long(value));
                break;
            case "minLength":
                w.Long(12, Long(value));
                break;
            case "pattern":
                w.String(13, value!.GetValue<string>());
                break;
            case "maxItems":
                w.Long(14, Long(value));
                break;
            case "minItems":
                w.Long(15, Long(value));
                break;
            case "uniqueItems":
                w.Bool(16, value!.GetValue<bool>());
                break;
            case "maxProperties":
                w.Long(17, Long(value));
                break;
            case "minProperties":
                w.Long(18, Long(value));
                break;
            case "required":
                foreach (var name in value!.AsArray())
                    w.String(19, name!.GetValue<string>());
                break;
            case "enum":
                foreach (var member in value!.AsArray())
                    w.Message(20, any => WriteAny(any, member));
                break;
            case "additionalProperties" when value is JsonObject child:
                w.Message(21, item => item.Message(1, s => WriteSchema(s, child)));
                break;
            case "additionalProperties":
                w.Message(21, item => item.Bool(2, value!.GetValue<bool>()));
                break;
            case "type":
                w.Message(22, type => type.String(1, value!.GetValue<string>()));
                break;
            case "items":
                w.Message(23, items => items.Message(1, s => WriteSchema(s, value!.AsObject())));
                break;
            case "properties":
                w.Message(25, properties => WriteNamed(properties, 1, value, WriteSchema));
                break;
        }
    }

    /// <summary>Extensions, as <c>NamedAny</c>.</summary>
    private static void WriteExtensions(ProtobufWriter w, int field, JsonObject members)
    {
        foreach (var (name, value) in members.Where(m => m.Key.StartsWith("x-", StringComparison.Ordinal)))
            w.Message(field, entry =>
            {
                entry.String(1, name);
                entry.Message(2, any => WriteAny(any, value));
            });
    }

    /// <summary><c>Any.yaml</c>; JSON is YAML.</summary>
    private static void WriteAny(ProtobufWriter w, JsonNode? value) => w.String(2, ApiJson.Text(value));

    private static double Double(JsonNode? value) => (double)ApiJson.Number(value!.AsValue());

    private static long Long(JsonNode? value) => (long)ApiJson.Number(value!.AsValue());
}
