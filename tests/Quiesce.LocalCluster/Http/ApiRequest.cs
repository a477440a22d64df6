using Microsoft.AspNetCore.Http;
using Quiesce.Cluster.Kinds;

namespace Quiesce.Cluster.Http;

/// <summary>A request, read from method, path and query in the way kube-apiserver's <c>RequestInfo</c> does.</summary>
internal sealed record ApiRequest
{
    /// <summary><c>get</c>, <c>list</c>, <c>watch</c>, <c>create</c>, <c>update</c>, <c>patch</c>, <c>delete</c>, <c>deletecollection</c>; for what is no resource the method in lower case.</summary>
    public required string Verb { get; init; }

    public required string Path { get; init; }

    public string Group { get; init; } = "";

    public string Version { get; init; } = "";

    /// <summary>Empty for what is no resource.</summary>
    public string Plural { get; init; } = "";

    public string Namespace { get; init; } = "";

    public string Name { get; init; } = "";

    public string Subresource { get; init; } = "";

    /// <summary>Null for what is no resource, and for kinds that do not exist.</summary>
    public ApiResource? Resource { get; init; }

    public static ApiRequest Read(HttpRequest request, KindCatalog catalog)
    {
        var path = request.Path.Value ?? "/";
        var parts = path.Trim('/').Split('/').Select(Uri.UnescapeDataString).ToArray();
        var method = request.Method.ToLowerInvariant();
        string[] rest;
        string group, version;
        switch (parts)
        {
            case ["api", var v, .. var tail] when tail.Length > 0:
                (group, version, rest) = ("", v, tail);
                break;
            case ["apis", var g, var v, .. var tail] when tail.Length > 0:
                (group, version, rest) = (g, v, tail);
                break;
            default:
                return new ApiRequest { Verb = method, Path = path };
        }

        var ns = "";
        // A namespace's own status is not something inside that namespace.
        if (rest is ["namespaces", var inNamespace, .. var within] && within.Length > 0 && within is not ["status"] and not ["finalize"])
            (ns, rest) = (inNamespace, within);
        if (rest.Length > 3)
            return new ApiRequest { Verb = method, Path = path };
        var name = rest.Length > 1 ? rest[1] : "";
        return new ApiRequest
        {
            Verb = VerbOf(method, name, request.Query),
            Path = path,
            Group = group,
            Version = version,
            Plural = rest[0],
            Namespace = ns,
            Name = name,
            Subresource = rest.Length > 2 ? rest[2] : "",
            Resource = catalog.Find(group, version, rest[0]),
        };
    }

    private static string VerbOf(string method, string name, IQueryCollection query) => method switch
    {
        "get" or "head" when name.Length > 0 => "get",
        "get" or "head" => IsSet(query, "watch") ? "watch" : "list",
        "post" => "create",
        "put" => "update",
        "patch" => "patch",
        "delete" => name.Length > 0 ? "delete" : "deletecollection",
        _ => method,
    };

    /// <summary>Whether a boolean parameter is given and not false.</summary>
    public static bool IsSet(IQueryCollection query, string name) => query.TryGetValue(name, out var values) && values.ToString() is not ("false" or "0" or "False");
}
