using Quiesce.ApiServers;
using Quiesce.Chaos.Tests.Observing;
using Quiesce.Crds;
using Quiesce.Crds.Client;
using Quiesce.RealFilesystems;

namespace Quiesce.Chaos.Tests.Running;

/// <summary>
/// A whole installation of its own, so that what one round does to its API server or its operator is no other round's matter: an API server, the operator, three nodes, and
/// an ext4, an XFS and a btrfs filesystem, each watched by a <see cref="StandingWriter"/>. One round at a time uses it.
/// </summary>
internal sealed class Lane : IAsyncDisposable
{
    internal const int NodeCount = 3;

    private readonly string folder;
    private readonly List<RealFilesystem> filesystems = [];
    private readonly List<StandingWriter> writers = [];
    private readonly List<LaneNode> nodes = [];
    private ApiServerUnderTest? server;
    private KubernetesConnection? connection;
    private CuttableProxy? operatorWay;
    private ProgramRun? operatorRun;

    private Lane(int number)
    {
        Number = number;
        folder = Directory.CreateTempSubdirectory("quiesce-chaos-").FullName;
    }

    internal int Number { get; }

    internal ApiServerUnderTest Server => server!;

    internal IReadOnlyList<LaneNode> Nodes => nodes;

    internal IReadOnlyList<StandingWriter> Writers => writers;

    /// <summary>The operator's way to the API server.</summary>
    internal CuttableProxy OperatorWay => operatorWay!;

    internal ProgramRun Operator => operatorRun!;

    /// <summary>Whether nodes are called, or are given their plans: the one in every other lane.</summary>
    private bool IsCalled => Number % 2 == 1;

    internal bool OperatorRuns => operatorRun is { HasExited: false };

    internal ResourceClient<FreezeRequest> FreezeRequests => new(connection!, Kinds.FreezeRequests);

    internal ResourceClient<FreezeWindow> FreezeWindows => new(connection!, Kinds.FreezeWindows);

    internal ResourceClient<NodeFreeze> NodeFreezes => new(connection!, Kinds.NodeFreezes);

    internal IReadOnlyList<string> MountPoints => [.. filesystems.Select(f => f.MountPoint)];

    internal static async Task<Lane> CreateAsync(int number)
    {
        var lane = new Lane(number);
        try
        {
            await lane.StartAsync();
            return lane;
        }
        catch
        {
            await lane.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts the operator where none runs; true when it did.</summary>
    internal async Task<bool> StartOperatorAsync()
    {
        if (OperatorRuns) return false;
        if (operatorRun is not null) await operatorRun.DisposeAsync();
        // On another machine in a cluster: its starts must not take the processors from the agents, whose times are looked at.
        operatorRun = new ProgramRun([.. Starter.StopWith, "nice", "-n", "10"], [Programs.Operator, "--kubeconfig", OperatorKubeconfig, .. IsCalled ? ["--call-from-nodes", "2"] : Array.Empty<string>()]);
        return true;
    }

    internal bool SignalOperator(int signal) => operatorRun is not null && operatorRun.Signal(signal);

    /// <summary>Ends the nodes, and with them the mount namespaces that keep the filesystems busy.</summary>
    internal async Task EndNodesAsync()
    {
        foreach (var node in nodes) await node.DisposeAsync();
        nodes.Clear();
    }

    public async ValueTask DisposeAsync()
    {
        await EndNodesAsync();
        foreach (var writer in writers) await writer.DisposeAsync();
        foreach (var filesystem in filesystems) await filesystem.DisposeAsync();
        if (operatorRun is not null) await operatorRun.DisposeAsync();
        if (operatorWay is not null) await operatorWay.DisposeAsync();
        connection?.Dispose();
        if (server is not null) await server.DisposeAsync();
        Directory.Delete(folder, recursive: true);
    }

    private string OperatorKubeconfig => Path.Combine(folder, "operator.kubeconfig");

    private async Task StartAsync()
    {
        server = await ApiServerUnderTest.StartAsync();
        connection = KubernetesConnection.Create(server.ClientConfiguration());
        await server.ApplyAsync($"{{apiVersion: v1, kind: Namespace, metadata: {{name: {InternalNames.DefaultNamespace}}}}}");
        await server.ApplyAsync($"{{apiVersion: v1, kind: Namespace, metadata: {{name: {Namespace}}}}}");
        operatorWay = CuttableProxy.Start(server, OperatorKubeconfig);
        _ = await StartOperatorAsync();
        foreach (var kind in Enum.GetValues<FilesystemKind>()) filesystems.Add(await RealFilesystem.CreateAsync(kind));
        foreach (var filesystem in filesystems) writers.Add(await StandingWriter.StartAsync(filesystem));
        for (var i = 0; i < NodeCount; i++) nodes.Add(await LaneNode.CreateAsync($"node-{Number}-{i}", server, folder));
        await Eventually.TrueAsync(() => Operator.HasExited || Operator.Said.Contains("NodeFreeze: in step with the API server", StringComparison.Ordinal), () => $"the operator is in step with the API server: {Operator.Said}");
        if (Operator.HasExited) throw new InvalidOperationException($"the operator has ended: {Operator.Said}");
    }

    /// <summary>Where this lane's requests are.</summary>
    internal static string Namespace => "chaos";
}
