using System.Net;
using System.Net.Http.Headers;
using System.Text.Json.Nodes;

namespace Quiesce.Cluster;

/// <summary>Brings manifests into an API server, local or real, by server-side apply: safe to repeat.</summary>
public static class Manifests
{
    /// <summary>The field manager that is named to the server.</summary>
    private const string FieldManager = "quiesce-tests";

    private const int MostTries = 5;

    /// <summary>Applies every document of a YAML stream, in order, and waits until CRDs among them are served.</summary>
    /// <param name="http">Whose base address is the API server.</param>
    /// <param name="yaml">One or more documents.</param>
    /// <param name="cancellationToken">Ends the wait too.</param>
    /// <exception cref="HttpRequestException">The server refused; the message carries its words.</exception>
    public static async Task ApplyAsync(HttpClient http, string yaml, CancellationToken cancellationToken = default)
    {
        foreach (var manifest in Yaml.ReadAll(yaml))
            await ApplyAsync(http, manifest, "", cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Applies every <c>*.yaml</c> of a folder, in order of name, or one file.</summary>
    /// <param name="http">Whose base address is the API server.</param>
    /// <param name="path">The folder or file.</param>
    /// <param name="cancellationToken">Ends the wait too.</param>
    /// <exception cref="HttpRequestException">The server refused; the message carries its words.</exception>
    public static async Task ApplyPathAsync(HttpClient http, string path, CancellationToken cancellationToken = default)
    {
        string[] files = Directory.Exists(path) ? [.. Directory.GetFiles(path, "*.yaml").Order(StringComparer.Ordinal)] : [path];
        if (files.Length == 0)
            throw new FileNotFoundException($"{path} holds no *.yaml");
        foreach (var file in files)
            await ApplyAsync(http, await File.ReadAllTextAsync(file, cancellationToken).ConfigureAwait(false), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Applies one object, or its status where <paramref name="subresource"/> says so.</summary>
    internal static async Task<JsonNode> ApplyAsync(HttpClient http, JsonNode manifest, string subresource, CancellationToken cancellationToken)
    {
        var apiVersion = manifest.StringAt("apiVersion") ?? throw new FormatException("a manifest has no apiVersion");
        var kind = manifest.StringAt("kind") ?? throw new FormatException("a manifest has no kind");
        var name = manifest.StringAt("metadata", "name") ?? throw new FormatException($"a {kind} has no metadata.name");
        var root = apiVersion.Contains('/', StringComparison.Ordinal) ? $"/apis/{apiVersion}" : $"/api/{apiVersion}";
        var (plural, namespaced) = await FindKindAsync(http, root, kind, cancellationToken).ConfigureAwait(false);
        var path = namespaced ? $"{root}/namespaces/{manifest.StringAt("metadata", "namespace") ?? "default"}/{plural}/{name}" : $"{root}/{plural}/{name}";
        var suffix = subresource.Length == 0 ? "" : $"/{subresource}";
        using var answer = await PatchAsync($"{path}{suffix}?fieldManager={FieldManager}&force=true").ConfigureAwait(false);
        var applied = await ReadAsync(answer, $"apply {kind} {name}", cancellationToken).ConfigureAwait(false);
        if (kind == "CustomResourceDefinition")
            await WaitUntilServedAsync(http, path, applied, cancellationToken).ConfigureAwait(false);
        return applied;

        // Two who apply the same new object at one moment both create it, and one of them is refused: its next try finds the object.
        async Task<HttpResponseMessage> PatchAsync(string uri)
        {
            for (var tries = 1; ; tries++)
            {
                using var body = new ByteArrayContent(ApiJson.Write(manifest));
                body.Headers.ContentType = new MediaTypeHeaderValue("application/apply-patch+yaml");
                var reply = await http.PatchAsync(uri, body, cancellationToken).ConfigureAwait(false);
                if (reply.StatusCode != HttpStatusCode.Conflict || tries == MostTries) return reply;
                reply.Dispose();
            }
        }
    }

    private static async Task<(string Plural, bool Namespaced)> FindKindAsync(HttpClient http, string root, string kind, CancellationToken cancellationToken)
    {
        using var answer = await http.GetAsync(root, cancellationToken).ConfigureAwait(false);
        var list = await ReadAsync(answer, $"discover {root}", cancellationToken).ConfigureAwait(false);
        var found = list.ItemsAt("resources").FirstOrDefault(r => r.StringAt("kind") == kind && !r.StringAt("name")!.Contains('/', StringComparison.Ordinal))
            ?? throw new HttpRequestException($"{root} serves no kind {kind}", null, HttpStatusCode.NotFound);
        return (found.StringAt("name")!, found.BoolAt("namespaced") ?? false);
    }

    /// <summary>A definition is served a moment after it was accepted: its condition says so, and then its paths answer.</summary>
    private static async Task WaitUntilServedAsync(HttpClient http, string path, JsonNode definition, CancellationToken cancellationToken)
    {
        var (group, plural) = (definition.StringAt("spec", "group"), definition.StringAt("spec", "names", "plural"));
        var version = definition.ItemsAt("spec", "versions").Where(v => v.BoolAt("served") == true).Select(v => v.StringAt("name")).First();
        while (true)
        {
            using var answer = await http.GetAsync(path, cancellationToken).ConfigureAwait(false);
            var current = await ReadAsync(answer, $"read {path}", cancellationToken).ConfigureAwait(false);
            if (current.ItemsAt("status", "conditions").Any(c => c.StringAt("type") == "Established" && c.StringAt("status") == "True"))
            {
                using var list = await http.GetAsync($"/apis/{group}/{version}/{plural}?limit=1", cancellationToken).ConfigureAwait(false);
                if (list.IsSuccessStatusCode)
                    return;
            }

            await Task.Delay(TimeSpan.FromMilliseconds(50), cancellationToken).ConfigureAwait(false);
        }
    }

    /// <exception cref="HttpRequestException">The server refused; the message carries its words.</exception>
    internal static async Task<JsonNode> ReadAsync(HttpResponseMessage answer, string what, CancellationToken cancellationToken)
    {
        var body = JsonNode.Parse(await answer.Content.ReadAsByteArrayAsync(cancellationToken).ConfigureAwait(false));
        return answer.IsSuccessStatusCode ? body! : throw new HttpRequestException($"{what}: {(int)answer.StatusCode} {body.StringAt("message")}", null, answer.StatusCode);
    }
}
