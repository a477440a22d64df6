using System.CommandLine;

namespace Quiesce.Cluster;

/// <summary><c>quiesce-local-cluster</c>: the local cluster as a program of its own.</summary>
internal static class LocalClusterProgram
{
    public static Task<int> RunAsync(string[] args)
    {
        var port = new Option<int>("--port") { Description = "TCP port on 127.0.0.1; 0 takes a free one" };
        var kubeconfig = new Option<string?>("--kubeconfig") { Description = "file to write a kubeconfig to", HelpName = "FILE" };
        var verbose = new Option<bool>("--verbose") { Description = "write a line for every request to standard error" };
        var root = new RootCommand("A small Kubernetes API server for trying and testing Quiesce without a cluster. Keeps nothing when it ends.") { port, kubeconfig, verbose };
        root.SetAction((parsed, token) => ServeAsync(parsed.GetValue(port), parsed.GetValue(kubeconfig), parsed.GetValue(verbose), token));
        return root.Parse(args).InvokeAsync();
    }

    private static async Task<int> ServeAsync(int port, string? kubeconfig, bool verbose, CancellationToken token)
    {
        await using var cluster = await LocalCluster.StartAsync(new LocalClusterOptions
        {
            Port = port,
            OnServed = verbose ? request => Console.Error.WriteLine(request) : null,
        }).ConfigureAwait(false);
        if (kubeconfig is not null)
            cluster.WriteKubeconfig(kubeconfig);
        Console.WriteLine($"local cluster ready at {cluster.Url}");
        await Task.Delay(Timeout.Infinite, token).ContinueWith(_ => { }, TaskScheduler.Default).ConfigureAwait(false);
        return 0;
    }
}
