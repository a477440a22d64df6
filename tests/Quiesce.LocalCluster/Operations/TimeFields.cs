using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Quiesce.Cluster.Errors;
using Quiesce.Cluster.Kinds;

namespace Quiesce.Cluster.Operations;

/// <summary>
/// Times of the server's own kinds, read as Go reads them: <c>metav1.Time</c> keeps whole seconds, <c>metav1.MicroTime</c> takes
/// exactly six decimal places and refuses any other number of them. Both are kept in UTC.
/// </summary>
internal static partial class TimeFields
{
    /// <exception cref="ApiError">400: a time cannot be read.</exception>
    public static void Normalize(JsonObject content, ApiResource resource)
    {
        foreach (var path in resource.Times)
            Normalize(content, resource, path, Time(), "2006-01-02T15:04:05Z07:00", "yyyy-MM-dd'T'HH:mm:ss'Z'");
        foreach (var path in resource.MicroTimes)
            Normalize(content, resource, path, MicroTime(), "2006-01-02T15:04:05.000000Z07:00", "yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'");
    }

    private static void Normalize(JsonObject content, ApiResource resource, string path, Regex form, string layout, string format)
    {
        var names = path.Split('.');
        if (content.At(names.AsSpan(0, names.Length - 1)) is not JsonObject owner || owner[names[^1]] is not JsonValue value || value.GetValueKind() != JsonValueKind.String)
            return;
        var text = value.GetValue<string>();
        if (!form.IsMatch(text) || !DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.None, out var time))
            throw ApiError.BadRequest($"{resource.Kind} in version \"{resource.Version}\" cannot be handled as a {resource.Kind}: parsing time {FieldError.Quote(text)} as \"{layout}\": cannot parse it");
        owner[names[^1]] = time.UtcDateTime.ToString(format, CultureInfo.InvariantCulture);
    }

    [GeneratedRegex(@"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})\z")]
    private static partial Regex Time();

    [GeneratedRegex(@"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}(Z|[+-][0-9]{2}:[0-9]{2})\z")]
    private static partial Regex MicroTime();
}
