using System.Buffers;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.Extensions.Logging;

namespace Quiesce.Telemetry;

/// <summary>A line of the log and the trace it belongs to; as an object of JSON: time, level, category, message, trace and span, and what the message speaks of under names of its own.</summary>
public static class JsonLine
{
    // Read by machines, and not put into web pages: umlauts and quotes may stay readable.
    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Makes one, without an end of line.</summary>
    /// <param name="time">When.</param>
    /// <param name="level">How grave.</param>
    /// <param name="category">Who speaks.</param>
    /// <param name="message">The sentence.</param>
    /// <param name="exception">What was caught; null for none.</param>
    /// <param name="state">The values in the sentence, as <see cref="ILogger"/> is given them; null for none.</param>
    public static string Of(DateTimeOffset time, LogLevel level, string category, string message, Exception? exception = null, object? state = null)
    {
        var buffer = new ArrayBufferWriter<byte>(512);
        using (var json = new Utf8JsonWriter(buffer, Options))
        {
            json.WriteStartObject();
            json.WriteString("time", time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture));
            json.WriteString("level", Name(level));
            json.WriteString("category", category);
            json.WriteString("message", message);
            if (exception is not null) json.WriteString("exception", exception.ToString());
            if (Activity.Current is { } activity)
            {
                json.WriteString("trace_id", activity.TraceId.ToHexString());
                json.WriteString("span_id", activity.SpanId.ToHexString());
            }

            if (state is IReadOnlyList<KeyValuePair<string, object?>> values)
            {
                json.WriteStartObject("attributes");
                foreach (var (name, value) in values)
                    if (name != "{OriginalFormat}") json.WriteString(name, Convert.ToString(value, CultureInfo.InvariantCulture));
                json.WriteEndObject();
            }

            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    /// <summary>The end of a line of text: the trace it belongs to, where there is one.</summary>
    public static string TraceSuffix() => Activity.Current is { } activity ? $" trace_id={activity.TraceId}" : "";

    private static string Name(LogLevel level) => level switch
    {
        LogLevel.Trace => "trace",
        LogLevel.Debug => "debug",
        LogLevel.Information => "info",
        LogLevel.Warning => "warning",
        LogLevel.Error => "error",
        _ => "critical",
    };
}
