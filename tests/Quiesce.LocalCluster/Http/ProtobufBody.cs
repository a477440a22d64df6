using System.Buffers.Binary;
using System.Text;
using System.Text.Json.Nodes;
using Quiesce.Cluster.Errors;

namespace Quiesce.Cluster.Http;

/// <summary>
/// Bodies in Kubernetes' protobuf envelope, which <c>kubectl create namespace</c> and its like send from 1.32 on, of the few kinds
/// that people create so. Field numbers from <c>k8s.io/api/core/v1/generated.proto</c>.
/// </summary>
internal static class ProtobufBody
{
    public const string MediaType = "application/vnd.kubernetes.protobuf";

    private static readonly byte[] Magic = [.. "k8s\0"u8];

    private static readonly Dictionary<int, Field> OwnerReference = new()
    {
        [1] = new("kind"),
        [3] = new("name"),
        [4] = new("uid"),
        [5] = new("apiVersion"),
        [6] = new("controller", FieldType.Bool),
        [7] = new("blockOwnerDeletion", FieldType.Bool),
    };

    private static readonly Dictionary<int, Field> ObjectMeta = new()
    {
        [1] = new("name"),
        [2] = new("generateName"),
        [3] = new("namespace"),
        [11] = new("labels", FieldType.Map),
        [12] = new("annotations", FieldType.Map),
        [13] = new("ownerReferences", FieldType.Messages, OwnerReference),
        [14] = new("finalizers", FieldType.Texts),
    };

    private static readonly Dictionary<int, Field> Reference = new() { [1] = new("name") };

    private static readonly Dictionary<string, Dictionary<int, Field>> Kinds = new(StringComparer.Ordinal)
    {
        ["v1/Namespace"] = new() { [1] = new("metadata", FieldType.Message, ObjectMeta) },
        ["v1/ConfigMap"] = new()
        {
            [1] = new("metadata", FieldType.Message, ObjectMeta),
            [2] = new("data", FieldType.Map),
            [3] = new("binaryData", FieldType.BytesMap),
            [4] = new("immutable", FieldType.Bool),
        },
        ["v1/Secret"] = new()
        {
            [1] = new("metadata", FieldType.Message, ObjectMeta),
            [2] = new("data", FieldType.BytesMap),
            [3] = new("type"),
            [4] = new("stringData", FieldType.Map),
            [5] = new("immutable", FieldType.Bool),
        },
        ["v1/ServiceAccount"] = new()
        {
            [1] = new("metadata", FieldType.Message, ObjectMeta),
            [3] = new("imagePullSecrets", FieldType.Messages, Reference),
            [4] = new("automountServiceAccountToken", FieldType.Bool),
        },
    };

    /// <summary>How a field is encoded, and so how it is told in JSON.</summary>
    private enum FieldType
    {
        Text,
        Texts,
        Bool,
        Map,
        BytesMap,
        Message,
        Messages,
    }

    /// <exception cref="ApiError">400: not such an envelope. 415: of a kind that is not read here.</exception>
    public static JsonObject Read(ReadOnlySpan<byte> body)
    {
        if (!body.StartsWith(Magic))
            throw ApiError.BadRequest("provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]");
        // runtime.Unknown: typeMeta = 1 (apiVersion = 1, kind = 2), raw = 2.
        string apiVersion = "", kind = "";
        ReadOnlySpan<byte> raw = default;
        var envelope = new Reader(body[Magic.Length..]);
        while (envelope.Next(out var field, out var value))
        {
            if (field == 2)
                raw = value;
            if (field != 1)
                continue;
            var typeMeta = new Reader(value);
            while (typeMeta.Next(out var part, out var text))
                (apiVersion, kind) = part == 1 ? (Encoding.UTF8.GetString(text), kind) : (apiVersion, Encoding.UTF8.GetString(text));
        }

        if (!Kinds.TryGetValue($"{apiVersion}/{kind}", out var fields))
            throw ApiError.UnsupportedMediaType($"the local cluster reads {MediaType} only of {string.Join(", ", Kinds.Keys)}, not of {apiVersion}/{kind}: send JSON or YAML, for example with kubectl apply -f");
        var content = ReadMessage(raw, fields);
        content["apiVersion"] = apiVersion;
        content["kind"] = kind;
        return content;
    }

