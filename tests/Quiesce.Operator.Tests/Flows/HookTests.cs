using Quiesce.ApiServers;
using Quiesce.Cluster.Faults;
using Quiesce.Crds;

namespace Quiesce.Operator.Tests.Flows;

/// <summary>Hooks through an API server and a kubelet that speaks the exec protocol.</summary>
public sealed class HookTests
{
    private static readonly string[] Before = ["/bin/app", "quiesce"];
    private static readonly string[] After = ["/bin/app", "go", "on"];

    private static FreezeHook Hook(string[] command, string timeout = "30s", HookErrorMode onError = HookErrorMode.Fail) => new()
    {
        PodSelector = new() { MatchLabels = new Dictionary<string, string> { ["app"] = "db" } },
        Command = command,
        Timeout = timeout,
        OnError = onError,
    };

    private static FreezeHooks Both(string timeout = "30s") => new() { PreFreeze = [Hook(Before, timeout)], PostThaw = [Hook(After, timeout)] };

    private static async Task<Scene> SetAsync(int nodes = 2, bool withOperator = true)
    {
        var scene = new Scene(await Stage.SetAsync(nodes, withOperator));
        scene.Kubelet = await scene.Stage.KubeletAsync();
        foreach (var pod in scene.Pods) await scene.Stage.PodAsync(pod.Name, pod.Node);
        return scene;
    }

    private static IEnumerable<string> Runs(FakeKubelet kubelet, string[] command) => kubelet.Calls.Where(c => c.Command.SequenceEqual(command)).Select(c => c.Pod).Order();

    private static async Task<FreezeRequestStatus> FinalAsync(Stage stage, FreezeRequest request) => await Eventually.GetAsync(
        async () => (await stage.GetAsync(request))!.Status is { Phase: >= FreezePhase.Thawed } s ? s : null, () => "an end\n" + stage.Said);

    [Fact]
    public async Task Commands_run_in_every_pod_before_the_freeze_and_after_the_thaw_and_status_says_what_they_wrote()
    {
        await using var set = await SetAsync(3);
        var (stage, kubelet) = set;
        var held = new System.Collections.Concurrent.ConcurrentQueue<int>();
        kubelet.Script = async call =>
        {
            held.Enqueue(stage.Ledger.Holding);
            await call.WriteAsync($"{string.Join(' ', call.Command)} in {call.Pod}\n");
            return 0;
        };
        var request = await stage.RequestAsync(s => s with
        {
            Targets = [s.Targets[0], new() { PersistentVolumeClaim = new() { Name = "hook-1" } }, Stage.Pods],
            Hooks = Both(),
            DeadlineSeconds = 60,
        });
        var frozen = await stage.PhaseAsync(request, FreezePhase.Frozen);
        Assert.Equal(3, frozen.NodeCount);
        Assert.Equal(["hook-0", "hook-1", "hook-2"], Runs(kubelet, Before));
        Assert.Empty(Runs(kubelet, After));
        await stage.ThawAsync(request);
        var thawed = await stage.PhaseAsync(request, FreezePhase.Thawed);
        Assert.Equal(["hook-0", "hook-1", "hook-2"], Runs(kubelet, After));
        // Nothing was frozen while any of them ran.
        Assert.Equal([0, 0, 0, 0, 0, 0], held);
        Assert.Equal(6, thawed.Hooks.Count);
        Assert.All(thawed.Hooks, h =>
        {
            Assert.Equal((HookState.Succeeded, 0, "main"), (h.State, h.ExitCode, h.Container));
            Assert.NotNull(h.StartedAt);
            Assert.NotNull(h.DurationMilliseconds);
            Assert.Equal($"/bin/app {(h.Stage == HookStage.PreFreeze ? "quiesce" : "go on")} in {h.Pod}\n", h.Output);
        });
        Assert.Equal(ConditionStatus.True, Stage.Condition(thawed, ConditionTypes.HooksSucceeded).Status);
        Assert.Equal(ConditionStatus.True, Stage.Condition(thawed, ConditionTypes.WindowIntact).Status);
        await stage.CleanAsync();
    }

