using System.CommandLine;

namespace Quiesce.Cluster;

/// <summary><c>quiesce-local-cluster</c>: the local cluster as a program of its own. Exit code 0 when told to stop, 1 when it could not start.</summary>
internal static class LocalClusterProgram
{
    public static Task<int> RunAsync(string[] args)
    {
        var port = new Option<int>("--port") { Description = "TCP port on 127.0.0.1; 0 takes a free one", HelpName = "N" };
        var kubeconfig = new Option<string?>("--kubeconfig") { Description = "write a kubeconfig to this file", HelpName = "FILE" };
        var crds = new Option<string[]>("--crds") { Description = "apply the manifests in this folder or file; may be repeated", HelpName = "PATH" };
        var nodes = new Option<string[]>("--node") { Description = $"create a node and a ready agent pod for it in {AgentNodes.Namespace}; may be repeated", HelpName = "NAME" };
        var verbose = new Option<bool>("--verbose") { Description = "write a line for every request to standard error" };
        var root = new RootCommand("A small Kubernetes API server for trying and testing Quiesce without a cluster. Keeps nothing when it ends.") { port, kubeconfig, crds, nodes, verbose };
        root.SetAction((parsed, stop) => ServeAsync(
            parsed.GetValue(port),
            parsed.GetValue(kubeconfig),
            parsed.GetValue(crds) ?? [],
            parsed.GetValue(nodes) ?? [],
            parsed.GetValue(verbose),
            stop));
        return root.Parse(args).InvokeAsync();
    }

    private static async Task<int> ServeAsync(int port, string? kubeconfig, string[] crds, string[] nodes, bool verbose, CancellationToken stop)
    {
        try
        {
            await using var cluster = await LocalCluster.StartAsync(new LocalClusterOptions
            {
                Port = port,
                OnServed = verbose ? request => Console.Error.WriteLine(request) : null,
            }).ConfigureAwait(false);
            await FillAsync(cluster, crds, nodes, stop).ConfigureAwait(false);
            if (kubeconfig is not null)
                cluster.WriteKubeconfig(kubeconfig);
            Console.WriteLine($"local cluster ready at {cluster.Url}{(kubeconfig is null ? "" : $", kubeconfig in {kubeconfig}")}");
            await Task.Delay(Timeout.Infinite, stop).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // SIGTERM or SIGINT.
        }
        catch (Exception e) when (e is IOException or HttpRequestException or FormatException or UnauthorizedAccessException)
        {
            await Console.Error.WriteLineAsync($"quiesce-local-cluster: {e.Message}").ConfigureAwait(false);
            return 1;
        }

        return 0;
    }

    private static async Task FillAsync(LocalCluster cluster, string[] crds, string[] nodes, CancellationToken stop)
    {
        using var http = new HttpClient { BaseAddress = new Uri(cluster.Url) };
        foreach (var path in crds)
            await Manifests.ApplyPathAsync(http, path, stop).ConfigureAwait(false);
        foreach (var node in nodes)
            await AgentNodes.AddAsync(http, node, cancellationToken: stop).ConfigureAwait(false);
    }
}