    private static JsonObject ReadMessage(ReadOnlySpan<byte> message, Dictionary<int, Field> fields)
    {
        var result = new JsonObject();
        var reader = new Reader(message);
        while (reader.Next(out var number, out var value))
            if (fields.TryGetValue(number, out var field))
                Add(result, field, value, reader.Number);
        return result;
    }

    private static void Add(JsonObject owner, Field field, ReadOnlySpan<byte> value, ulong number)
    {
        switch (field.Type)
        {
            // Go writes empty strings too; in JSON they are left out.
            case FieldType.Text when value.Length > 0:
                owner[field.Name] = Encoding.UTF8.GetString(value);
                break;
            case FieldType.Texts:
                List(owner, field.Name).Add((JsonNode)Encoding.UTF8.GetString(value));
                break;
            case FieldType.Bool:
                owner[field.Name] = number != 0;
                break;
            case FieldType.Map or FieldType.BytesMap:
                var (key, content) = ReadEntry(value);
                owner.Child(field.Name)[key] = field.Type == FieldType.Map ? Encoding.UTF8.GetString(content) : Convert.ToBase64String(content);
                break;
            case FieldType.Message:
                owner[field.Name] = ReadMessage(value, field.Fields!);
                break;
            case FieldType.Messages:
                List(owner, field.Name).Add((JsonNode)ReadMessage(value, field.Fields!));
                break;
        }
    }

    private static (string Key, byte[] Value) ReadEntry(ReadOnlySpan<byte> entry)
    {
        var (key, value) = ("", Array.Empty<byte>());
        var reader = new Reader(entry);
        while (reader.Next(out var part, out var content))
            (key, value) = part == 1 ? (Encoding.UTF8.GetString(content), value) : (key, content.ToArray());
        return (key, value);
    }

    private static JsonArray List(JsonObject owner, string name)
    {
        if (owner[name] is JsonArray list)
            return list;
        list = [];
        owner[name] = list;
        return list;
    }

    private sealed record Field(string Name, FieldType Type = FieldType.Text, Dictionary<int, Field>? Fields = null);

    /// <summary>Goes through the fields of one message.</summary>
    private ref struct Reader(ReadOnlySpan<byte> message)
    {
        private ReadOnlySpan<byte> _rest = message;

        /// <summary>The value of the field last read, where it was a number.</summary>
        public ulong Number { get; private set; }

        public bool Next(out int field, out ReadOnlySpan<byte> value)
        {
            field = 0;
            value = default;
            if (_rest.IsEmpty)
                return false;
            var tag = Varint();
            field = (int)(tag >> 3);
            switch (tag & 7)
            {
                case 0:
                    Number = Varint();
                    break;
                case 1:
                    Number = BinaryPrimitives.ReadUInt64LittleEndian(Take(8));
                    break;
                case 2:
                    value = Take(Varint());
                    break;
                case 5:
                    Number = BinaryPrimitives.ReadUInt32LittleEndian(Take(4));
                    break;
                default:
                    throw Broken();
            }

            return true;
        }

        private ulong Varint()
        {
            ulong value = 0;
            for (var shift = 0; shift < 64; shift += 7)
            {
                var next = Take(1)[0];
                value |= (ulong)(next & 0x7F) << shift;
                if (next < 0x80)
                    return value;
            }

            throw Broken();
        }

        private ReadOnlySpan<byte> Take(ulong count)
        {
            if (count > (ulong)_rest.Length)
                throw Broken();
            var taken = _rest[..(int)count];
            _rest = _rest[(int)count..];
            return taken;
        }

        private static ApiError Broken() => ApiError.BadRequest("the protobuf message cannot be read");
    }
}
