using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Quiesce.Benchmarks.Results;
using Quiesce.Crds;
using Quiesce.Crds.Client;
using Quiesce.Operator.Tests.Flows;

namespace Quiesce.Benchmarks.Clusters;

/// <summary>
/// The operator and the API server with very many nodes. The agents are simulated in this process: each follows its plans and its window on watches of its own and reports as a real one
/// does, and freezes nothing.
/// </summary>
internal sealed class ScaleBenchmark(int rounds, IReadOnlyList<int> nodeCounts, int requestsAtOnce)
{
    // Streams of one HTTP/2 connection to a kube-apiserver: 250, of which each agent has two open and uses a third; real agents have a connection each.
    private const int AgentsOfAConnection = 25;
    private const int Writers = 32;
    private const string Alone = "its plans and reports alone, ms";
    private const string Pool = "bench";
    private static readonly AgentScript Ordinary = new();

    internal async Task RunAsync(Report report)
    {
        string[] columns = ["POST to Frozen, ms", "skew, ms", "thaw asked to Thawed, ms", "API requests", "operator, MB resident", "operator, ms of processor"];
        var one = new Table($"One request over all nodes, {rounds} rounds, the agents simulated", "server", [Alone, .. columns]);
        var many = new Table($"{requestsAtOnce} requests at once over 5 nodes each", "server", columns);
        var verbs = new Table("API requests for the whole life of one request, without those of the user and leases; a watch counts when it ends, idle ones of agents among them", "request", [.. nodeCounts.Select(Column)]);
        report.Add(one);
        report.Add(verbs);
        report.Add(many);
        var assets = Installation.Assets[0];
        foreach (var nodes in nodeCounts)
        {
            var row = string.Create(CultureInfo.InvariantCulture, $"{(assets is null ? "local cluster" : "kube-apiserver")}, {Column(nodes)}");
            Console.Error.WriteLine(row);
            await using var installation = await Installation.StartAsync(assets);
            await Parallel.ForEachAsync(
                Enumerable.Range(1, nodes),
                new ParallelOptions { MaxDegreeOfParallelism = 16 },
                async (i, cancel) => await installation.Server.AddNodeAsync(Installation.NodeName(i), new Dictionary<string, string> { ["pool"] = Pool }, cancel));
            var connections = Enumerable.Range(0, (nodes + AgentsOfAConnection - 1) / AgentsOfAConnection)
                .Select(_ => KubernetesConnection.Create(installation.Server.ClientConfiguration(), new ConnectionOptions { UserAgent = "quiesce-bench-agent" })).ToList();
            var agents = Enumerable.Range(1, nodes).Select(i => new FakeAgent(connections[(i - 1) / AgentsOfAConnection], Installation.NodeName(i), null, Ordinary)).ToList();
            try
            {
                await using var watch = new RequestWatch(installation);
                await Task.Delay(TimeSpan.FromSeconds(5 + (nodes / 100.0))); // all watches are open by then
                for (var round = 0; round < rounds; round++)
                {
                    one[row, Alone].Add(await WritesAloneAsync(installation, nodes));
                    await MeasureAsync(installation, watch, one, row, (request, count) => verbs[request, Column(nodes)].Add(count), [new FreezeTarget { HostPath = new HostPathTarget { Path = "/srv/0", NodeSelector = new LabelSelector { MatchLabels = new Dictionary<string, string> { ["pool"] = Pool } } } }]);
                    if (round == 0 && nodes == nodeCounts.Max()) report.Fact("agents", string.Create(CultureInfo.InvariantCulture, $"{nodes} simulated ones in the benchmark's own process, on the same processors as everything else"));
                }
                if (nodes < nodeCounts.Max()) continue;
                await MeasureAsync(installation, watch, many, row, null, [.. Enumerable.Range(0, requestsAtOnce).Select(r => Enumerable.Range(0, 5).Select(n => new FreezeTarget
                {
                    HostPath = new HostPathTarget { Path = "/srv/0", NodeName = Installation.NodeName(1 + (((r * 5) + n) % nodes)) },
                }).ToArray())]);
            }
            finally
            {
                foreach (var agent in agents) await agent.DisposeAsync();
                foreach (var connection in connections) connection.Dispose();
            }
        }
    }

    private static string Column(int nodes) => string.Create(CultureInfo.InvariantCulture, $"{nodes} nodes");

