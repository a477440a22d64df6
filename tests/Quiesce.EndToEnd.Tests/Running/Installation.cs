using System.Globalization;
using Quiesce.ApiServers;
using Quiesce.Crds;
using Quiesce.Crds.Client;
using Quiesce.RealFilesystems;

namespace Quiesce.EndToEnd.Tests.Running;

/// <summary>
/// Quiesce as it is installed, for all tests: an API server (a real one where the environment names one), the operator as a process of its own,
/// and for each node a test asks for an agent, the native program.
/// </summary>
public sealed class Installation : IAsyncLifetime
{
    private static readonly string Bin = Environment.GetEnvironmentVariable("QUIESCE_BIN") is { Length: > 0 } given ? given : DefaultBin();

    private readonly string folder = Path.Combine(Path.GetTempPath(), string.Create(CultureInfo.InvariantCulture, $"quiesce-end-to-end-{Environment.ProcessId}"));
    private readonly Dictionary<string, ProgramRun> agents = [];
    private ApiServerUnderTest? server;
    private KubernetesConnection? connection;
    private ProgramRun? operatorRun;
    private int nodes;

    /// <summary>The API server.</summary>
    internal ApiServerUnderTest Server => server!;

    /// <summary>Everything is allowed over it.</summary>
    internal KubernetesConnection Connection => connection!;

    /// <summary>For kubectl.</summary>
    internal string Kubeconfig => Path.Combine(folder, "kubeconfig");

    internal ResourceClient<FreezeRequest> FreezeRequests => new(Connection, Kinds.FreezeRequests);

    internal ResourceClient<ThawRequest> ThawRequests => new(Connection, Kinds.ThawRequests);

    internal ResourceClient<FreezeWindow> FreezeWindows => new(Connection, Kinds.FreezeWindows);

    internal ResourceClient<NodeFreeze> NodeFreezes => new(Connection, Kinds.NodeFreezes);

    /// <inheritdoc/>
    public async ValueTask InitializeAsync()
    {
        if (RealKernel.Missing is not null) return; // each test says so
        Directory.CreateDirectory(folder);
        server = await ApiServerUnderTest.StartAsync();
        server.WriteKubeconfig(Kubeconfig);
        connection = KubernetesConnection.Create(server.ClientConfiguration());
        await server.ApplyAsync($"{{apiVersion: v1, kind: Namespace, metadata: {{name: {InternalNames.DefaultNamespace}}}}}");
        await StartOperatorAsync();
    }

    /// <summary>Ends every program.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach (var agent in agents.Values)
        {
            await agent.StopAsync();
            await agent.DisposeAsync();
        }
        if (operatorRun is not null) await operatorRun.DisposeAsync();
        connection?.Dispose();
        if (server is not null) await server.DisposeAsync();
        if (Directory.Exists(folder)) Directory.Delete(folder, recursive: true);
    }

    /// <summary>At the start of each test.</summary>
    internal async Task RequireAsync()
    {
        RealKernel.Require();
        if (operatorRun is { HasExited: true }) Assert.Fail($"the operator has ended: {operatorRun.Said}");
        if (operatorRun is null) await StartOperatorAsync();
    }

    /// <summary>Adds a node of a name no other test has, and starts its agent.</summary>
    internal async Task<string> AddNodeAsync(IReadOnlyDictionary<string, string>? labels = null)
    {
        var name = string.Create(CultureInfo.InvariantCulture, $"node-{++nodes}");
        await Server.AddNodeAsync(name, labels);
        await StartAgentAsync(name);
        return name;
    }

    internal async Task StartAgentAsync(string node)
    {
        var agent = new ProgramRun(Path.Combine(Bin, "quiesce-agent"), "run", "--node-name", node, "--kubeconfig", Kubeconfig);
        agents[node] = agent;
        await agent.SaysAsync("serving node");
        Assert.False(agent.HasExited, $"the agent of {node} has ended: {agent.Said}");
    }

    internal ProgramRun Agent(string node) => agents[node];

    internal async Task StopAgentAsync(string node)
    {
        await agents[node].StopAsync();
        await agents[node].DisposeAsync();
        agents.Remove(node);
    }

    internal async Task KillAgentAsync(string node)
    {
        await agents[node].DisposeAsync();
        agents.Remove(node);
    }

    internal async Task StartOperatorAsync()
    {
        var program = Path.Combine(Bin, "operator", "quiesce-operator.dll");
        if (!File.Exists(program)) Assert.Fail($"{program} does not exist: build it with eng/publish.sh, or name the folder in QUIESCE_BIN");
        operatorRun = new ProgramRun("dotnet", program, "--kubeconfig", Kubeconfig);
        await Eventually.TrueAsync(() => operatorRun.Said.Length > 0 || operatorRun.HasExited, "a first word of the operator");
        Assert.False(operatorRun.HasExited, $"the operator has ended: {operatorRun.Said}");
    }

    internal async Task KillOperatorAsync()
    {
        await operatorRun!.DisposeAsync();
        operatorRun = null;
    }

    internal string OperatorSaid => operatorRun?.Said ?? "(not running)";

    /// <summary>kubectl against the server; fails the test when it fails.</summary>
    internal Task<string> KubectlAsync(params string[] arguments) => Command.RunAsync("kubectl", ["--kubeconfig", Kubeconfig, .. arguments]);

    /// <summary>kubectl against the server.</summary>
    internal Task<(int Code, string Output)> TryKubectlAsync(params string[] arguments) => Command.TryAsync("kubectl", ["--kubeconfig", Kubeconfig, .. arguments]);

    private static string DefaultBin()
    {
        for (var place = new DirectoryInfo(AppContext.BaseDirectory); place is not null; place = place.Parent)
            if (File.Exists(Path.Combine(place.FullName, "Quiesce.sln"))) return Path.Combine(place.FullName, "artifacts", "bin");
        return AppContext.BaseDirectory;
    }
}
