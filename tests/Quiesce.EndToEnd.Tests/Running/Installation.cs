using System.Collections.Concurrent;
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
/// <remarks>
/// Tests that cut off, replace or step the clock of single agents run side by side. Those that do something to the operator or to what all share have one of their own
/// (<see cref="OwnInstallation"/>), or are marked <c>[TestClass(DisableParallelization = true)]</c>; they may leave the operator as they like: the next test finds an ordinary one.
/// </remarks>
public sealed class Installation : IAsyncLifetime
{
    private static readonly string Bin = Environment.GetEnvironmentVariable("QUIESCE_BIN") is { Length: > 0 } given ? given : DefaultBin();
    private static readonly ProgramStart Ordinary = new();

    // Of nodes and files: no two tests have the same on this machine.
    private static int numbers;

    private readonly ApiServerOptions options;
    private readonly string folder = Directory.CreateTempSubdirectory("quiesce-end-to-end-").FullName;
    private readonly ConcurrentDictionary<string, Node> nodes = [];
    private readonly SemaphoreSlim turn = new(1);
    private ApiServerUnderTest? server;
    private KubernetesConnection? connection;
    private ProgramRun? operatorRun;
    private ProgramStart operatorStart = Ordinary;

    /// <summary>With an API server as tests have it.</summary>
    public Installation()
        : this(new ApiServerOptions())
    {
    }