    /// <summary>
    /// The limit: for each node a plan created with its first report in it and a second one written, and nothing else, in a namespace that nobody watches, by as many writers as keep the server busy.
    /// </summary>
    /// <returns>Milliseconds.</returns>
    private static async Task<double> WritesAloneAsync(Installation installation, int nodes)
    {
        var plans = new ResourceClient<NodeFreeze>(installation.Connection, Kinds.NodeFreezes);
        var window = Guid.NewGuid().ToString("D");
        var begin = Stopwatch.GetTimestamp();
        await Parallel.ForEachAsync(Enumerable.Range(1, nodes), new ParallelOptions { MaxDegreeOfParallelism = Writers }, async (i, cancel) =>
        {
            var prepared = new NodeFreezeStatus { Phase = NodeFreezePhase.Prepared, BootID = "boot", AgentInstance = window, Filesystems = [Filesystem(FilesystemState.Prepared)] };
            var plan = await plans.CreateAsync(
                new NodeFreeze
                {
                    Metadata = new()
                    {
                        Name = InternalNames.NodeFreeze(Installation.NodeName(i), 0),
                        NamespaceProperty = installation.Namespace,
                        Annotations = new Dictionary<string, string>
                        {
                            [QuiesceApi.WindowUidAnnotation] = window,
                            [QuiesceApi.PlanIdAnnotation] = InternalNames.PlanId(window, Installation.NodeName(i)),
                            [QuiesceApi.ReportAnnotation] = JsonSerializer.Serialize(prepared, CrdsJson.Default.NodeFreezeStatus),
                        },
                    },
                    Spec = new() { NodeName = Installation.NodeName(i), Request = new() { Namespace = installation.Namespace, Name = "alone", Uid = window }, Window = window, Paths = ["/srv/0"] },
                },
                cancel);
            var frozen = prepared with { Phase = NodeFreezePhase.Frozen, FrozenAt = TimeProvider.System.GetUtcNow(), FrozenFilesystems = 1, Filesystems = [Filesystem(FilesystemState.Frozen)] };
            await plans.PatchStatusAsync(plan, plan with { Status = frozen }, cancel);
        });
        var took = Stopwatch.GetElapsedTime(begin).TotalMilliseconds;
        await Parallel.ForEachAsync(Enumerable.Range(1, nodes), new ParallelOptions { MaxDegreeOfParallelism = Writers }, async (i, cancel) =>
            await plans.DeleteAsync(installation.Namespace, InternalNames.NodeFreeze(Installation.NodeName(i), 0), cancellationToken: cancel));
        return took;

        static FilesystemStatus Filesystem(FilesystemState state) => new() { Path = "/srv/0", State = state, Type = "ext4" };
    }

    private static async Task MeasureAsync(Installation installation, RequestWatch watch, Table table, string row, Action<string, int>? byVerb, params FreezeTarget[][] requests)
    {
        var before = await RequestCounts.ReadAsync(installation.Server);
        var processor = installation.Operator.ProcessorSeconds;
        var names = requests.Select(_ => $"scale-{Guid.NewGuid():n}").ToList();
        var posted = Stopwatch.GetTimestamp();
        await Task.WhenAll(requests.Zip(names, (targets, name) => installation.FreezeRequests.CreateAsync(
            new FreezeRequest
            {
                Metadata = new() { Name = name, NamespaceProperty = installation.Namespace },
                Spec = new FreezeRequestSpec { DeadlineSeconds = 120, FreezeTimeoutSeconds = 60, Targets = targets },
            },
            CancellationToken.None)));
        var frozen = (await Task.WhenAll(names.Select(n => watch.PhaseAsync(n, FreezePhase.Frozen)))).Max();
        table[row, "POST to Frozen, ms"].Add(Stopwatch.GetElapsedTime(posted, frozen).TotalMilliseconds);
        table[row, "skew, ms"].Add(names.Max(n => watch.Seen(n).Status!.SkewMilliseconds ?? 0));
        var asked = Stopwatch.GetTimestamp();
        await Task.WhenAll(names.Select(n => installation.FreezeRequests.PatchAsync(
            installation.Namespace, n, new JsonObject { ["spec"] = new JsonObject { ["desiredState"] = "Thawed" } }, cancellationToken: CancellationToken.None)));
        var thawed = (await Task.WhenAll(names.Select(n => watch.PhaseAsync(n, FreezePhase.Thawed)))).Max();
        table[row, "thaw asked to Thawed, ms"].Add(Stopwatch.GetElapsedTime(asked, thawed).TotalMilliseconds);
        await Task.Delay(TimeSpan.FromSeconds(5)); // what is swept afterwards belongs to it
        var since = RequestCounts.Since(before, await RequestCounts.ReadAsync(installation.Server));
        table[row, "API requests"].Add(since.Where(s => !s.Key.EndsWith(" leases", StringComparison.Ordinal)).Sum(s => s.Value));
        foreach (var (what, count) in since)
        {
            var mine = what is "create freezerequests" or "patch freezerequests" ? names.Count : 0;
            if (count > mine && !what.EndsWith(" leases", StringComparison.Ordinal)) byVerb?.Invoke(what, count - mine);
        }
        table[row, "operator, MB resident"].Add(installation.Operator.PeakMegabytes);
        table[row, "operator, ms of processor"].Add((installation.Operator.ProcessorSeconds - processor) * 1000);
    }
}
