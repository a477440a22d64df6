using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Quiesce.Crds.Client;

/// <summary><see cref="MicroTime"/> in JSON.</summary>
internal sealed class MicroTimeConverter : JsonConverter<DateTimeOffset?>
{
    public override DateTimeOffset? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.GetString() is { } text ? DateTimeOffset.Parse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal) : null;

    public override void Write(Utf8JsonWriter writer, DateTimeOffset? value, JsonSerializerOptions options)
    {
        if (value is not { } time) writer.WriteNullValue();
        else writer.WriteStringValue(MicroTime.Format(time));
    }
}
