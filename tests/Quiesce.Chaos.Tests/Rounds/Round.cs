using System.Globalization;
using System.Text.Json.Nodes;
using Quiesce.Chaos.Tests.Observing;
using Quiesce.Chaos.Tests.Running;
using Quiesce.Crds;
using Quiesce.Crds.Client;
using Quiesce.RealFilesystems;

namespace Quiesce.Chaos.Tests.Rounds;

/// <summary>
/// One round on a lane: a request, faults at their instants, everything made good again, and a look at what is left. It tells apart what was promised from what it
/// did itself: while it stopped or killed both agent and holder of a node, nobody could thaw, and the bound counts from the first of them that could again.
/// </summary>
internal sealed class Round
{
    // From the moment everything runs and passes again: a node that stays silent is given up after its deadline and five seconds.
    private static readonly TimeSpan EndBound = TimeSpan.FromSeconds(40);

    // The process that thaws whatever becomes of this one, see Guard; longer than any round.
    private static readonly TimeSpan GuardTime = TimeSpan.FromSeconds(120);

    // From the request to its freeze, on a busy machine.
    private static readonly TimeSpan SlowFreeze = TimeSpan.FromMilliseconds(500);

    private readonly Lane lane;
    private readonly RoundPlan plan;
    private readonly Story story = new();
    private readonly Schedule schedule;
    private readonly FaultActor faults;
    private readonly List<SeenPhase> phases = [];
    private readonly string name;
    private readonly CancellationTokenSource over = new();
    private TimeSpan? goneAt;
    private TimeSpan? thawAskedAt;
    private TimeSpan? deleteAskedAt;

    private Round(Lane lane, RoundPlan plan)
    {
        (this.lane, this.plan) = (lane, plan);
        schedule = new Schedule(story.Zero);
        faults = new FaultActor(lane, plan, story, schedule);
        name = string.Create(CultureInfo.InvariantCulture, $"round-{(uint)plan.Seed}-{(long)story.Zero.TotalMilliseconds}");
    }

    /// <summary>Runs it.</summary>
    /// <exception cref="Exception">The lane is in a state that cannot be mended.</exception>
    internal static async Task<RoundResult> RunAsync(Lane lane, RoundPlan plan)
    {
        var round = new Round(lane, plan);
        try
        {
            return await round.RunAsync();
        }
        catch (Exception e) when (e is TimeoutException or InvalidOperationException or KubernetesApiException)
        {
            return await round.BrokenOffAsync(e);
        }
    }

    private async Task<RoundResult> RunAsync()
    {
        using var guard = Guard.Start(GuardTime, lane.MountPoints);
        foreach (var node in lane.Nodes) node.BeginRound();
        var marks = lane.Writers.Select(w => w.Mark).ToList();
        var request = await lane.FreezeRequests.CreateAsync(Request(), CancellationToken.None);
        faults.Uid = request.Metadata.Uid;
        story.Tell($"request {name} created, uid {faults.Uid}");
        var watching = WatchAsync();
        foreach (var fault in plan.Faults) faults.Plan(fault);
        var asked = new List<Task>();
        if (plan.ThawAt is { } thaw) schedule.Add(thaw, () => Later(asked, ThawAsync));
        if (plan.Raise is { } raise) schedule.Add(raise.At, () => Later(asked, () => PatchAsync($"deadline raised to {raise.Seconds} s", new JsonObject { ["deadlineSeconds"] = raise.Seconds })));
        if (plan.DeleteAt is { } delete) schedule.Add(delete, () => Later(asked, DeleteAsync));
        await schedule.RunAsync();

        // What is never made good is left alone until the promise is due.
        var hold = TimeSpan.FromSeconds(plan.LongestDeadlineSeconds) + Judge.Grace + TimeSpan.FromMilliseconds(200);
        _ = await Eventually.IsAsync(() => lane.Writers.All(w => w.StandsSince is not { } since || BootTime.Now > since + hold) && (IsOver || BootTime.Now > story.Zero + hold + SlowFreeze), EndBound);
        story.Tell("everything is made good");
        await faults.MakeGoodAsync();
        await faults.SettledAsync();
        await Task.WhenAll(asked);
        var ended = await Eventually.IsAsync(() => IsOver, EndBound);
        var free = await Eventually.IsAsync(() => lane.Writers.All(w => w.StandsSince is null), Judge.Grace + Judge.Grace);
        await Task.Delay(100); // a freeze that comes again would be seen
        foreach (var node in lane.Nodes)
            if (node.ContinueHolders() is { Count: > 0 } on) story.Tell($"{node.Name}: SIGCONT to holder {string.Join(" ", on)}, which its agent's successor had no need to end");
        var evidence = Evidence(marks);
        var wrong = new List<string>(lane.Writers.Select(w => w.Fault).OfType<string>());
        if (!free) wrong.AddRange(await ThawAsStrangerAsync());
        if (ended) wrong.AddRange(await DeletedAsync());
        await over.CancelAsync();
        await watching;
        foreach (var node in lane.Nodes)
        {
            await node.ServesAsync();
            var leaks = await node.LeaksAsync();
            wrong.AddRange(leaks);
            if (leaks.Count > 0) await node.CleanAsync();
        }
        // From here on it is allowed to disturb: nothing may be frozen, also to somebody who asks the kernel.
        wrong.AddRange(lane.MountPoints.Where(FreezeProbe.IsFrozen).Select(p => $"{p} is frozen at the end of the round"));
        var judgement = Judge.Of(evidence);
        TellTheRest(evidence);
        return new RoundResult(plan, judgement, EndText(evidence), faults.Done, wrong, story.Lines);
    }