    [Fact]
    public async Task A_hook_that_fails_freezes_nothing_and_the_applications_go_on()
    {
        await using var set = await SetAsync();
        var (stage, kubelet) = set;
        kubelet.Script = async call =>
        {
            if (call.Command[1] != "quiesce" || call.Pod != "hook-1") return 0;
            await call.WriteErrorAsync("connecting\nno such database\n");
            return 2;
        };
        var request = await stage.RequestAsync(s => s with { Hooks = Both() });
        var failed = await stage.PhaseAsync(request, FreezePhase.Failed);
        Assert.Equal(Reasons.HookFailed, failed.Reason);
        Assert.StartsWith("preFreeze[0] in pod hook-1 (container main): the command ended with exit code 2: no such database", failed.Message, StringComparison.Ordinal);
        Assert.Equal("connecting\nno such database\n", failed.Hooks.Single(h => h is { Stage: HookStage.PreFreeze, Pod: "hook-1" }).Output);
        Assert.Equal(["hook-0", "hook-1"], Runs(kubelet, After));
        Assert.Equal(0, stage.Ledger.Freezes(request.Metadata.Uid));
        await Eventually.GetAsync(
            async () => (await stage.EventsAsync(request.Metadata.Uid)).Any(e => e.Reason == Reasons.HookFailed && e.Note!.Contains("exit code 2", StringComparison.Ordinal)) ? "told" : null, () => "an Event\n" + stage.Said);
        await stage.CleanAsync();
    }

    [Fact]
    public async Task A_hook_that_does_not_end_is_given_up_after_its_timeout()
    {
        await using var set = await SetAsync(1);
        var (stage, kubelet) = set;
        kubelet.Script = async call =>
        {
            if (call.Command[1] == "quiesce") await Task.Delay(Timeout.Infinite, call.Gone);
            return 0;
        };
        var request = await stage.RequestAsync(s => s with { Hooks = Both("700ms") });
        var failed = await stage.PhaseAsync(request, FreezePhase.Failed);
        Assert.Equal(Reasons.HookTimeout, failed.Reason);
        Assert.Contains("did not end within 0.7 s", failed.Message, StringComparison.Ordinal);
        Assert.Equal(700, failed.Hooks[0].DurationMilliseconds);
        Assert.Equal(["hook-0"], Runs(kubelet, After));
    }

    [Fact]
    public async Task A_deleted_request_runs_its_hooks_after_the_thaw_and_is_gone()
    {
        await using var set = await SetAsync();
        var (stage, kubelet) = set;
        var request = await stage.RequestAsync(s => s with { Hooks = Both(), DeadlineSeconds = 60 });
        await stage.PhaseAsync(request, FreezePhase.Frozen);
        await stage.DeleteAsync(request);
        await stage.GoneAsync(request);
        Assert.Equal(["hook-0", "hook-1"], Runs(kubelet, After));
        await stage.CleanAsync();
    }

    [Fact]
    public async Task A_deleted_request_whose_hook_is_under_way_does_not_wait_for_it()
    {
        await using var set = await SetAsync(1);
        var (stage, kubelet) = set;
        var begun = new TaskCompletionSource();
        kubelet.Script = async call =>
        {
            if (call.Command[1] != "quiesce") return 0;
            begun.TrySetResult();
            await Task.Delay(Timeout.Infinite, call.Gone);
            return 0;
        };
        var request = await stage.RequestAsync(s => s with { Hooks = Both("200s") });
        await begun.Task.Soon();
        await stage.DeleteAsync(request);
        await stage.GoneAsync(request);
        Assert.Equal(["hook-0"], Runs(kubelet, After));
        Assert.Equal(0, stage.Ledger.Freezes(request.Metadata.Uid));
    }

