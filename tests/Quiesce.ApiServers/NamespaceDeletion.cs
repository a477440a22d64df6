using System.Net;
using System.Net.Http.Headers;
using System.Text.Json.Nodes;

namespace Quiesce.ApiServers;

/// <summary>
/// The deletion of a namespace. A kube-apiserver only marks it as terminating, and refuses what would be created in it; that its content is deleted and the namespace
/// let go is the work of kube-controller-manager's namespace controller, which is played where there is none.
/// </summary>
internal sealed class NamespaceDeletion(HttpClient http, string name, bool controllersRun)
{
    private static readonly TimeSpan Period = TimeSpan.FromMilliseconds(100);

    private string Path => $"/api/v1/namespaces/{name}";

    /// <exception cref="HttpRequestException">The server refused; the message carries its words.</exception>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        using (var answer = await http.DeleteAsync(Path, cancellationToken).ConfigureAwait(false))
            await RequireAsync(answer, cancellationToken).ConfigureAwait(false);
        while (await GetAsync(Path, cancellationToken).ConfigureAwait(false) is { } ns)
        {
            if (!controllersRun && !await DeleteContentAsync(cancellationToken).ConfigureAwait(false)) await LetGoAsync(ns, cancellationToken).ConfigureAwait(false);
            await Task.Delay(Period, cancellationToken).ConfigureAwait(false);
        }
    }

    // Whether something was left to delete, or waits for its finalizers.
    private async Task<bool> DeleteContentAsync(CancellationToken cancellationToken)
    {
        var left = false;
        foreach (var collection in await CollectionsAsync(cancellationToken).ConfigureAwait(false))
        {
            if (await GetAsync(collection, cancellationToken).ConfigureAwait(false) is not { } list || list["items"] is not JsonArray { Count: > 0 }) continue;
            left = true;
            using var answer = await http.DeleteAsync($"{collection}?gracePeriodSeconds=0", cancellationToken).ConfigureAwait(false);
            await RequireAsync(answer, cancellationToken).ConfigureAwait(false);
        }

        return left;
    }

    private async Task<IReadOnlyList<string>> CollectionsAsync(CancellationToken cancellationToken)
    {
        List<(string Root, string Group)> versions = [("/api/v1", "")];
        foreach (var group in (await GetAsync("/apis", cancellationToken).ConfigureAwait(false))?["groups"]?.AsArray() ?? [])
            versions.Add(($"/apis/{group!["preferredVersion"]!["groupVersion"]}", group["name"]!.GetValue<string>()));
        var collections = new List<string>();
        foreach (var (root, group) in versions.Where(v => v.Group != "events.k8s.io")) // the same objects as the core group's
        {
            // A group whose definitions are going at the same time may be listed and not be served any more.
            foreach (var resource in (await GetAsync(root, cancellationToken).ConfigureAwait(false))?["resources"]?.AsArray() ?? [])
            {
                var verbs = resource!["verbs"]!.AsArray().Select(v => v!.GetValue<string>()).ToList();
                if (resource["namespaced"]!.GetValue<bool>() && verbs.Contains("deletecollection") && verbs.Contains("list"))
                    collections.Add($"{root}/namespaces/{name}/{resource["name"]}");
            }
        }

        return collections;
    }

    private async Task LetGoAsync(JsonObject ns, CancellationToken cancellationToken)
    {
        ns["spec"] = new JsonObject { ["finalizers"] = new JsonArray() };
        using var body = new StringContent(ns.ToJsonString(), new MediaTypeHeaderValue("application/json"));
        using var answer = await http.PutAsync($"{Path}/finalize", body, cancellationToken).ConfigureAwait(false);
        await RequireAsync(answer, cancellationToken).ConfigureAwait(false);
    }

    private async Task<JsonObject?> GetAsync(string path, CancellationToken cancellationToken)
    {
        using var answer = await http.GetAsync(path, cancellationToken).ConfigureAwait(false);
        if (answer.StatusCode == HttpStatusCode.NotFound) return null;
        await RequireAsync(answer, cancellationToken).ConfigureAwait(false);
        return JsonNode.Parse(await answer.Content.ReadAsByteArrayAsync(cancellationToken).ConfigureAwait(false))!.AsObject();
    }

    // What is gone already or was changed in between is looked at again.
    private static async Task RequireAsync(HttpResponseMessage answer, CancellationToken cancellationToken)
    {
        if (answer.IsSuccessStatusCode || answer.StatusCode is HttpStatusCode.NotFound or HttpStatusCode.Conflict) return;
        var said = await answer.Content.ReadAsStringAsync(cancellationToken).ConfigureAwait(false);
        throw new HttpRequestException($"{answer.RequestMessage!.Method} {answer.RequestMessage.RequestUri}: {(int)answer.StatusCode} {said}", null, answer.StatusCode);
    }
}