    // What was never to happen, such as an agent that does not come up, is told with all that led to it, and the lane is made anew.
    private async Task<RoundResult> BrokenOffAsync(Exception error)
    {
        await over.CancelAsync();
        await faults.MakeGoodAsync();
        var wrong = new List<string> { error.ToString() };
        wrong.AddRange(await ThawAsStrangerAsync());
        foreach (var node in lane.Nodes)
        {
            foreach (var (at, text) in node.Agent!.Lines.Where(l => l.At > story.Zero)) story.Tell(at, $"  {node.Name} says: {text}");
            await node.CleanAsync();
        }
        return new RoundResult(plan, new Judgement { Violations = wrong }, "(broken off)", faults.Done, [], story.Lines);
    }

    private bool IsOver
    {
        get
        {
            lock (phases) return goneAt is not null || phases.Any(p => p.Phase >= FreezePhase.Thawed);
        }
    }

    private FreezeRequest Request() => new()
    {
        Metadata = new() { Name = name, NamespaceProperty = Lane.Namespace },
        Spec = new()
        {
            DeadlineSeconds = plan.DeadlineSeconds,
            FreezeTimeoutSeconds = 5,
            Targets = [.. plan.Targets.Select(t => new FreezeTarget { HostPath = new HostPathTarget { NodeName = lane.Nodes[t.Node].Name, Path = lane.Writers[t.Filesystem].Filesystem.MountPoint } })],
        },
    };

    private static Task Later(List<Task> tasks, Func<Task> act)
    {
        tasks.Add(act());
        return Task.CompletedTask;
    }

    private Task ThawAsync()
    {
        thawAskedAt = BootTime.Now;
        return PatchAsync("thaw asked for", new JsonObject { ["desiredState"] = "Thawed" });
    }

    private async Task PatchAsync(string what, JsonObject spec)
    {
        story.Tell(what);
        try
        {
            _ = await lane.FreezeRequests.PatchAsync(Lane.Namespace, name, new JsonObject { ["spec"] = spec }, cancellationToken: CancellationToken.None);
        }
        catch (KubernetesApiException e)
        {
            story.Tell($"{what}: refused, {e.Message}");
        }
    }

    private async Task DeleteAsync()
    {
        deleteAskedAt = BootTime.Now;
        story.Tell("request deleted");
        try
        {
            _ = await lane.FreezeRequests.DeleteAsync(Lane.Namespace, name, cancellationToken: CancellationToken.None);
        }
        catch (KubernetesApiException e)
        {
            story.Tell($"request deleted: refused, {e.Message}");
        }
    }

