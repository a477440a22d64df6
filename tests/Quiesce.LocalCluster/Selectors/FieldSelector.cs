using System.Text;
using System.Text.Json;
using Quiesce.Cluster.Errors;
using Quiesce.Cluster.Kinds;
using Quiesce.Cluster.Tables;

namespace Quiesce.Cluster.Selectors;

/// <summary>The <c>fieldSelector</c> of a list or watch: <c>a=b</c>, <c>a==b</c> and <c>a!=b</c> joined by commas.</summary>
internal sealed class FieldSelector
{
    private readonly IReadOnlyList<(string Field, string Value, bool Equal)> _terms;

    private FieldSelector(IReadOnlyList<(string, string, bool)> terms) => _terms = terms;

    public bool IsEverything => _terms.Count == 0;

    /// <param name="text">The selector; null or empty selects everything.</param>
    /// <param name="resource">The kind, which knows its selectable fields.</param>
    /// <exception cref="ApiError">400: the selector cannot be read, or names a field that is not selectable.</exception>
    public static FieldSelector Parse(string? text, ApiResource resource)
    {
        var terms = new List<(string, string, bool)>();
        foreach (var term in Split(text ?? ""))
        {
            var sign = term.IndexOf('=', StringComparison.Ordinal);
            if (sign < 1)
                throw ApiError.BadRequest($"invalid selector: '{text}'; can't understand '{term}'");
            var equal = term[sign - 1] != '!';
            var field = (equal ? term[..sign] : term[..(sign - 1)]).Trim();
            var value = Unescape(term[(sign + (equal && sign + 1 < term.Length && term[sign + 1] == '=' ? 2 : 1))..]);
            if (!IsSelectable(field, resource))
                throw ApiError.BadRequest(resource.IsCustom ? $"field label not supported: {field}" : $"field label not supported: {field} for {resource.Kind}");
            terms.Add((field, value, equal));
        }

        return new FieldSelector(terms);
    }

    /// <summary>The name, where the selector asks for exactly one.</summary>
    public string? Name => _terms.Where(t => t.Field == "metadata.name" && t.Equal).Select(t => t.Value).FirstOrDefault();

    /// <param name="o">The object in the version that was asked for.</param>
    public bool Matches(JsonElement o) => _terms.All(t => (ValueOf(o, t.Field) == t.Value) == t.Equal);

    private static bool IsSelectable(string field, ApiResource resource) =>
        field == "metadata.name" || (field == "metadata.namespace" && (resource.Namespaced || !resource.IsCustom)) || resource.SelectableFields.Contains(field);

    private static string ValueOf(JsonElement o, string field)
    {
        // An Event's source is an object; the field stands for its component.
        if (field == "source")
            return o.StringAt("source", "component") ?? "";
        return o.At(field.Split('.')) is { } value ? JsonPath.Text(value) : field is "spec.unschedulable" or "spec.hostNetwork" ? "false" : "";
    }

    private static IEnumerable<string> Split(string text)
    {
        var term = new StringBuilder();
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == '\\' && i + 1 < text.Length)
            {
                term.Append(text[i]).Append(text[++i]);
            }
            else if (text[i] == ',')
            {
                if (term.Length > 0)
                    yield return term.ToString();
                term.Clear();
            }
            else
            {
                term.Append(text[i]);
            }
        }

        if (term.Length > 0)
            yield return term.ToString();
    }

    private static string Unescape(string value)
    {
        var result = new StringBuilder(value.Length);
        for (var i = 0; i < value.Length; i++)
            result.Append(value[i] == '\\' && i + 1 < value.Length ? value[++i] : value[i]);
        return result.ToString();
    }
}
