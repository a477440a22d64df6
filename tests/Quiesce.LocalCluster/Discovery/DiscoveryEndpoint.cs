using Microsoft.AspNetCore.Http;
using Quiesce.Cluster.Http;
using Quiesce.Cluster.Kinds;

namespace Quiesce.Cluster.Discovery;

/// <summary>What is not a kind: health, version, and the lists of groups and kinds in both forms that clients ask for.</summary>
internal sealed class DiscoveryEndpoint(KindCatalog catalog)
{
    private const string AggregatedV2 = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

    /// <returns>Null if the path is none of these.</returns>
    public Task? TryServe(HttpContext http, ApiRequest request)
    {
        var parts = request.Path.Trim('/').Split('/');
        return parts switch
        {
            ["healthz" or "livez" or "readyz", ..] => http.AnswerAsync(200, "ok"u8.ToArray(), "text/plain; charset=utf-8"),
            ["version"] => http.AnswerAsync(200, ServerVersion.Json),
            ["api"] when WantsAggregated(http.Request) => http.AnswerAsync(200, AggregatedDiscovery.Write(catalog, [""]), AggregatedV2),
            ["apis"] when WantsAggregated(http.Request) => http.AnswerAsync(200, AggregatedDiscovery.Write(catalog, catalog.Groups), AggregatedV2),
            ["api"] => http.AnswerAsync(200, GroupDiscovery.CoreVersions(http.Request.Host.Value ?? "")),
            ["apis"] => http.AnswerAsync(200, GroupDiscovery.Groups(catalog)),
            ["apis", var group] when catalog.Groups.Contains(group) => http.AnswerAsync(200, GroupDiscovery.Group(catalog, group)),
            ["api", var version] when catalog.VersionsOf("").Contains(version) => http.AnswerAsync(200, GroupDiscovery.Resources(catalog, "", version)),
            ["apis", var group, var version] when catalog.VersionsOf(group).Contains(version) => http.AnswerAsync(200, GroupDiscovery.Resources(catalog, group, version)),
            _ => null,
        };
    }

    private static bool WantsAggregated(HttpRequest request) =>
        request.Headers.Accept.ToString().Replace(" ", "", StringComparison.Ordinal).Contains("g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList", StringComparison.Ordinal);
}
