using System.Text.Json.Nodes;
using Quiesce.Cluster.Discovery;
using Quiesce.Cluster.Kinds;

namespace Quiesce.Cluster.OpenApi;

/// <summary>OpenAPI documents: the definitions of kinds, and of their paths as much as kubectl looks at.</summary>
internal static class OpenApiDocument
{
    public static JsonObject V2(IEnumerable<ApiResource> resources)
    {
        var kinds = resources.ToList();
        return new JsonObject
        {
            ["swagger"] = "2.0",
            ["info"] = Info(),
            ["paths"] = Paths(kinds, r => Operation(r, p => new JsonObject
            {
                ["name"] = p,
                ["in"] = "query",
                ["type"] = "string",
                ["uniqueItems"] = true,
            })),
            ["definitions"] = Definitions(kinds, OpenApiDialect.V2),
        };
    }

    public static JsonObject V3(IEnumerable<ApiResource> resources)
    {
        var kinds = resources.ToList();
        return new JsonObject
        {
            ["openapi"] = "3.0.0",
            ["info"] = Info(),
            ["paths"] = Paths(kinds, r => Operation(r, p => new JsonObject
            {
                ["name"] = p,
                ["in"] = "query",
                ["schema"] = new JsonObject { ["type"] = "string", ["uniqueItems"] = true },
            })),
            ["components"] = new JsonObject { ["schemas"] = Definitions(kinds, OpenApiDialect.V3) },
        };
    }

    private static JsonObject Info() => new() { ["title"] = "Quiesce local cluster", ["version"] = ServerVersion.GitVersion };

    private static JsonObject Definitions(List<ApiResource> kinds, OpenApiDialect dialect)
    {
        var definitions = new JsonObject { [KindDefinition.ObjectMetaName] = KindDefinition.ObjectMeta() };
        foreach (var kind in kinds)
            definitions[KindDefinition.NameOf(kind)] = KindDefinition.Of(kind, dialect);
        return definitions;
    }

    private static JsonObject Paths(List<ApiResource> kinds, Func<ApiResource, JsonObject> operation)
    {
        var paths = new JsonObject();
        foreach (var kind in kinds)
        {
            var root = kind.Group.Length == 0 ? $"/api/{kind.Version}" : $"/apis/{kind.Group}/{kind.Version}";
            var collection = kind.Namespaced ? $"{root}/namespaces/{{namespace}}/{kind.Plural}" : $"{root}/{kind.Plural}";
            paths[collection] = new JsonObject { ["get"] = operation(kind), ["post"] = operation(kind) };
            paths[collection + "/{name}"] = new JsonObject
            {
                ["get"] = operation(kind),
                ["put"] = operation(kind),
                ["patch"] = operation(kind),
                ["delete"] = operation(kind),
            };
        }

        return paths;
    }

    private static JsonObject Operation(ApiResource kind, Func<string, JsonObject> parameter) => new()
    {
        ["parameters"] = new JsonArray([parameter("dryRun"), parameter("fieldManager"), parameter("fieldValidation")]),
        ["responses"] = new JsonObject { ["200"] = new JsonObject { ["description"] = "OK" } },
        ["x-kubernetes-group-version-kind"] = KindDefinition.GroupVersionKind(kind),
    };
}
