using System.Globalization;
using Quiesce.ApiServers;
using Quiesce.Crds;
using Quiesce.Crds.Client;

namespace Quiesce.Benchmarks.Clusters;

/// <summary>An API server with the operator, and as many nodes with real agents as are asked for.</summary>
internal sealed class Installation : IAsyncDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("quiesce-bench-").FullName;
    private readonly List<ChildProgram> agents = [];

    private Installation(ApiServerUnderTest server)
    {
        Server = server;
        server.WriteKubeconfig(Kubeconfig);
        Connection = KubernetesConnection.Create(server.ClientConfiguration(), new ConnectionOptions { UserAgent = "quiesce-bench" });
    }

    internal ApiServerUnderTest Server { get; }

    internal KubernetesConnection Connection { get; }

    internal ChildProgram Operator { get; private set; } = null!;

    internal IReadOnlyList<ChildProgram> Agents => agents;

    internal string Namespace { get; private set; } = "";

    internal ResourceClient<FreezeRequest> FreezeRequests => new(Connection, Kinds.FreezeRequests);

    private string Kubeconfig => Path.Combine(folder, "kubeconfig");

    /// <summary>The servers there are: the local cluster, and the kube-apiserver that the environment names.</summary>
    internal static IReadOnlyList<string?> Assets => Environment.GetEnvironmentVariable("QUIESCE_BENCH_ASSETS") is { Length: > 0 } assets ? [assets, null] : [null];

    /// <summary>Starts one without nodes.</summary>
    /// <param name="assets">The folder with kube-apiserver and etcd; null for the local cluster.</param>
    internal static async Task<Installation> StartAsync(string? assets)
    {
        Environment.SetEnvironmentVariable(ApiServerUnderTest.AssetsVariable, assets);
        var installation = new Installation(await ApiServerUnderTest.StartAsync());
        try
        {
            await installation.Server.ApplyAsync($"{{apiVersion: v1, kind: Namespace, metadata: {{name: {InternalNames.DefaultNamespace}}}}}");
            installation.Namespace = await installation.Server.CreateNamespaceAsync("bench");
            installation.Operator = await ChildProgram.StartAsync(Programs.Operator, "controllers started", "--kubeconfig", installation.Kubeconfig, "--max-requests-per-namespace", "1000");
            return installation;
        }
        catch
        {
            await installation.DisposeAsync();
            throw;
        }
    }

    internal static string NodeName(int index) => string.Create(CultureInfo.InvariantCulture, $"node-{index}");

    /// <summary>Adds a node with an agent.</summary>
    internal async Task<ChildProgram> AddAgentAsync(int index)
    {
        await Server.AddNodeAsync(NodeName(index));
        var agent = await ChildProgram.StartAsync(Programs.Agent, "serving node", "run", "--node-name", NodeName(index), "--kubeconfig", Kubeconfig);
        agents.Add(agent);
        return agent;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var agent in agents) await agent.DisposeAsync();
        if (Operator is not null) await Operator.DisposeAsync();
        Connection.Dispose();
        await Server.DisposeAsync();
        Directory.Delete(folder, recursive: true);
    }
}
