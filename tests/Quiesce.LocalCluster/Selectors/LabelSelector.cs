using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Quiesce.Cluster.Errors;

namespace Quiesce.Cluster.Selectors;

/// <summary>The <c>labelSelector</c> of a list or watch: <c>a=b,c!=d,e in (f,g),h notin (i),j,!k,l&gt;1,m&lt;2</c>.</summary>
internal sealed partial class LabelSelector
{
    private readonly IReadOnlyList<Func<JsonElement, bool>> _requirements;

    private LabelSelector(IReadOnlyList<Func<JsonElement, bool>> requirements) => _requirements = requirements;

    public bool IsEverything => _requirements.Count == 0;

    /// <exception cref="ApiError">400: the selector cannot be read.</exception>
    public static LabelSelector Parse(string? text)
    {
        var requirements = new List<Func<JsonElement, bool>>();
        for (var rest = text?.Trim() ?? ""; rest.Length > 0;)
        {
            var match = Requirement().Match(rest);
            if (!match.Success)
                throw ApiError.BadRequest($"unable to parse requirement: found '{rest}' in label selector '{text}'");
            requirements.Add(Read(match));
            rest = rest[match.Length..].TrimStart();
            if (rest.StartsWith(',') && rest.TrimEnd().Length > 1)
                rest = rest[1..].TrimStart();
            else if (rest.Length > 0)
                throw ApiError.BadRequest($"unable to parse requirement: found '{rest}', expected: ',' or 'end of string'");
        }

        return new LabelSelector(requirements);
    }

    public bool Matches(JsonElement o)
    {
        if (IsEverything)
            return true;
        var labels = o.At("metadata", "labels") ?? default;
        return _requirements.All(r => r(labels));
    }

    private static Func<JsonElement, bool> Read(Match match)
    {
        var key = match.Groups["key"].Value;
        var value = match.Groups["value"].Value;
        if (match.Groups["absent"].Success)
            return labels => Value(labels, key) is null;
        if (match.Groups["set"].Success)
        {
            var values = match.Groups["set"].Value.Split(',').Select(v => v.Trim()).ToHashSet(StringComparer.Ordinal);
            return match.Groups["in"].Value == "in"
                ? labels => Value(labels, key) is { } v && values.Contains(v)
                : labels => Value(labels, key) is not { } v || !values.Contains(v);
        }

        return match.Groups["sign"].Value switch
        {
            "=" or "==" => labels => Value(labels, key) == value,
            "!=" => labels => Value(labels, key) != value,
            ">" => labels => Compare(labels, key, value) > 0,
            "<" => labels => Compare(labels, key, value) < 0,
            _ => labels => Value(labels, key) is not null,
        };
    }

    private static string? Value(JsonElement labels, string key) =>
        labels.ValueKind == JsonValueKind.Object && labels.TryGetProperty(key, out var value) ? value.GetString() : null;

    private static int? Compare(JsonElement labels, string key, string value) =>
        long.TryParse(Value(labels, key), CultureInfo.InvariantCulture, out var a) && long.TryParse(value, CultureInfo.InvariantCulture, out var b) ? a.CompareTo(b) : null;

    [GeneratedRegex(@"^(?:!\s*(?<key>(?<absent>[^\s,!=()<>]+))|(?<key>[^\s,!=()<>]+)(?:\s+(?<in>in|notin)\s*\((?<set>[^()]*)\)|\s*(?<sign>==|=|!=|>|<)\s*(?<value>[^\s,=!()<>]*))?)")]
    private static partial Regex Requirement();
}
