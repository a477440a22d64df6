using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using k8s.Models;
using Quiesce.ApiServers;
using Quiesce.Chaos.Tests.Running;
using Quiesce.Crds;
using Quiesce.Crds.Client;
using Quiesce.RealFilesystems;

namespace Quiesce.Chaos.Tests.Soak;

/// <summary>
/// Very many freezes and thaws by one agent process, several filesystems side by side, and the objects of each written as the operator writes them. Between them the
/// agent is looked at while it is idle.
/// </summary>
internal sealed class SoakRun : IAsyncDisposable
{
    // Two of each kind, and with them two windows for each processor of a small machine.
    private const int FilesystemsOfEachKind = 2;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly string folder = Directory.CreateTempSubdirectory("quiesce-soak-").FullName;
    private readonly List<RealFilesystem> filesystems = [];
    private readonly ConcurrentDictionary<string, TaskCompletionSource<NodeFreezeStatus>> waiting = new();
    private readonly CancellationTokenSource over = new();
    private ApiServerUnderTest? server;
    private KubernetesConnection? connection;
    private LaneNode? node;
    private Task following = Task.CompletedTask;

    private SoakRun()
    {
    }

    /// <summary>Runs a number of cycles.</summary>
    /// <param name="cycles">How many, over all filesystems.</param>
    /// <param name="say">Told a line now and then.</param>
    internal static async Task<SoakResult> RunAsync(int cycles, Action<string> say)
    {
        await using var run = new SoakRun();
        await run.StartAsync();
        await using var expedited = new ExpeditedRcu();
        return await run.SoakAsync(cycles, say);
    }

    public async ValueTask DisposeAsync()
    {
        await over.CancelAsync();
        await following;
        if (node is not null) await node.DisposeAsync();
        foreach (var filesystem in filesystems) await filesystem.DisposeAsync();
        connection?.Dispose();
        if (server is not null) await server.DisposeAsync();
        over.Dispose();
        Directory.Delete(folder, recursive: true);
    }

    private ResourceClient<FreezeWindow> Windows => new(connection!, Kinds.FreezeWindows);

    private ResourceClient<NodeFreeze> NodeFreezes => new(connection!, Kinds.NodeFreezes);

    private async Task StartAsync()
    {
        server = await ApiServerUnderTest.StartAsync();
        connection = KubernetesConnection.Create(server.ClientConfiguration());
        await server.ApplyAsync($"{{apiVersion: v1, kind: Namespace, metadata: {{name: {InternalNames.DefaultNamespace}}}}}");
        for (var i = 0; i < FilesystemsOfEachKind; i++)
            foreach (var kind in Enum.GetValues<FilesystemKind>()) filesystems.Add(await RealFilesystem.CreateAsync(kind));
        node = await LaneNode.CreateAsync("soak", server, folder);
        following = FollowAsync();
    }

    private async Task<SoakResult> SoakAsync(int cycles, Action<string> say)
    {
        var age = Stopwatch.StartNew();
        var samples = new List<Sample>();
        // Long enough for each to be a pause worth it, short enough for three dozen of them.
        var step = Math.Max(filesystems.Count, cycles / 36 / filesystems.Count * filesystems.Count);
        var told = 0;
        for (var done = 0; done < cycles;)
        {
            using (Guard.Start(Patience + Patience + Patience, filesystems.Select(f => f.MountPoint)))
            {
                var next = Math.Min(step, cycles - done);
                await Task.WhenAll(filesystems.Select((f, i) => CyclesAsync(f, i, done, (next / filesystems.Count) + (i < next % filesystems.Count ? 1 : 0))));
                done += next;
            }
            samples.Add(await SampleAsync(done));
            if (done * 10 / cycles == told) continue;
            told = done * 10 / cycles;
            say(string.Create(CultureInfo.InvariantCulture, $"{done} cycles, {age.Elapsed.TotalSeconds:0} s: {samples[^1]}"));
        }
        // The first fifth warms up: code is paged in, pools and heaps grow to what the load needs.
        var warm = samples.Skip(samples.Count / 5).ToList();
        return new SoakResult(cycles, age.Elapsed, Sample.Median([.. warm.Take(warm.Count / 3)]), Sample.Median([.. warm.TakeLast(warm.Count / 3)]));
    }

