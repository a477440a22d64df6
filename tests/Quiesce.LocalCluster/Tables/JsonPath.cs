using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Quiesce.Cluster.Tables;

/// <summary>
/// The part of JSONPath that printer columns and selectable fields use: <c>.a.b</c>, <c>['a.b']</c>, <c>[0]</c>, <c>[*]</c>
/// and <c>[?(@.a=="b")]</c> with <c>==</c> and <c>!=</c>.
/// </summary>
internal sealed class JsonPath
{
    private readonly List<Func<JsonElement, IEnumerable<JsonElement>>> _steps = [];

    private JsonPath()
    {
    }

    /// <exception cref="FormatException">The path is outside the subset; the message says where.</exception>
    public static JsonPath Parse(string text)
    {
        var path = new JsonPath();
        for (var i = 0; i < text.Length;)
        {
            if (text[i] == '.')
            {
                i++;
                var name = new StringBuilder();
                for (; i < text.Length && text[i] is not ('.' or '['); i++)
                {
                    if (text[i] == '\\' && i + 1 < text.Length)
                        i++;
                    name.Append(text[i]);
                }

                if (name.Length > 0)
                    path._steps.Add(name.ToString() == "*" ? All : Property(name.ToString()));
            }
            else if (text[i] == '[')
            {
                var end = EndOfBracket(text, i);
                path._steps.Add(Bracket(text[(i + 1)..end].Trim()));
                i = end + 1;
            }
            else
            {
                throw new FormatException($"unexpected '{text[i]}' at {i} in JSONPath {text}");
            }
        }

        return path;
    }

    /// <summary>The first match; null if there is none.</summary>
    public JsonElement? First(JsonElement root)
    {
        IEnumerable<JsonElement> found = [root];
        foreach (var step in _steps)
            found = found.SelectMany(step);
        foreach (var match in found)
            return match;
        return null;
    }

    private static Func<JsonElement, IEnumerable<JsonElement>> Property(string name) =>
        e => e.ValueKind == JsonValueKind.Object && e.TryGetProperty(name, out var value) ? [value] : [];

    private static IEnumerable<JsonElement> All(JsonElement e) => e.ValueKind switch
    {
        JsonValueKind.Array => e.EnumerateArray(),
        JsonValueKind.Object => e.EnumerateObject().Select(p => p.Value),
        _ => [],
    };

    private static int EndOfBracket(string text, int start)
    {
        var quote = '\0';
        for (var i = start + 1; i < text.Length; i++)
        {
            if (quote != '\0')
                quote = text[i] == quote ? '\0' : quote;
            else if (text[i] is '"' or '\'')
                quote = text[i];
            else if (text[i] == ']')
                return i;
        }

        throw new FormatException($"no closing bracket in JSONPath {text}");
    }

    private static Func<JsonElement, IEnumerable<JsonElement>> Bracket(string inside)
    {
        if (inside == "*")
            return All;
        if (inside.StartsWith("?(", StringComparison.Ordinal) && inside.EndsWith(')'))
            return Filter(inside[2..^1].Trim());
        if (inside.Length >= 2 && inside[0] is '"' or '\'' && inside[^1] == inside[0])
            return Property(inside[1..^1]);
        if (int.TryParse(inside, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var index))
            return e => e.ValueKind == JsonValueKind.Array && (index < 0 ? index + e.GetArrayLength() : index) is var at && at >= 0 && at < e.GetArrayLength() ? [e[at]] : [];
        throw new FormatException($"[{inside}] is not understood");
    }

    private static Func<JsonElement, IEnumerable<JsonElement>> Filter(string condition)
    {
        foreach (var sign in new[] { "==", "!=" })
        {
            var at = condition.IndexOf(sign, StringComparison.Ordinal);
            if (at < 0)
                continue;
            var left = Parse(condition[..at].Trim().TrimStart('@'));
            var right = condition[(at + 2)..].Trim();
            var wanted = right.Length >= 2 && right[0] is '"' or '\'' ? right[1..^1] : right;
            return e => All(e).Where(item => left.First(item) is { } value && (Text(value) == wanted) == (sign == "=="));
        }

        var existing = Parse(condition.TrimStart('@'));
        return e => All(e).Where(item => existing.First(item) is not null);
    }

    /// <summary>A value as text: strings bare, everything else as JSON.</summary>
    public static string Text(JsonElement value) => value.ValueKind == JsonValueKind.String ? value.GetString()! : value.GetRawText();
}
