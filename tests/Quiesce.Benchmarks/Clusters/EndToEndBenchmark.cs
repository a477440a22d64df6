using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Quiesce.Benchmarks.Results;
using Quiesce.Crds;
using Quiesce.RealFilesystems;

namespace Quiesce.Benchmarks.Clusters;

/// <summary>From the POST of a request to <c>Frozen</c> on a watch, and from the wish to thaw to <c>Thawed</c>, with real agents and filesystems; and what it took of the API server.</summary>
internal sealed class EndToEndBenchmark(int rounds, IReadOnlyList<int> nodeCounts)
{
    private const string ToFrozen = "POST to Frozen";
    private const string Limit = "round trips in sequence";
    private const string ToThawed = "thaw asked to Thawed";
    private static readonly TimeSpan Cold = TimeSpan.FromSeconds(1.2);

    internal async Task RunAsync(Report report)
    {
        var times = new Table(
            $"End to end, in milliseconds; median (least–most) of {rounds} rounds. Beside it the limit, and the ratio to it: one write after the other that the way to Frozen needs, each until a watch shows it, on the same server right before",
            "server", [ToFrozen, ToThawed, Limit], Limit);
        var requests = new Table("API requests for the whole life of one request, without those of the user", "request", [.. Installation.Assets.SelectMany(a => nodeCounts.Select(n => Column(a, n)))]);
        report.Add(times);
        report.Add(requests);
        foreach (var assets in Installation.Assets)
        {
            foreach (var nodes in nodeCounts)
            {
                Console.Error.WriteLine(Column(assets, nodes));
                await RunAsync(report, times, requests, assets, nodes);
            }
        }
    }

    private static string Column(string? assets, int nodes) => string.Create(CultureInfo.InvariantCulture, $"{(assets is null ? "local cluster" : "kube-apiserver")}, {nodes} node{(nodes == 1 ? "" : "s")}");

    private async Task RunAsync(Report report, Table times, Table requests, string? assets, int nodes)
    {
        var column = Column(assets, nodes);
        await using var installation = await Installation.StartAsync(assets);
        report.Fact(column, installation.Server.Name);
        var filesystems = new List<RealFilesystem>();
        try
        {
            for (var node = 1; node <= nodes; node++)
            {
                filesystems.Add(await RealFilesystem.CreateAsync(FilesystemKind.Ext4));
                _ = await installation.AddAgentAsync(node);
            }
            await using var watch = new RequestWatch(installation);
            for (var round = -1; round < rounds; round++)
            {
                await Task.Delay(Cold);
                using var guard = Guard.Start(TimeSpan.FromSeconds(90), filesystems.Select(f => f.MountPoint));
                await RoundAsync(installation, watch, filesystems, $"round-{(round + 1).ToString(CultureInfo.InvariantCulture)}", round < 0 ? null : times, requests, column);
            }
        }
        finally
        {
            foreach (var filesystem in filesystems) await filesystem.DisposeAsync();
        }
    }

    // The first one is to warm up, and is not counted.
    private static async Task RoundAsync(Installation installation, RequestWatch watch, List<RealFilesystem> filesystems, string name, Table? times, Table requests, string column)
    {
        // The request, its finalizer, the window, the plan, the node's report, the request's status; of several nodes also their reports of Prepared, the freeze and its confirmation.
        var steps = filesystems.Count == 1 ? 6 : 9;
        var limit = 0.0;
        if (times is not null)
        {
            // The same kind of object, which has ended: nobody does anything about it.
            for (var step = 0; step < steps; step++) limit += await RoundTripAsync(installation, step);
        }
        var before = await RequestCounts.ReadAsync(installation.Server);
        var request = new FreezeRequest
        {
            Metadata = new() { Name = name, NamespaceProperty = installation.Namespace },
            Spec = new FreezeRequestSpec
            {
                DeadlineSeconds = 20,
                Targets = [.. filesystems.Select((f, i) => new FreezeTarget { HostPath = new HostPathTarget { NodeName = Installation.NodeName(i + 1), Path = f.MountPoint } })],
            },
        };
        var posted = Stopwatch.GetTimestamp();
        _ = await installation.FreezeRequests.CreateAsync(request, CancellationToken.None);
        var frozen = await watch.PhaseAsync(name, FreezePhase.Frozen);
        var asked = Stopwatch.GetTimestamp();
        _ = await installation.FreezeRequests.PatchAsync(installation.Namespace, name, new JsonObject { ["spec"] = new JsonObject { ["desiredState"] = "Thawed" } }, cancellationToken: CancellationToken.None);
        var thawed = await watch.PhaseAsync(name, FreezePhase.Thawed);
        await Task.Delay(TimeSpan.FromSeconds(2)); // what is swept afterwards belongs to its life
        if (times is null) return;
        times[column, ToFrozen].Add(Milliseconds(posted, frozen));
        times[column, ToThawed].Add(Milliseconds(asked, thawed));
        times[column, Limit].Add(limit);
        var after = RequestCounts.Since(before, await RequestCounts.ReadAsync(installation.Server));
        foreach (var (what, count) in after)
        {
            var mine = what is "create freezerequests" or "patch freezerequests" ? 1 : 0;
            if (count > mine) requests[what, column].Add(count - mine);
        }
        requests["writes in all, without Events and leases", column].Add(after.Where(a => RequestCounts.IsWrite(a.Key)).Sum(a => a.Value) - 2);
    }

    private static async Task<double> RoundTripAsync(Installation installation, int step)
    {
        using var enough = new CancellationTokenSource(TimeSpan.FromSeconds(10));
        var value = $"{step.ToString(CultureInfo.InvariantCulture)}-{Guid.NewGuid():n}";
        var seen = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var synced = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var following = Task.Run(async () =>
        {
            try
            {
                await foreach (var change in new Crds.Client.ListWatch<FreezeRequest>(installation.FreezeRequests, new() { Namespace = installation.Namespace }).FollowAsync(enough.Token))
                {
                    if (change is Crds.Client.WatchEvent<FreezeRequest>.Synced) synced.TrySetResult();
                    if (change is Crds.Client.WatchEvent<FreezeRequest>.Modified(var item) && item.Metadata.Annotations?.TryGetValue("bench", out var now) is true && now == value) seen.TrySetResult();
                }
            }
            catch (OperationCanceledException)
            {
                // Enough seen.
            }
        });
        await synced.Task.WaitAsync(enough.Token);
        await Task.Delay(20, enough.Token); // its watch is open by now
        var started = Stopwatch.GetTimestamp();
        _ = await installation.FreezeRequests.PatchAsync(installation.Namespace, "round-0", new JsonObject { ["metadata"] = new JsonObject { ["annotations"] = new JsonObject { ["bench"] = value } } }, cancellationToken: enough.Token);
        await seen.Task.WaitAsync(enough.Token);
        var took = Milliseconds(started, Stopwatch.GetTimestamp());
        await enough.CancelAsync();
        await following;
        return took;
    }

    private static double Milliseconds(long from, long to) => Stopwatch.GetElapsedTime(from, to).TotalMilliseconds;
}
