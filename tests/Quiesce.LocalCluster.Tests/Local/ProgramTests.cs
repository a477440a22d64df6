using System.Net;
using System.Net.Sockets;
using System.Runtime.Versioning;
using Quiesce.Cluster.Tests.Api;

namespace Quiesce.Cluster.Tests.Local;

/// <summary>The local cluster as a program.</summary>
[SupportedOSPlatform("linux")]
public sealed class ProgramTests : IDisposable
{
    private static readonly string Program = Path.ChangeExtension(typeof(LocalCluster).Assembly.Location, ".dll");

    private readonly string _folder = Directory.CreateTempSubdirectory("quiesce-program-").FullName;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("TERM")]
    [InlineData("INT")]
    public async Task It_serves_until_it_is_told_to_stop(string signal)
    {
        var kubeconfig = Path.Combine(_folder, "kubeconfig");
        await File.WriteAllTextAsync(Path.Combine(_folder, "crd.yaml"), """
            apiVersion: apiextensions.k8s.io/v1
            kind: CustomResourceDefinition
            metadata: {name: things.p.dev}
            spec:
              group: p.dev
              scope: Cluster
              names: {plural: things, kind: Thing}
              versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]
            """, Cancel);
        await using var program = Command.Start("dotnet", [Program, "--port", "0", "--kubeconfig", kubeconfig, "--crds", _folder, "--node", "node-1", "--node", "node-2"]);

        var ready = await program.ReadLineAsync(Cancel);
        Assert.StartsWith("local cluster ready at http://127.0.0.1:", ready, StringComparison.Ordinal);
        var url = ready!.Split(' ')[4].TrimEnd(',');
        using var http = new HttpClient { BaseAddress = new Uri(url) };
        Assert.Equal(["node-1", "node-2"], (await NamesAsync(http, "/api/v1/nodes")).Order(StringComparer.Ordinal));
        Assert.Equal(["quiesce-agent-node-1", "quiesce-agent-node-2"], await NamesAsync(http, "/api/v1/namespaces/quiesce-agents/pods"));
        Assert.Equal(["things.p.dev"], await NamesAsync(http, "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"));
        Assert.Contains($"server: {url}", await File.ReadAllTextAsync(kubeconfig, Cancel), StringComparison.Ordinal);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(kubeconfig));
        using var watch = await WatchReader.OpenAsync(http, "/api/v1/nodes?watch=true", Cancel);

        Assert.Equal(0, await program.SignalAsync(signal, Cancel));
        await Assert.ThrowsAsync<HttpRequestException>(() => http.GetAsync("/version", Cancel));
    }

    [Fact]
    public async Task A_taken_port_is_said_in_one_line()
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();

        var result = await Command.RunAsync("dotnet", [Program, "--port", $"{((IPEndPoint)taken.LocalEndpoint).Port}"], Cancel);

        Assert.Equal(1, result.ExitCode);
        Assert.Contains("address already in use", result.Error, StringComparison.Ordinal);
        Assert.Single(result.Error.Trim().Split('\n'));
    }

    [Fact]
    public async Task Missing_manifests_are_said_in_one_line()
    {
        var result = await Command.RunAsync("dotnet", [Program, "--crds", Path.Combine(_folder, "none.yaml")], Cancel);

        Assert.Equal(1, result.ExitCode);
        Assert.Contains("none.yaml", result.Error, StringComparison.Ordinal);
        Assert.Single(result.Error.Trim().Split('\n'));
    }

    private static async Task<IReadOnlyList<string>> NamesAsync(HttpClient http, string path) =>
        System.Text.Json.Nodes.JsonNode.Parse(await http.GetStringAsync(path, Cancel))!.Names();
}