    [Fact]
    public async Task After_the_thaw_a_command_is_sent_until_it_is_known_to_have_run()
    {
        await using var set = await SetAsync(1);
        var (stage, kubelet) = set;
        var cuts = 0;
        kubelet.Script = call =>
        {
            if (call.Command[1] == "go" && ++cuts == 1) call.Cut();
            return Task.FromResult(0);
        };
        var request = await stage.RequestAsync(s => s with { Hooks = Both(), DeadlineSeconds = 60 });
        await stage.PhaseAsync(request, FreezePhase.Frozen);
        await stage.ThawAsync(request);
        var thawed = await stage.PhaseAsync(request, FreezePhase.Thawed);
        Assert.Equal(["hook-0", "hook-0"], Runs(kubelet, After));
        Assert.All(thawed.Hooks, h => Assert.Equal(HookState.Succeeded, h.State));
    }

    [Fact]
    public async Task After_the_thaw_a_command_that_could_not_be_run_is_sent_again()
    {
        await using var set = await SetAsync(1);
        var (stage, kubelet) = set;
        var refusals = 0;
        // What kube-apiserver says of a kubelet that does not answer, once it has taken the connection.
        kubelet.Script = call => call.Command[1] == "go" && ++refusals <= 2 ? call.RefuseAsync("error dialing backend: connection refused") : Task.FromResult(0);
        var request = await stage.RequestAsync(s => s with { Hooks = Both(), DeadlineSeconds = 60 });
        await stage.PhaseAsync(request, FreezePhase.Frozen);
        await stage.ThawAsync(request);
        var thawed = await stage.PhaseAsync(request, FreezePhase.Thawed);
        Assert.Equal(3, Runs(kubelet, After).Count());
        Assert.Equal(HookState.Succeeded, thawed.Hooks[^1].State);
    }

    [Fact]
    public async Task Before_the_freeze_a_command_whose_end_is_not_known_has_failed_and_is_not_sent_again()
    {
        await using var set = await SetAsync(1);
        var (stage, kubelet) = set;
        kubelet.Script = call =>
        {
            if (call.Command[1] == "quiesce") call.Cut();
            return Task.FromResult(0);
        };
        var request = await stage.RequestAsync(s => s with { Hooks = Both() });
        var failed = await stage.PhaseAsync(request, FreezePhase.Failed);
        Assert.Equal(Reasons.HookNotRun, failed.Reason);
        Assert.Contains("may run still", failed.Message, StringComparison.Ordinal);
        Assert.Equal(["hook-0"], Runs(kubelet, Before));
        Assert.Equal(["hook-0"], Runs(kubelet, After));
    }

    [Fact]
    public async Task A_pod_that_is_gone_after_the_thaw_needs_no_word()
    {
        await using var set = await SetAsync();
        var (stage, kubelet) = set;
        var request = await stage.RequestAsync(s => s with { Hooks = Both(), DeadlineSeconds = 60 });
        await stage.PhaseAsync(request, FreezePhase.Frozen);
        await stage.RemovePodAsync("hook-1");
        await stage.ThawAsync(request);
        var thawed = await stage.PhaseAsync(request, FreezePhase.Thawed);
        Assert.Equal((HookState.Skipped, Reasons.PodGone), thawed.Hooks.Where(h => h is { Stage: HookStage.PostThaw, Pod: "hook-1" }).Select(h => (h.State, h.Reason!)).Single());
        Assert.Equal(ConditionStatus.True, Stage.Condition(thawed, ConditionTypes.HooksSucceeded).Status);
        await stage.PodAsync("hook-1", stage.Agents[1].Node);
    }

