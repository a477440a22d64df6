using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Quiesce.Cluster.Http;
using Quiesce.Cluster.Kinds;

namespace Quiesce.Cluster.OpenApi;

/// <summary>
/// <c>/openapi/v3</c> (kubectl from 1.24 on) and <c>/openapi/v2</c> (before, and in protobuf only): what kubectl validates
/// manifests with, explains kinds from, and reads off which parameters a write takes.
/// </summary>
internal sealed class OpenApiEndpoint(KindCatalog catalog)
{
    /// <summary>kubectl asks for this up to 1.26, and cannot itself read it as the type of the answer.</summary>
    private const string OldProtobufType = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";

    private const string ProtobufType = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

    /// <returns>Null if the path is none of these.</returns>
    public Task? TryServe(HttpContext http, ApiRequest request)
    {
        switch (request.Path.Trim('/').Split('/'))
        {
            case ["openapi", "v2"]:
                var document = OpenApiDocument.V2(catalog.All);
                var accepted = http.Request.Headers.Accept.ToString();
                return accepted.Contains(ProtobufType, StringComparison.Ordinal) || accepted.Contains(OldProtobufType, StringComparison.Ordinal)
                    ? http.AnswerAsync(200, OpenApiProtobuf.Encode(document), ProtobufType)
                    : http.AnswerAsync(200, ApiJson.Write(document));
            case ["openapi", "v3"]:
                return http.AnswerAsync(200, ApiJson.Write(Index()));
            case ["openapi", "v3", "api", var version] when catalog.VersionsOf("").Contains(version):
                return http.AnswerAsync(200, ApiJson.Write(OpenApiDocument.V3(catalog.All.Where(r => r.Group.Length == 0 && r.Version == version))));
            case ["openapi", "v3", "apis", var group, var version] when catalog.VersionsOf(group).Contains(version):
                return http.AnswerAsync(200, ApiJson.Write(OpenApiDocument.V3(catalog.All.Where(r => r.Group == group && r.Version == version))));
            default:
                return null;
        }
    }

    private JsonObject Index()
    {
        var paths = new JsonObject();
        foreach (var (group, version) in catalog.All.Select(r => (r.Group, r.Version)).Distinct())
        {
            var path = group.Length == 0 ? $"api/{version}" : $"apis/{group}/{version}";
            paths[path] = new JsonObject { ["serverRelativeURL"] = $"/openapi/v3/{path}" };
        }

        return new JsonObject { ["paths"] = paths };
    }
}
