using System.Text.RegularExpressions;
using Quiesce.Crds;

namespace Quiesce.Cli.Commands;

/// <summary>Label selectors as kubectl's <c>--selector</c> takes them.</summary>
internal static partial class LabelSelectors
{
    /// <returns>Null when it is none, or is empty.</returns>
    internal static LabelSelector? Parse(string text)
    {
        var labels = new Dictionary<string, string>();
        var expressions = new List<LabelSelectorRequirement>();
        var rest = text.Trim();
        while (rest.Length > 0)
        {
            if (Requirement().Match(rest) is not { Success: true } match) return null;
            var (key, values) = (match.Groups["key"].Value, match.Groups["values"].Value.Split(',', StringSplitOptions.TrimEntries));
            if (match.Groups["set"].Success) expressions.Add(new() { Key = key, Operator = match.Groups["set"].Value == "in" ? "In" : "NotIn", Values = values });
            else if (match.Groups["equals"].Value == "!=") expressions.Add(new() { Key = key, Operator = "NotIn", Values = [match.Groups["value"].Value] });
            else if (match.Groups["equals"].Success)
            {
                // Twice the same label: both have to hold, which is nothing where the values differ.
                if (!labels.TryAdd(key, match.Groups["value"].Value)) expressions.Add(new() { Key = key, Operator = "In", Values = [match.Groups["value"].Value] });
            }
            else expressions.Add(new() { Key = key, Operator = match.Groups["not"].Length > 0 ? "DoesNotExist" : "Exists" });
            rest = rest[match.Length..];
        }

        if (labels.Count + expressions.Count == 0 || text.TrimEnd().EndsWith(',')) return null;
        return new() { MatchLabels = labels.Count > 0 ? labels : null, MatchExpressions = expressions.Count > 0 ? expressions : null };
    }

    [GeneratedRegex(
        @"^(?:(?<key>[A-Za-z0-9][-A-Za-z0-9_./]*)\s+(?<set>in|notin)\s*\((?<values>[^()]*)\)|(?<key>[A-Za-z0-9][-A-Za-z0-9_./]*)\s*(?<equals>==|=|!=)\s*(?<value>[-A-Za-z0-9_.]*)|(?<not>!?)(?<key>[A-Za-z0-9][-A-Za-z0-9_./]*))\s*(?:,\s*|$)")]
    private static partial Regex Requirement();
}