    [Fact]
    public async Task Velero_annotations_of_the_affected_pods_are_hooks()
    {
        await using var set = await SetAsync();
        var (stage, kubelet) = set;
        await stage.AnnotateAsync("hook-0", "pre.hook.backup.velero.io/command", """["/bin/sh", "-c", "sync; sync"]""");
        await stage.AnnotateAsync("hook-0", "post.hook.backup.velero.io/command", "/bin/true");
        await stage.AnnotateAsync("hook-1", "pre.hook.backup.velero.io/command", "/bin/other");
        var request = await stage.RequestAsync(s => s with
        {
            Targets = [new() { PersistentVolumeClaim = new() { Name = "hook-0" } }],
            Hooks = new() { Velero = true },
            DeadlineSeconds = 60,
        });
        await stage.PhaseAsync(request, FreezePhase.Frozen);
        await stage.ThawAsync(request);
        await stage.PhaseAsync(request, FreezePhase.Thawed);
        Assert.Equal(["hook-0: /bin/sh|-c|sync; sync", "hook-0: /bin/true"], kubelet.Calls.Select(c => $"{c.Pod}: {string.Join('|', c.Command)}"));
    }

    [Fact]
    public async Task Where_hooks_are_not_enabled_a_request_with_some_is_refused_and_no_command_is_sent()
    {
        await using var set = await SetAsync(1, withOperator: false);
        var (stage, kubelet) = set;
        await stage.StartOperatorAsync(options: o => o with { HookNamespaces = ["other"] });
        var request = await stage.RequestAsync(s => s with { Hooks = Both() });
        var failed = await stage.PhaseAsync(request, FreezePhase.Failed);
        Assert.Equal(Reasons.HooksNotEnabled, failed.Reason);
        Assert.Empty(kubelet.Calls);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task An_operator_that_dies_while_a_hook_runs_leaves_no_application_waiting(bool before)
    {
        await using var set = await SetAsync(1, withOperator: false);
        var (stage, kubelet) = set;
        using var killSwitch = new KillSwitch();
        var first = await stage.StartOperatorAsync(killSwitch);
        var (begun, calls) = (new TaskCompletionSource(), 0);
        kubelet.Script = async call =>
        {
            if (call.Command[1] == "quiesce" != before || Interlocked.Increment(ref calls) > 1) return 0;
            begun.TrySetResult();
            await Task.Delay(Timeout.Infinite, call.Gone);
            return 0;
        };
        var request = await stage.RequestAsync(s => s with { Hooks = Both(), DeadlineSeconds = 60 });
        if (!before)
        {
            await stage.PhaseAsync(request, FreezePhase.Frozen);
            await stage.ThawAsync(request);
        }

        await begun.Task.Soon();
        killSwitch.Kill();
        await stage.StopOperatorAsync(first);
        await stage.StartOperatorAsync();
        if (before)
        {
            var failed = await stage.PhaseAsync(request, FreezePhase.Failed);
            Assert.Equal(Reasons.HookInterrupted, failed.Reason);
            Assert.Equal(["hook-0"], Runs(kubelet, Before));
            Assert.Equal(["hook-0"], Runs(kubelet, After));
        }
        else
        {
            var thawed = await stage.PhaseAsync(request, FreezePhase.Thawed);
            Assert.Equal(["hook-0", "hook-0"], Runs(kubelet, After));
            Assert.Equal(HookState.Succeeded, thawed.Hooks[^1].State);
        }

        await stage.CleanAsync();
    }

    [Fact]
    public async Task An_operator_killed_at_any_of_its_calls_leaves_no_application_waiting()
    {
        await using var set = await SetAsync(2, withOperator: false);
        var (stage, kubelet) = set;
        // On a real API server, where a life takes several times as long, the writes alone.
        var writesOnly = !stage.Cluster.IsLocal;
        var calls = await LiveAsync(stage, kubelet, new(writesOnly: writesOnly));
        Assert.InRange(calls, 10, 80);
        for (var call = 1; call <= calls; call++)
        {
            await LiveAsync(stage, kubelet, new(call, after: false, writesOnly));
            await LiveAsync(stage, kubelet, new(call, after: true, writesOnly));
        }
    }

    [Fact]
    public async Task A_kubelet_that_is_away_when_it_is_over_is_asked_again()
    {
        await using var set = await SetAsync(1);
        var (stage, kubelet) = set;
        var request = await stage.RequestAsync(s => s with { Hooks = Both(), DeadlineSeconds = 60 });
        await stage.PhaseAsync(request, FreezePhase.Frozen);
        var rule = stage.Cluster.Server.Faults.Inject(RequestMatch.Any with { Subresource = "exec" }, FaultEffect.Status(500, "InternalError", "error dialing backend"), times: 3);
        await stage.ThawAsync(request);
        var thawed = await stage.PhaseAsync(request, FreezePhase.Thawed);
        Assert.Equal(3, rule.Hits);
        Assert.Equal(HookState.Succeeded, thawed.Hooks[^1].State);
        Assert.Equal(["hook-0"], Runs(kubelet, After));
    }

    [Theory]
    [InlineData(30.0, 1.5, "500ms")]
    // The API server counts from when it has taken the connection, and so gives up later than whoever asked it, and later than a timeout of the same length.
    [InlineData(1.5, 1.7, "1500ms")]
    public async Task After_the_thaw_a_command_whose_kubelet_is_slow_to_be_reached_is_sent_again_if_it_did_not_come_there(double dial, double givesUpAfter, string timeout)
    {
        await using var set = await SetAsync(1, withOperator: false);
        var (stage, kubelet) = set;
        await stage.StartOperatorAsync(options: o => o with { HookDial = TimeSpan.FromSeconds(dial) });
        var asked = 0;
        kubelet.Script = async call =>
        {
            if (call.Command[1] != "go" || ++asked > 1) return 0;
            // kube-apiserver has taken the connection, and is told so only when it has tried for a while.
            await Task.Delay(TimeSpan.FromSeconds(givesUpAfter), call.Gone);
            return await call.RefuseAsync("error dialing backend: i/o timeout");
        };
        var request = await stage.RequestAsync(s => s with { Hooks = Both(timeout), DeadlineSeconds = 60 });
        await stage.PhaseAsync(request, FreezePhase.Frozen);
        await stage.ThawAsync(request);
        var thawed = await stage.PhaseAsync(request, FreezePhase.Thawed);
        Assert.Equal(HookState.Succeeded, thawed.Hooks[^1].State);
        Assert.Equal(["hook-0", "hook-0"], Runs(kubelet, After));
    }

    [Fact]
    public async Task After_the_thaw_a_command_that_ran_for_too_long_is_not_sent_again()
    {
        await using var set = await SetAsync(1, withOperator: false);
        var (stage, kubelet) = set;
        await stage.StartOperatorAsync(options: o => o with { HookDial = TimeSpan.FromSeconds(30) });
        kubelet.Script = async call =>
        {
            if (call.Command[1] == "go") await Task.Delay(800, call.Gone);
            return 0;
        };
        var request = await stage.RequestAsync(s => s with { Hooks = Both("400ms"), DeadlineSeconds = 60 });
        await stage.PhaseAsync(request, FreezePhase.Frozen);
        await stage.ThawAsync(request);
        var last = (await stage.PhaseAsync(request, FreezePhase.Thawed)).Hooks[^1];
        Assert.Equal((HookState.Failed, Reasons.HookTimeout, 0), (last.State, last.Reason, last.ExitCode));
        Assert.Contains("not end within 0.4 s, but later, with exit code 0", last.Message, StringComparison.Ordinal);
        Assert.Equal(["hook-0"], Runs(kubelet, After));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task No_application_is_told_to_go_on_while_it_may_still_be_told_to_wait(bool saysSomething)
    {
        await using var set = await SetAsync(1, withOperator: false);
        var (stage, kubelet) = set;
        await stage.StartOperatorAsync(options: o => o with { HookDial = TimeSpan.FromSeconds(4) });
        var (told, begun) = (new System.Collections.Concurrent.ConcurrentDictionary<string, long>(), TimeProvider.System.GetTimestamp());
        kubelet.Script = async call =>
        {
            told[call.Command[1]] = TimeProvider.System.GetTimestamp();
            if (call.Command[1] != "quiesce") return 0;
            if (saysSomething) await call.WriteAsync("waiting\n");
            await Task.Delay(Timeout.Infinite, call.Gone);
            return 0;
        };
        var request = await stage.RequestAsync(s => s with { Hooks = Both("300ms") });
        var failed = await stage.PhaseAsync(request, FreezePhase.Failed);
        Assert.Equal((Reasons.HookTimeout, saysSomething ? "waiting\n" : null), (failed.Reason, failed.Hooks[0].Output));
        var between = TimeProvider.System.GetElapsedTime(told["quiesce"], told["go"]).TotalSeconds;
        // What has said something has come to its pod.
        if (saysSomething) Assert.InRange(between, 0, 4);
        else Assert.InRange(between, 5.5, 30);
    }

    [Fact]
    public async Task A_request_that_is_ended_hears_from_a_command_that_has_said_nothing_whether_it_came_to_its_pod()
    {
        await using var set = await SetAsync(1, withOperator: false);
        var (stage, kubelet) = set;
        await stage.StartOperatorAsync(options: o => o with { HookDial = TimeSpan.FromSeconds(30) });
        var (begun, deleted) = (new TaskCompletionSource(), new TaskCompletionSource());
        kubelet.Script = async call =>
        {
            if (call.Command[1] != "quiesce") return 0;
            begun.TrySetResult();
            await deleted.Task;
            await Task.Delay(500, call.Gone);
            return 0;
        };
        var request = await stage.RequestAsync(s => s with { Hooks = Both("200s") });
        await begun.Task.Soon();
        await stage.ThawAsync(request);
        deleted.SetResult();
        var failed = await stage.PhaseAsync(request, FreezePhase.Failed);
        Assert.Equal((Reasons.ThawedBeforeFrozen, HookState.Succeeded), (failed.Reason, failed.Hooks[0].State));
        Assert.Equal(["hook-0"], Runs(kubelet, After));
    }

    [Fact]
    public async Task After_the_thaw_rights_that_are_taken_away_are_waited_for_and_missed_in_words()
    {
        await using var set = await SetAsync(1);
        var (stage, kubelet) = set;
        var request = await stage.RequestAsync(s => s with { Hooks = Both(), DeadlineSeconds = 60 });
        await stage.PhaseAsync(request, FreezePhase.Frozen);
        using (stage.Cluster.Server.Faults.Inject(RequestMatch.Any with { Subresource = "exec" }, FaultEffect.Status(403, "Forbidden", "no"), times: 1000))
        {
            await stage.ThawAsync(request);
            var hook = await Eventually.GetAsync(async () => (await stage.GetAsync(request))!.Status!.Hooks[^1] is { Message: not null } h ? h : null, () => "a word\n" + stage.Said);
            Assert.Equal(HookState.Running, hook.State);
            Assert.Contains("tried again", hook.Message, StringComparison.Ordinal);
            Assert.Contains("get and create on pods/exec", hook.Message, StringComparison.Ordinal);
        }

        var thawed = await stage.PhaseAsync(request, FreezePhase.Thawed);
        Assert.Equal((HookState.Succeeded, null), (thawed.Hooks[^1].State, thawed.Hooks[^1].Message));
        Assert.Equal(["hook-0"], Runs(kubelet, After));
    }

    [Fact]
    public async Task An_operator_that_may_not_exec_says_what_it_lacks()
    {
        await using var set = await SetAsync(1);
        var (stage, _) = set;
        stage.Cluster.Server.Faults.Inject(RequestMatch.Any with { Subresource = "exec" }, FaultEffect.Status(403, "Forbidden", "no"), times: 100);
        var request = await stage.RequestAsync(s => s with { Hooks = Both() });
        var failed = await stage.PhaseAsync(request, FreezePhase.Failed);
        Assert.Equal(Reasons.HookNotRun, failed.Reason);
        Assert.Contains("get and create on pods/exec", failed.Message, StringComparison.Ordinal);
        // Nobody was told to wait, so nobody waits for the right.
        Assert.Equal((HookState.Failed, Reasons.HookNotRun), (failed.Hooks[^1].State, failed.Hooks[^1].Reason));
    }

    /// <summary>One request from its creation to its end.</summary>
    /// <returns>The operator's calls.</returns>
    private static async Task<int> LiveAsync(Stage stage, FakeKubelet kubelet, KillSwitch killSwitch)
    {
        var before = kubelet.Calls.Count;
        var first = await stage.StartOperatorAsync(killSwitch);
        using var over = new CancellationTokenSource();
        var successor = Task.Run(async () =>
        {
            await killSwitch.Died.WaitAsync(over.Token);
            return await stage.StartOperatorAsync();
        });
        var request = await stage.RequestAsync(s => s with { Hooks = Both(), FreezeTimeoutSeconds = 30, DeadlineSeconds = 30 });
        var state = await Eventually.GetAsync(
            async () => (await stage.GetAsync(request))!.Status is { Phase: FreezePhase.Frozen or >= FreezePhase.Thawed } s ? s : null, () => "frozen or an end\n" + stage.Said);
        if (state.Phase == FreezePhase.Frozen) await stage.ThawAsync(request);
        var end = await FinalAsync(stage, request);
        // Killed after a command was written down as sent it cannot know whether it ran.
        if (state.Phase == FreezePhase.Frozen) Assert.Equal(FreezePhase.Thawed, end.Phase);
        else Assert.Equal((FreezePhase.Failed, Reasons.HookInterrupted), (end.Phase, end.Reason));
        var runs = kubelet.Calls.Skip(before).Select(c => (c.Pod, IsBefore: c.Command[1] == "quiesce")).ToArray();
        foreach (var pod in new[] { "hook-0", "hook-1" })
        {
            Assert.InRange(runs.Count(r => r == (pod, true)), state.Phase == FreezePhase.Frozen ? 1 : 0, 1);
            Assert.InRange(runs.Count(r => r == (pod, false)), 1, 2);
            Assert.True(Array.LastIndexOf(runs, (pod, true)) < Array.IndexOf(runs, (pod, false)), $"{pod} was told to go on before it was told to wait");
        }

        Assert.All(end.Hooks.Where(h => h.Stage == HookStage.PostThaw), h => Assert.Equal(HookState.Succeeded, h.State));
        await stage.CleanAsync();
        await over.CancelAsync();
        await stage.StopOperatorAsync(first);
        try
        {
            await stage.StopOperatorAsync(await successor);
        }
        catch (OperationCanceledException)
        {
            // It was not killed.
        }

        return killSwitch.Calls;
    }

    /// <summary>A stage with one pod on each node, <c>hook-0</c> and so on.</summary>
    private sealed class Scene(Stage stage) : IAsyncDisposable
    {
        public Stage Stage { get; } = stage;

        public FakeKubelet Kubelet { get; set; } = null!;

        public IReadOnlyList<(string Name, string Node)> Pods { get; } = [.. stage.Agents.Select((agent, i) => ($"hook-{i}", agent.Node))];

        public void Deconstruct(out Stage theStage, out FakeKubelet kubelet) => (theStage, kubelet) = (Stage, Kubelet);

        public async ValueTask DisposeAsync()
        {
            foreach (var pod in Pods) await Stage.RemovePodAsync(pod.Name);
            await Stage.DisposeAsync();
        }
    }
}
