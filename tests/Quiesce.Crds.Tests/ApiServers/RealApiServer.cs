using System.Net;
using System.Net.Http.Headers;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json.Nodes;
using Quiesce.Crds.Tests.Manifests;

namespace Quiesce.Crds.Tests.ApiServers;

/// <summary>One kube-apiserver for all tests that need it, with the manifests installed.</summary>
public sealed class RealApiServer : IAsyncLifetime
{
    private static int number;
    private KubeApiServer? server;

    public KubeApiServer Server => server ?? throw new InvalidOperationException(KubeApiServer.Missing);

    public async ValueTask InitializeAsync()
    {
        if (!KubeApiServer.IsAvailable) return;
        server = await KubeApiServer.StartAsync(TestContext.Current.CancellationToken);
        foreach (var manifest in CrdManifest.All) await InstallAsync(manifest.Crd);
    }

    public async ValueTask DisposeAsync()
    {
        if (server is not null) await server.DisposeAsync();
    }

    /// <summary>Creates a CustomResourceDefinition and waits until its kind is served.</summary>
    internal async Task InstallAsync(JsonObject crd)
    {
        const string collection = "apis/apiextensions.k8s.io/v1/customresourcedefinitions";
        Accepted(await SendAsync(HttpMethod.Post, collection, crd));
        await UntilAsync(async () =>
        {
            var conditions = (await SendAsync(HttpMethod.Get, $"{collection}/{crd["metadata"]!["name"]}")).Body["status"]?["conditions"] as JsonArray ?? [];
            return conditions.Any(c => (string?)c!["type"] == "Established" && (string?)c["status"] == "True");
        });
        var (group, version, plural) = (crd["spec"]!["group"], crd["spec"]!["versions"]![0]!["name"], crd["spec"]!["names"]!["plural"]);
        await UntilAsync(async () => (await SendAsync(HttpMethod.Get, $"apis/{group}/{version}/{plural}")).Status == HttpStatusCode.OK);
    }

    /// <summary>Polls until <paramref name="condition"/> holds, for at most 20 seconds.</summary>
    internal static async Task UntilAsync(Func<Task<bool>> condition, [CallerArgumentExpression(nameof(condition))] string what = "")
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        using var tick = new PeriodicTimer(TimeSpan.FromMilliseconds(50));
        while (!await condition())
            if (limit.IsCancellationRequested || !await tick.WaitForNextTickAsync(CancellationToken.None)) Assert.Fail($"not within 20 s: {what}");
    }

    /// <summary>Sends an object with a name of its own; <paramref name="spec"/> is the spec in YAML.</summary>
    internal Task<Answer> CreateAsync(string kind, JsonNode spec, bool dryRun) => SendAsync(
        HttpMethod.Post,
        Collection(kind) + (dryRun ? "?dryRun=All" : ""),
        new JsonObject
        {
            ["apiVersion"] = "quiesce.dev/v1alpha1",
            ["kind"] = kind,
            ["metadata"] = new JsonObject { ["name"] = $"test-{Interlocked.Increment(ref number)}" },
            ["spec"] = spec.DeepClone(),
        });

    /// <summary>Sends a merge patch.</summary>
    internal Task<Answer> PatchAsync(JsonNode o, JsonObject patch, string subresource = "") => SendAsync(HttpMethod.Patch, PathOf(o) + subresource, patch);

    internal async Task<Answer> SendAsync(HttpMethod method, string path, JsonNode? body = null)
    {
        using var request = new HttpRequestMessage(method, new Uri(path, UriKind.Relative));
        if (body is not null)
        {
            request.Content = new StringContent(body.ToJsonString(), Encoding.UTF8);
            request.Content.Headers.ContentType = new MediaTypeHeaderValue(method == HttpMethod.Patch ? "application/merge-patch+json" : "application/json");
        }

        using var response = await Server.Http.SendAsync(request, TestContext.Current.CancellationToken);
        return new(response.StatusCode, JsonNode.Parse(await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken))!);
    }

    internal static JsonNode Accepted(Answer answer)
    {
        Assert.True(answer.Status is HttpStatusCode.OK or HttpStatusCode.Created, $"{answer.Status}: {answer.Body["message"]}");
        return answer.Body;
    }

    internal static string Collection(string kind) => CrdManifest.Of(kind).Type.CollectionPath("default");

    internal static string PathOf(JsonNode o) => $"{Collection((string)o["kind"]!)}/{o["metadata"]!["name"]}";

    /// <summary>What the server answered.</summary>
    internal sealed record Answer(HttpStatusCode Status, JsonNode Body);
}
