using System.Globalization;
using System.Text.RegularExpressions;
using Quiesce.ApiServers;

namespace Quiesce.Benchmarks.Clusters;

/// <summary>How many requests of which kind a server has answered since its start: its own count, so that nobody's requests are missed.</summary>
internal static partial class RequestCounts
{
    // What Quiesce has to do with; a server also talks to itself.
    private static readonly HashSet<string> Ours = ["freezerequests", "freezewindows", "nodefreezes", "thawrequests", "events", "leases", "pods", "nodes", "persistentvolumeclaims", "persistentvolumes"];

    /// <summary>By verb and kind, such as <c>patch freezerequests/status</c>. A watch is counted when it ends by the real server, and when it begins by the local one.</summary>
    internal static async Task<Dictionary<string, int>> ReadAsync(ApiServerUnderTest server)
    {
        if (server.Local is { } local) return local.Requests.Totals.Where(t => Ours.Contains(t.Key.Resource.Split('/')[0])).ToDictionary(t => $"{t.Key.Verb} {t.Key.Resource}", t => t.Value);
        var counts = new Dictionary<string, int>();
        foreach (var line in (await server.Http.GetStringAsync("metrics")).Split('\n'))
        {
            if (!line.StartsWith("apiserver_request_total{", StringComparison.Ordinal)) continue;
            var labels = Label().Matches(line).ToDictionary(m => m.Groups[1].Value, m => m.Groups[2].Value);
            if (!Ours.Contains(labels["resource"])) continue;
            var verb = labels["verb"].ToLowerInvariant() switch { "post" => "create", "put" => "update", var other => other };
            var key = $"{verb} {labels["resource"]}{(labels["subresource"].Length > 0 ? $"/{labels["subresource"]}" : "")}";
            counts[key] = counts.GetValueOrDefault(key) + (int)double.Parse(line[(line.LastIndexOf(' ') + 1)..], CultureInfo.InvariantCulture);
        }
        return counts;
    }

    /// <summary>What came since.</summary>
    internal static IReadOnlyDictionary<string, int> Since(IReadOnlyDictionary<string, int> before, IReadOnlyDictionary<string, int> now) =>
        now.Select(n => (n.Key, Count: n.Value - before.GetValueOrDefault(n.Key))).Where(n => n.Count > 0).OrderBy(n => n.Key, StringComparer.Ordinal).ToDictionary(n => n.Key, n => n.Count);

    /// <summary>Whether it changes something, and is neither an Event nor the leader's lease.</summary>
    internal static bool IsWrite(string request) =>
        request.Split(' ') is [("create" or "update" or "patch" or "apply" or "delete"), var kind] && kind is not ("events" or "leases");

    [GeneratedRegex("(\\w+)=\"([^\"]*)\"")]
    private static partial Regex Label();
}