    /// <summary>With an API server of another kind.</summary>
    internal Installation(ApiServerOptions options) => this.options = options;

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
        server = await ApiServerUnderTest.StartAsync(options);
        server.WriteKubeconfig(Kubeconfig);
        connection = KubernetesConnection.Create(server.ClientConfiguration());
        await CreateInternalNamespaceAsync();
    }

    /// <summary>Ends every program.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach (var node in nodes.Values) await node.DisposeAsync();
        if (operatorRun is not null) await operatorRun.DisposeAsync();
        connection?.Dispose();
        if (server is not null) await server.DisposeAsync();
        if (Directory.Exists(folder)) Directory.Delete(folder, recursive: true);
    }

    /// <summary>At the start of each test.</summary>
    internal async Task RequireAsync()
    {
        RealKernel.Require();
        await turn.WaitAsync();
        try
        {
            if (operatorRun is not null && operatorStart != Ordinary) await KillOperatorAsync();
            if (operatorRun is { HasExited: true }) Assert.Fail($"the operator has ended: {operatorRun.Said}");
            if (operatorRun is null) await StartOperatorAsync();
        }
        finally
        {
            turn.Release();
        }
    }

    /// <summary>Adds a node of a name no other test has, and starts its agent; it stays to the end of the run.</summary>
    internal async Task<string> AddNodeAsync(IReadOnlyDictionary<string, string>? labels = null)
    {
        var node = await NodeAsync(labels: labels);
        nodes[node.Name] = node;
        return node.Name;
    }

    /// <summary>Adds a node of a name no other test has, and starts its agent.</summary>
    /// <param name="start">How the agent is started.</param>
    /// <param name="ownWay">Whether its way to the API server is one that can be cut.</param>
    /// <param name="labels">Labels of the node object.</param>
    internal async Task<Node> NodeAsync(ProgramStart? start = null, bool ownWay = false, IReadOnlyDictionary<string, string>? labels = null)
    {
        var name = string.Create(CultureInfo.InvariantCulture, $"node-{Interlocked.Increment(ref numbers)}");
        await Server.AddNodeAsync(name, labels);
        var way = ownWay ? OpenWay() : null;
        start ??= new ProgramStart();
        var node = new Node(this, name, way is null ? start : start with { Kubeconfig = way.Kubeconfig }, way);
        await node.StartAgentAsync();
        return node;
    }

    /// <summary>Opens a way to the API server that can be cut.</summary>
    internal Way OpenWay() => Way.Open(Server, NewFile("kubeconfig"));

    /// <summary>The path of a file that no other test has.</summary>
    internal string NewFile(string name) => Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"{name}-{Interlocked.Increment(ref numbers)}"));

    /// <summary>Where the programs are.</summary>
    internal static string Programs => Bin;

    /// <summary>The kubectl plugin.</summary>
    internal static string CliProgram => Path.Combine(Bin, "kubectl-quiesce");

    internal Task StartAgentAsync(string node) => nodes[node].StartAgentAsync();

    internal ProgramRun Agent(string node) => nodes[node].Agent;

    /// <summary>What its agent said last, where it has one.</summary>
    internal string AgentSaid(string node) => nodes.TryGetValue(node, out var there) ? there.AgentSaid : "(not known here)";

    internal Task StopAgentAsync(string node) => nodes[node].StopAgentAsync();

    internal Task KillAgentAsync(string node) => nodes[node].KillAgentAsync();

    internal ProgramRun RunAgent(string node, ProgramStart start) =>
        new(start, Path.Combine(Bin, "quiesce-agent"), "run", "--node-name", node, "--kubeconfig", start.Kubeconfig ?? Kubeconfig);

    /// <summary>Takes the operator out of this object's hands, so that another one can be started beside it.</summary>
    internal ProgramRun DetachOperator()
    {
        var detached = Operator;
        operatorRun = null;
        return detached;
    }

    internal async Task StartOperatorAsync(ProgramStart? start = null)
    {
        RunOperator(start);
        if (operatorStart.Redirection is not null) return;
        await operatorRun!.SaysAsync("controllers started");
        Assert.False(operatorRun.HasExited, $"the operator has ended: {operatorRun.Said}");
    }

    /// <summary>Starts one without waiting for it to work: it may not be its turn.</summary>
    internal void RunOperator(ProgramStart? start = null)
    {
        var program = Path.Combine(Bin, "quiesce-operator");
        if (!File.Exists(program)) Assert.Fail($"{program} does not exist: build it with eng/publish.sh, or name the folder in QUIESCE_BIN");
        operatorStart = start ?? Ordinary;
        // Each test of several nodes then runs with nodes that are called and with nodes that are given their plans, as on the one kind of server so on the other.
        string[] called = operatorStart == Ordinary && Server.Local is not null ? ["--call-from-nodes", "2"] : [];
        operatorRun = new ProgramRun(operatorStart, [program, "--kubeconfig", operatorStart.Kubeconfig ?? Kubeconfig, .. called]);
    }

    internal async Task KillOperatorAsync()
    {
        await operatorRun!.DisposeAsync();
        operatorRun = null;
    }

    /// <summary>Kills the operator and starts one that is started otherwise.</summary>
    internal async Task ReplaceOperatorAsync(ProgramStart start)
    {
        await KillOperatorAsync();
        await StartOperatorAsync(start);
    }

    internal ProgramRun Operator => operatorRun!;

    internal string OperatorSaid => operatorRun?.SaidLast ?? "(not running)";

    /// <summary>kubectl against the server; fails the test when it fails.</summary>
    internal Task<string> KubectlAsync(params string[] arguments) => Command.RunAsync("kubectl", ["--kubeconfig", Kubeconfig, .. arguments]);

    /// <summary>kubectl against the server.</summary>
    internal Task<(int Code, string Output)> TryKubectlAsync(params string[] arguments) => Command.TryAsync("kubectl", ["--kubeconfig", Kubeconfig, .. arguments]);

    /// <summary>Creates the namespace of the internal objects.</summary>
    internal Task CreateInternalNamespaceAsync() => Server.ApplyAsync($"{{apiVersion: v1, kind: Namespace, metadata: {{name: {InternalNames.DefaultNamespace}}}}}");

    private static string DefaultBin()
    {
        for (var place = new DirectoryInfo(AppContext.BaseDirectory); place is not null; place = place.Parent)
            if (File.Exists(Path.Combine(place.FullName, "Quiesce.sln"))) return Path.Combine(place.FullName, "artifacts", "bin");
        return AppContext.BaseDirectory;
    }
}
