using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using Quiesce.ApiServers;

namespace Quiesce.Cluster.Tests.Api;

/// <summary>
/// What an API server does, asked over plain HTTP. Everything derived from this runs on whichever server the environment
/// chooses, and passes on the real one: that is what keeps the local cluster honest.
/// </summary>
public abstract class ApiTests(SharedServer shared) : IAsyncLifetime
{
    protected const string Group = "/apis/tests.quiesce.dev/v1";

    protected ApiServerUnderTest Server => shared.Server;

    /// <summary>A namespace of this test's own.</summary>
    protected string Namespace { get; private set; } = "";

    protected string Widgets => $"{Group}/namespaces/{Namespace}/widgets";

    protected static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => Namespace = await Server.CreateNamespaceAsync("api", Cancel);

    public async ValueTask DisposeAsync()
    {
        using var answer = await Server.Http.DeleteAsync($"/api/v1/namespaces/{Namespace}");
    }

    protected Task<Answer> GetAsync(string path, string? accept = null) => SendAsync(HttpMethod.Get, path, null, "", accept);

    protected Task<Answer> PostAsync(string path, string body, string type = "application/json") => SendAsync(HttpMethod.Post, path, body, type);

    protected Task<Answer> PutAsync(string path, string body) => SendAsync(HttpMethod.Put, path, body, "application/json");

    protected Task<Answer> DeleteAsync(string path, string? body = null) => SendAsync(HttpMethod.Delete, path, body, "application/json");

    protected Task<Answer> MergeAsync(string path, string patch) => SendAsync(HttpMethod.Patch, path, patch, "application/merge-patch+json");

    protected Task<Answer> PatchAsync(string path, string patch, string type) => SendAsync(HttpMethod.Patch, path, patch, type);

    /// <summary>Creates a widget.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="spec">Its spec as JSON.</param>
    /// <param name="metadata">More metadata as JSON members, each with a comma after it.</param>
    protected async Task<JsonNode> CreateWidgetAsync(string name, string spec = """{"size": 1}""", string metadata = "")
    {
        var answer = await PostAsync(Widgets, Widget(name, spec, metadata));
        Assert.Equal(201, answer.Code);
        return answer.Body;
    }

    protected static string Widget(string name, string spec = """{"size": 1}""", string metadata = "") =>
        $$"""{"apiVersion": "tests.quiesce.dev/v1", "kind": "Widget", "metadata": {{{metadata}}"name": "{{name}}"}, "spec": {{spec}}}""";

    /// <summary>Asks again until it is so, for at most 30 s; two minutes where the controllers of a real cluster take their time.</summary>
    protected async Task EventuallyAsync(Func<Task<bool>> isSo, string what)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        limit.CancelAfter(Server.Local is null ? TimeSpan.FromMinutes(2) : TimeSpan.FromSeconds(30));
        while (!await isSo())
        {
            Assert.False(limit.IsCancellationRequested, $"did not come true in time: {what}");
            await Task.Delay(20, Cancel);
        }
    }

    protected Task GoneAsync(string path) => EventuallyAsync(async () => (await GetAsync(path)).Code == 404, $"{path} is gone");

    protected async Task<Answer> SendAsync(HttpMethod method, string path, string? body, string type, string? accept = null)
    {
        using var request = new HttpRequestMessage(method, path);
        if (body is not null)
        {
            request.Content = new ByteArrayContent(Encoding.UTF8.GetBytes(body));
            request.Content.Headers.ContentType = MediaTypeHeaderValue.Parse(type);
        }

        if (accept is not null)
            request.Headers.TryAddWithoutValidation("Accept", accept);
        using var response = await Server.Http.SendAsync(request, Cancel);
        var text = await response.Content.ReadAsStringAsync(Cancel);
        response.Headers.TryGetValues("Warning", out var warnings);
        return new Answer((int)response.StatusCode, text, [.. warnings ?? []], response.Content.Headers.ContentType?.MediaType ?? "");
    }
}
