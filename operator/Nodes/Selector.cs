using Quiesce.Crds;

namespace Quiesce.Operator.Nodes;

/// <summary>Label selectors as the API server reads them (apimachinery's <c>labels.Requirement.Matches</c>).</summary>
internal static class Selector
{
    /// <summary>Whether labels satisfy every part of a selector. An empty selector is satisfied by all; an unknown operator by none.</summary>
    public static bool Matches(LabelSelector selector, IReadOnlyDictionary<string, string> labels)
    {
        foreach (var (key, value) in selector.MatchLabels ?? new Dictionary<string, string>())
            if (!labels.TryGetValue(key, out var actual) || actual != value) return false;

        foreach (var requirement in selector.MatchExpressions ?? [])
            if (!Matches(requirement, labels)) return false;

        return true;
    }

    /// <summary>The selector as <c>kubectl get --selector</c> takes it, for messages.</summary>
    public static string Format(LabelSelector selector)
    {
        var parts = (selector.MatchLabels ?? new Dictionary<string, string>()).Select(label => $"{label.Key}={label.Value}")
            .Concat((selector.MatchExpressions ?? []).Select(Format))
            .ToArray();
        return parts.Length == 0 ? "(all nodes)" : string.Join(",", parts);
    }

    private static bool Matches(LabelSelectorRequirement requirement, IReadOnlyDictionary<string, string> labels)
    {
        var present = labels.TryGetValue(requirement.Key, out var actual);
        return requirement.Operator switch
        {
            "In" => present && (requirement.Values ?? []).Contains(actual),
            // A label that is missing is not in any set.
            "NotIn" => !present || !(requirement.Values ?? []).Contains(actual),
            "Exists" => present,
            "DoesNotExist" => !present,
            _ => false,
        };
    }

    private static string Format(LabelSelectorRequirement requirement) => requirement.Operator switch
    {
        "Exists" => requirement.Key,
        "DoesNotExist" => $"!{requirement.Key}",
        _ => $"{requirement.Key} {(requirement.Operator == "NotIn" ? "notin" : "in")} ({string.Join(",", requirement.Values ?? [])})",
    };
}
