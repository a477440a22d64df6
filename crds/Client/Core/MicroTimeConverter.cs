using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Quiesce.Crds.Client;

/// <summary>
/// <c>metav1.MicroTime</c>: the API server reads it with exactly six digits after the second and refuses any other form
/// (<c>RFC3339Micro</c> in apimachinery's <c>micro_time.go</c>), which is why the client library's own converter will not do.
/// </summary>
internal sealed class MicroTimeConverter : JsonConverter<DateTimeOffset?>
{
    public override DateTimeOffset? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.GetString() is { } text ? DateTimeOffset.Parse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal) : null;

    public override void Write(Utf8JsonWriter writer, DateTimeOffset? value, JsonSerializerOptions options)
    {
        if (value is not { } time) writer.WriteNullValue();
        else writer.WriteStringValue(time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture));
    }
}
