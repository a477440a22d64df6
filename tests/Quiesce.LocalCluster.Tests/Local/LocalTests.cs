using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using Quiesce.Cluster.Tests.Api;

namespace Quiesce.Cluster.Tests.Local;

/// <summary>What only the local cluster can do. Each test has a cluster of its own: one starts in milliseconds.</summary>
public abstract class LocalTests : IAsyncLifetime
{
    protected const string Maps = "/api/v1/namespaces/default/configmaps";

    private HttpClient? _http;

    protected LocalCluster Cluster { get; private set; } = null!;

    protected HttpClient Http => _http ??= new HttpClient { BaseAddress = new Uri(Cluster.Url) };

    protected static CancellationToken Cancel => TestContext.Current.CancellationToken;

    protected virtual LocalClusterOptions Options => new();

    public async ValueTask InitializeAsync() => Cluster = await LocalCluster.StartAsync(Options);

    public async ValueTask DisposeAsync()
    {
        _http?.Dispose();
        await Cluster.DisposeAsync();
    }

    protected Task<HttpResponseMessage> CreateAsync(string name) => SendAsync(HttpMethod.Post, Maps, $$$"""{"metadata": {"name": "{{{name}}}"}}""");

    protected Task<HttpResponseMessage> MergeAsync(string name, string patch) => SendAsync(HttpMethod.Patch, $"{Maps}/{name}", patch, "application/merge-patch+json");

    protected async Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, string? body = null, string type = "application/json", string? userAgent = null)
    {
        using var request = new HttpRequestMessage(method, path);
        if (body is not null)
        {
            request.Content = new ByteArrayContent(Encoding.UTF8.GetBytes(body));
            request.Content.Headers.ContentType = new MediaTypeHeaderValue(type);
        }

        if (userAgent is not null)
            request.Headers.UserAgent.ParseAdd(userAgent);
        return await Http.SendAsync(request, Cancel);
    }

    protected async Task<JsonNode> GetAsync(string path) => JsonNode.Parse(await Http.GetStringAsync(path, Cancel))!;

    protected async Task<string> VersionAsync() => (await GetAsync(Maps)).Version();

    internal Task<WatchReader> WatchAsync(string query) => WatchReader.OpenAsync(Http, $"{Maps}?watch=true&{query}", Cancel);

    protected static async Task<JsonNode> BodyAsync(HttpResponseMessage answer) => JsonNode.Parse(await answer.Content.ReadAsStringAsync(Cancel))!;
}
