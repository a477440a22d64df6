using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using k8s.Models;

namespace Quiesce.Crds;

/// <summary>Source-generated JSON of every kind, in the API's spelling: camelCase, enums by name, no nulls, UTC times.</summary>
/// <remarks>
/// The source generator sets an <c>init</c> property that a document lacks to the type's default and so undoes its initializer. A
/// list therefore turns null into empty in its <c>init</c>, and a number with a default of its own has <c>set</c>.
/// </remarks>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    UseStringEnumConverter = true,
    Converters = [typeof(Rfc3339Converter)])]
[JsonSerializable(typeof(FreezeRequest))]
[JsonSerializable(typeof(FreezeWindow))]
[JsonSerializable(typeof(NodeFreeze))]
[JsonSerializable(typeof(ThawRequest))]
[JsonSerializable(typeof(CalledPlans))]
[JsonSerializable(typeof(Dictionary<string, int>))]
[JsonSerializable(typeof(ResourceList<FreezeRequest>))]
[JsonSerializable(typeof(ResourceList<FreezeWindow>))]
[JsonSerializable(typeof(ResourceList<NodeFreeze>))]
[JsonSerializable(typeof(ResourceList<ThawRequest>))]
// metadata.managedFields, which every object from a real API server has, holds JSON of any shape.
[JsonSerializable(typeof(JsonElement))]
public sealed partial class CrdsJson : JsonSerializerContext;

/// <summary>A list of one kind, as the API server answers it.</summary>
public sealed record ResourceList<T>
{
    /// <summary>Carries the resource version to watch from, and the continue token.</summary>
    public V1ListMeta Metadata { get; init => field = value ?? new(); } = new();

    /// <summary>The objects.</summary>
    public IReadOnlyList<T> Items { get; init => field = value ?? []; } = [];
}

/// <summary>Times as RFC 3339 in UTC with milliseconds, the form <c>kubectl</c> and the schema's <c>date-time</c> understand.</summary>
public sealed class Rfc3339Converter : JsonConverter<DateTimeOffset>
{
    /// <inheritdoc/>
    public override DateTimeOffset Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        DateTimeOffset.TryParse(reader.GetString(), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time)
            ? time
            : throw new JsonException("not a time in RFC 3339");

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, DateTimeOffset value, JsonSerializerOptions options) =>
        writer.WriteStringValue(value.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture));
}