    // Follows the request's status by asking for it, over a connection of the suite's own.
    private async Task WatchAsync()
    {
        while (!over.IsCancellationRequested && goneAt is null)
        {
            try
            {
                var request = await lane.FreezeRequests.GetAsync(Lane.Namespace, name, CancellationToken.None);
                if (request is null)
                {
                    story.Tell("request is gone");
                    lock (phases) goneAt = BootTime.Now;
                }
                else if (request.Status is { } status && (phases.Count == 0 || phases[^1].Phase != status.Phase))
                {
                    var seen = new SeenPhase(BootTime.Now, status.Phase, status.Reason, Of(ConditionTypes.WindowIntact), Of(ConditionTypes.Thawed), status.Message);
                    story.Tell(seen.At, $"{seen.Phase} {seen.Reason}: {seen.Message} (WindowIntact={seen.Intact}, Thawed={seen.Thawed})");
                    lock (phases) phases.Add(seen);

                    string? Of(string condition) => status.Conditions.FirstOrDefault(c => c.Type == condition)?.Status;
                }
            }
            catch (KubernetesApiException e)
            {
                story.Tell($"the suite itself cannot read the request: {e.Message}");
            }
            await Task.Delay(30);
        }
    }

    // Deletes what is over: nothing may hold it up, and nothing internal may stay.
    private async Task<IReadOnlyList<string>> DeletedAsync()
    {
        if (goneAt is null && deleteAskedAt is null) await DeleteAsync();
        var wrong = new List<string>();
        if (!await Eventually.IsAsync(() => goneAt is not null, EndBound)) wrong.Add("the request cannot be deleted");
        var label = $"{QuiesceApi.RequestUidLabel}={faults.Uid}";
        IReadOnlyList<string> left = [];
        var since = BootTime.Now;
        do
        {
            var windows = await lane.FreezeWindows.ListAsync(InternalNames.DefaultNamespace, label);
            var freezes = await lane.NodeFreezes.ListAsync(InternalNames.DefaultNamespace, label);
            left = [.. windows.Items.Select(w => $"FreezeWindow {w.Metadata.Name} is left"), .. freezes.Items.Select(f => $"NodeFreeze {f.Metadata.Name} is left, {f.Status?.Phase}")];
            if (left.Count > 0) await Task.Delay(50);
        }
        while (left.Count > 0 && BootTime.Now - since < EndBound);
        wrong.AddRange(left);
        return wrong;
    }

    // What nobody thaws is not left to the next round. The judge has seen it.
    private async Task<IReadOnlyList<string>> ThawAsStrangerAsync()
    {
        var stuck = lane.Writers.Where(w => w.StandsSince is not null).Select(w => w.Filesystem.MountPoint).ToList();
        await Task.Run(() => stuck.ForEach(p => FreezeProbe.Thaw(p)));
        foreach (var node in lane.Nodes) _ = node.SignalHolders(Tmds.Linux.LibC.SIGKILL);
        return [.. stuck.Select(p => $"{p} was never thawed; the suite did it")];
    }

    private Evidence Evidence(List<long> marks)
    {
        lock (phases)
        {
            return new Evidence
            {
                Plan = plan,
                Filesystems = [.. lane.Writers.Select((w, i) => new WatchedFilesystem($"fs{i} ({w.Filesystem.Kind})", w.StallsSince(marks[i])))],
                Nodes = [.. lane.Nodes.Select((n, i) => new WatchedNode(n.AgentAttendance.Absences, n.HolderAttendance.Absences, faults.AgentKills(i), faults.HolderKills(i)))],
                Phases = [.. phases],
                GoneAt = goneAt,
                ThawAskedAt = thawAskedAt,
                DeleteAskedAt = deleteAskedAt,
                ForeignThaws = faults.ForeignThaws,
            };
        }
    }

    private void TellTheRest(Evidence evidence)
    {
        foreach (var filesystem in evidence.Filesystems)
        {
            foreach (var stall in filesystem.Stalls)
            {
                story.Tell(stall.Begin, $"{filesystem.Name} stands still");
                story.Tell(stall.End, string.Create(CultureInfo.InvariantCulture, $"{filesystem.Name} goes on, after {stall.Length.TotalSeconds:0.000} s"));
            }
        }
        foreach (var node in lane.Nodes)
            foreach (var (at, text) in node.Agent!.Lines.Where(l => l.At > story.Zero)) story.Tell(at, $"  {node.Name} says: {text}");
        foreach (var (at, text) in lane.Operator.Lines.Where(l => l.At > story.Zero)) story.Tell(at, $"  operator says: {text}");
    }

    private static string EndText(Evidence evidence) =>
        evidence.Final is { } final ? $"{final.Phase} {final.Reason}" : evidence.GoneAt is not null ? "(deleted before its end was seen)" : "(none)";
}