    private async Task CyclesAsync(RealFilesystem filesystem, int place, int from, int count)
    {
        for (var i = 0; i < count; i++)
        {
            var uid = Guid.NewGuid().ToString();
            var request = new RequestReference { Namespace = "soak", Name = string.Create(CultureInfo.InvariantCulture, $"cycle-{from}-{i}"), Uid = uid };
            var (window, name) = (InternalNames.Window(uid), InternalNames.NodeFreeze(node!.Name, place));
            _ = await Windows.CreateAsync(
                new FreezeWindow { Metadata = Metadata(window, uid), Spec = new() { Request = request, DesiredState = WindowState.Frozen, DeadlineSeconds = 60, Confirmed = true } }, over.Token);
            var frozen = NextReport(name);
            _ = await NodeFreezes.CreateAsync(
                new NodeFreeze { Metadata = Metadata(name, uid), Spec = new() { NodeName = node.Name, Request = request, Window = window, Paths = [filesystem.MountPoint], FreezeTimeoutSeconds = 30 } }, over.Token);
            Expect(await frozen.WaitAsync(Patience), NodeFreezePhase.Frozen);
            var thawed = NextReport(name);
            _ = await Windows.PatchAsync(InternalNames.DefaultNamespace, window, new JsonObject { ["spec"] = new JsonObject { ["desiredState"] = nameof(WindowState.Thawed) } }, cancellationToken: over.Token);
            Expect(await thawed.WaitAsync(Patience), NodeFreezePhase.Thawed);
            _ = await NodeFreezes.DeleteAsync(InternalNames.DefaultNamespace, name, cancellationToken: over.Token);
            _ = await Windows.DeleteAsync(InternalNames.DefaultNamespace, window, cancellationToken: over.Token);
        }

        void Expect(NodeFreezeStatus status, NodeFreezePhase phase)
        {
            if (status.Phase != phase) throw new InvalidOperationException($"{filesystem.MountPoint} is {status.Phase}, {status.Reason}: {status.Message}, instead of {phase}\n{node!.Agent!.Said}");
        }
    }

    private static V1ObjectMeta Metadata(string name, string uid) => new()
    {
        Name = name,
        NamespaceProperty = InternalNames.DefaultNamespace,
        Labels = new Dictionary<string, string> { [QuiesceApi.RequestUidLabel] = uid },
    };

    private Task<NodeFreezeStatus> NextReport(string name)
    {
        var report = new TaskCompletionSource<NodeFreezeStatus>(TaskCreationOptions.RunContinuationsAsynchronously);
        waiting[name] = report;
        return report.Task;
    }

    // The agent's reports come to those that wait for them; those of what is under way are passed over.
    private async Task FollowAsync()
    {
        var follow = new ListWatch<NodeFreeze>(NodeFreezes, new ListWatchOptions { Namespace = InternalNames.DefaultNamespace });
        try
        {
            await foreach (var change in follow.FollowAsync(over.Token))
            {
                var item = change switch
                {
                    WatchEvent<NodeFreeze>.Added added => added.Item,
                    WatchEvent<NodeFreeze>.Modified modified => modified.Item,
                    _ => null,
                };
                if (item?.Status is { Phase: NodeFreezePhase.Frozen or >= NodeFreezePhase.Thawed } status && waiting.TryRemove(item.Metadata.Name, out var report)) report.SetResult(status);
            }
        }
        catch (OperationCanceledException)
        {
            // The soak is over.
        }
    }

    // Idle: no window, and what the last ones left has gone.
    private async Task<Sample> SampleAsync(int cycles)
    {
        if (await node!.LeaksAsync() is { Count: > 0 } leaks) throw new InvalidOperationException($"after {cycles} cycles: {string.Join("; ", leaks)}");
        var agent = node.Agent!.Id;
        return new Sample(cycles, ProcessTable.AnonymousBytes(agent), ProcessTable.ResidentBytes(agent), ProcessTable.Descriptors(agent).Count, ProcessTable.Threads(agent).Count);
    }
}
