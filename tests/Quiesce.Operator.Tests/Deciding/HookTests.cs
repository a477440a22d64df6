using Quiesce.Crds;
using Quiesce.Operator.Hooks;

namespace Quiesce.Operator.Tests.Deciding;

/// <summary>Commands in pods before the freeze and after the thaw: when they run, what their failures mean, and what an operator that comes after another makes of them.</summary>
public sealed class HookTests
{
    private static FreezeHook Hook(string app = "db", HookErrorMode onError = HookErrorMode.Fail, string? container = null) => new()
    {
        PodSelector = new() { MatchLabels = new Dictionary<string, string> { ["app"] = app } },
        Command = ["/bin/quiesce", "now"],
        OnError = onError,
        Container = container,
    };

    private static World Of(FreezeHooks hooks)
    {
        var world = World.With("a").Spec(s => s with { Hooks = hooks });
        world.Shop.Pod("db-0", "a", "db").Pod("db-1", "a", "db").Pod("web-0", "a", "web");
        return world;
    }

    private static World Usual() => Of(new() { PreFreeze = [Hook()], PostThaw = [Hook()] }).Settle();

    private static World Frozen() => Usual().Ends("preFreeze[0]/db-0").Ends("preFreeze[0]/db-1").Freeze();

    private static void Refused(World world, string reason, params string[] named)
    {
        world.Settle();
        Assert.Equal((FreezePhase.Failed, reason), (world.Status.Phase, world.Status.Reason));
        Assert.All(named, name => Assert.Contains(name, world.Status.Message, StringComparison.Ordinal));
        Assert.Empty(world.Runs);
        Assert.Equal(["Status:Failed"], world.Writes);
    }

    [Fact]
    public void Hooks_run_one_after_the_other_each_in_all_of_its_pods_and_the_window_comes_after_them()
    {
        var world = Of(new() { PreFreeze = [Hook(), Hook("web")], PostThaw = [Hook("web"), Hook()] }).Settle();
        Assert.Equal(["preFreeze[0]/db-0", "preFreeze[0]/db-1"], world.Running);
        Assert.Equal((FreezePhase.Pending, Reasons.RunningHooks), (world.Status.Phase, world.Status.Reason));
        Assert.Equal("before the freeze 0 of 3 hooks have ended.", world.Status.Message);
        Assert.Equal(ConditionStatus.True, world.Condition(ConditionTypes.Accepted).Status);
        world.Ends("preFreeze[0]/db-1", seconds: 1.5).Settle();
        Assert.Equal(["preFreeze[0]/db-0"], world.Running);
        Assert.Equal((HookState.Succeeded, 1500L, 0, "done"), (world.Hook("preFreeze[0]/db-1").State, world.Hook("preFreeze[0]/db-1").DurationMilliseconds, world.Hook("preFreeze[0]/db-1").ExitCode, world.Hook("preFreeze[0]/db-1").Output));
        world.Ends("preFreeze[0]/db-0").Settle();
        Assert.Equal(["preFreeze[1]/web-0"], world.Running);
        Assert.Null(world.Window);
        Assert.Empty(world.Plans);
        world.Ends("preFreeze[1]/web-0").Settle();
        Assert.NotNull(world.Window);
        world.Freeze();
        Assert.Equal(FreezePhase.Frozen, world.Status.Phase);
        Assert.All(world.Status.Hooks, h => Assert.Equal(h.Stage == HookStage.PreFreeze ? HookState.Succeeded : HookState.Pending, h.State));
        world.Thaw().Report("a", NodeFreezePhase.Thawed).Settle();
        // Thawed is thawed, and the verdict is known; the end waits for the hooks.
        Assert.Equal(["postThaw[0]/web-0"], world.Running);
        Assert.Equal((FreezePhase.Thawing, Reasons.ThawRequested), (world.Status.Phase, world.Status.Reason));
        Assert.Equal(ConditionStatus.True, world.Condition(ConditionTypes.Thawed).Status);
        Assert.Equal(ConditionStatus.True, world.Condition(ConditionTypes.WindowIntact).Status);
        Assert.Equal((ConditionStatus.False, Reasons.RunningHooks), (world.Condition(ConditionTypes.Finished).Status, world.Condition(ConditionTypes.Finished).Reason));
        Assert.NotNull(world.Window);
        world.Ends("postThaw[0]/web-0").Settle();
        Assert.Equal(["postThaw[1]/db-0", "postThaw[1]/db-1"], world.Running);
        world.Ends("postThaw[1]/db-0").Ends("postThaw[1]/db-1").Settle();
        Assert.Equal(FreezePhase.Thawed, world.Status.Phase);
        Assert.Equal(ConditionStatus.True, world.Condition(ConditionTypes.Finished).Status);
        Assert.Equal((ConditionStatus.True, Reasons.HooksSucceeded), (world.Condition(ConditionTypes.HooksSucceeded).Status, world.Condition(ConditionTypes.HooksSucceeded).Reason));
        Assert.Equal(6, world.Status.Hooks.Count);
        Assert.Null(world.Window);
        Assert.Contains(world.Stories, s => s.Reason == "PreFreeze" && s.Message == "running preFreeze[0] in 2 pods: db-0, db-1.");
        Assert.Contains(world.Stories, s => s.Reason == "PostThaw" && s.Message == "postThaw[1] in pod db-1 (container main) ended with exit code 0 after 0 ms.");
    }

    [Fact]
    public void A_failed_hook_before_the_freeze_freezes_nothing_and_those_after_the_thaw_run()
    {
        var world = Of(new() { PreFreeze = [Hook(), Hook("web")], PostThaw = [Hook()] }).Settle();
        world.Ends("preFreeze[0]/db-0", 3).Settle();
        // The other pod's is under way, and is waited for: what it began has to be ended.
        Assert.Equal(["preFreeze[0]/db-1"], world.Running);
        world.Ends("preFreeze[0]/db-1").Settle();
        Assert.Equal(["postThaw[0]/db-0", "postThaw[0]/db-1"], world.Running);
        Assert.Equal((FreezePhase.Pending, Reasons.HookFailed), (world.Status.Phase, world.Status.Reason));
        Assert.Equal(HookState.Skipped, world.Hook("preFreeze[1]/web-0").State);
        world.Ends("postThaw[0]/db-0").Ends("postThaw[0]/db-1", 4).Settle();
        Assert.Equal((FreezePhase.Failed, Reasons.HookFailed), (world.Status.Phase, world.Status.Reason));
        Assert.StartsWith("preFreeze[0] in pod db-0 (container main): the command ended with exit code 3.", world.Status.Message, StringComparison.Ordinal);
        Assert.Equal(ConditionStatus.False, world.Condition(ConditionTypes.HooksSucceeded).Status);
        Assert.Equal(ConditionStatus.False, world.Condition(ConditionTypes.WindowIntact).Status);
        Assert.DoesNotContain("CreateWindow", world.Writes);
        Assert.Empty(world.Request.Metadata.Finalizers);
    }

    [Fact]
    public void A_failure_that_does_not_count_is_noted_and_the_freeze_goes_on()
    {
        var world = Of(new() { PreFreeze = [Hook(onError: HookErrorMode.Continue), Hook("web")] }).Settle();
        world.Ends("preFreeze[0]/db-0", 3).Ends("preFreeze[0]/db-1").Settle();
        world.Ends("preFreeze[1]/web-0").Settle().Freeze();
        Assert.Equal(FreezePhase.Frozen, world.Status.Phase);
        Assert.Equal((HookState.Failed, 3), (world.Hook("preFreeze[0]/db-0").State, world.Hook("preFreeze[0]/db-0").ExitCode));
        Assert.Equal(ConditionStatus.True, world.Condition(ConditionTypes.HooksSucceeded).Status);
    }

    [Fact]
    public void A_failed_hook_after_the_thaw_changes_nothing_about_the_verdict_and_the_others_run()
    {
        var world = Of(new() { PostThaw = [Hook(), Hook("web")] }).Settle();
        // Without any to run before, the plan is written down before the window all the same.
        Assert.Equal(["Claim", "RunHooks", "Status:Pending", "CreateWindow"], world.Writes[..4]);
        world.Freeze().Thaw().Report("a", NodeFreezePhase.Thawed).Settle();
        world.Ends("postThaw[0]/db-0", 9).Ends("postThaw[0]/db-1").Settle().Ends("postThaw[1]/web-0").Settle();
        Assert.Equal((FreezePhase.Thawed, Reasons.ThawRequested), (world.Status.Phase, world.Status.Reason));
        Assert.Equal(ConditionStatus.True, world.Condition(ConditionTypes.WindowIntact).Status);
        var condition = world.Condition(ConditionTypes.HooksSucceeded);
        Assert.Equal((ConditionStatus.False, Reasons.HookFailed), (condition.Status, condition.Reason));
        Assert.Contains("A hook after the thaw failed: postThaw[0] in pod db-0", world.Status.Message, StringComparison.Ordinal);
    }

    public static TheoryData<string> Ends => ["expired", "node failed", "thawed by other", "deleted", "window deleted", "thawed before frozen"];

    [Theory]
    [MemberData(nameof(Ends))]
    public void However_a_window_ends_the_hooks_after_it_run(string end)
    {
        var world = end is "thawed before frozen" or "node failed" ? Usual().Ends("preFreeze[0]/db-0").Ends("preFreeze[0]/db-1").Settle() : Frozen();
        switch (end)
        {
            case "expired":
                world.Report("a", NodeFreezePhase.Expired, Reasons.DeadlineExceeded).Settle();
                break;
            case "node failed":
                world.Report("a", NodeFreezePhase.Failed, Reasons.FreezeFailed, frozen: 0).Settle();
                break;
            case "thawed by other":
                world.Report("a", NodeFreezePhase.Broken, Reasons.ThawedByOther, thawed: 0).Settle();
                break;
            case "deleted":
                world.Delete().Settle().Report("a", NodeFreezePhase.Thawed).Settle();
                break;
            case "window deleted":
                world.Window = null;
                world.Report("a", NodeFreezePhase.Thawed, Reasons.CommandGone).Settle();
                break;
            case "thawed before frozen":
                world.Thaw().Report("a", NodeFreezePhase.Failed, Reasons.CommandGone, frozen: 0).Settle();
                break;
        }

        Assert.Equal(["postThaw[0]/db-0", "postThaw[0]/db-1"], world.Running);
        Assert.Equal(FreezePhase.Thawing, world.Status.Phase);
        world.Ends("postThaw[0]/db-0").Ends("postThaw[0]/db-1").Settle();
        Assert.True(world.Status.Phase >= FreezePhase.Thawed);
        Assert.Equal(ConditionStatus.True, world.Condition(ConditionTypes.Finished).Status);
    }

    [Theory]
    [InlineData(false, FreezePhase.Failed, Reasons.ThawedBeforeFrozen)]
    [InlineData(true, FreezePhase.Failed, Reasons.RequestDeleted)]
    public void A_request_that_is_ended_while_hooks_run_calls_them_off_and_runs_those_after_the_thaw(bool deleted, FreezePhase phase, string reason)
    {
        var world = Of(new() { PreFreeze = [Hook(), Hook("web")], PostThaw = [Hook()] }).Settle();
        world.Ends("preFreeze[0]/db-0");
        _ = deleted ? world.Delete().Settle() : world.Thaw();
        Assert.Contains("CancelHooks", world.Writes);
        Assert.Single(world.Writes, "CancelHooks");
        world.Ends("preFreeze[0]/db-1", new HookResult { State = HookState.Failed, Reason = Reasons.HookInterrupted, Message = "called off" }).Settle().Advance(2).Settle();
        Assert.Equal(["postThaw[0]/db-0", "postThaw[0]/db-1"], world.Running);
        Assert.Equal(HookState.Skipped, world.Hook("preFreeze[1]/web-0").State);
        world.Ends("postThaw[0]/db-0").Ends("postThaw[0]/db-1").Settle();
        Assert.Equal((phase, reason), (world.Status.Phase, world.Status.Reason));
        Assert.DoesNotContain("CreateWindow", world.Writes);
    }

    [Fact]
    public void Once_hooks_after_the_thaw_run_nothing_opens_a_window_any_more()
    {
        var world = Usual().Ends("preFreeze[0]/db-0").Ends("preFreeze[0]/db-1");
        world.Agents.Clear();
        world.Settle();
        Assert.Equal(["postThaw[0]/db-0", "postThaw[0]/db-1"], world.Running);
        // The agent is back: the applications have been told to go on.
        world.Agents.Add("a");
        world.Ends("postThaw[0]/db-0").Ends("postThaw[0]/db-1").Settle();
        Assert.Equal((FreezePhase.Failed, Reasons.AgentNotReady), (world.Status.Phase, world.Status.Reason));
        Assert.DoesNotContain("CreateWindow", world.Writes);
    }

    [Fact]
    public void After_a_restart_what_ran_before_the_freeze_has_failed_and_what_ran_after_the_thaw_runs_again()
    {
        var world = Usual();
        world.Runs.Clear();
        world.Settle();
        Assert.Equal((HookState.Failed, Reasons.HookInterrupted), (world.Hook("preFreeze[0]/db-0").State, world.Hook("preFreeze[0]/db-0").Reason));
        // What the dead one sent may be on its way still, and is not overtaken.
        Assert.Empty(world.Running);
        world.Advance(31.5).Settle();
        Assert.Empty(world.Running);
        Assert.InRange(world.RequeueAfter!.Value.TotalSeconds, 0.4, 0.5);
        world.Advance(0.5).Settle();
        Assert.Equal(["postThaw[0]/db-0", "postThaw[0]/db-1"], world.Running);
        var first = world.Hook("postThaw[0]/db-0").StartedAt;
        world.Runs.Clear();
        world.Advance(2).Settle();
        Assert.Equal(["postThaw[0]/db-0", "postThaw[0]/db-1"], world.Running);
        Assert.True(world.Hook("postThaw[0]/db-0").StartedAt > first);
        world.Ends("postThaw[0]/db-0").Ends("postThaw[0]/db-1").Settle();
        Assert.Equal((FreezePhase.Failed, Reasons.HookInterrupted), (world.Status.Phase, world.Status.Reason));
    }

    [Theory]
    // This operator's own, as it says; another's, by what the status says of it.
    [InlineData(Reasons.HookTimeout, 7.0, null, false, 7.0)]
    [InlineData(Reasons.HookNotRun, 7.0, null, false, 7.0)]
    [InlineData(Reasons.HookTimeout, null, "waiting", false, 0.0)]
    [InlineData(Reasons.HookNotRun, null, null, false, 0.0)]
    [InlineData(Reasons.HookTimeout, 7.0, null, true, 27.0)]
    [InlineData(Reasons.HookInterrupted, 7.0, null, true, 27.0)]
    [InlineData(Reasons.HookNotRun, 7.0, null, true, 27.0)]
    [InlineData(Reasons.HookTimeout, null, "waiting", true, 0.0)]
    [InlineData(Reasons.HookInterrupted, null, "waiting", true, 0.0)]
    public void Nobody_is_told_to_go_on_while_a_command_of_before_the_freeze_may_still_come(string reason, double? mayComeFor, string? output, bool isReplaced, double seconds)
    {
        var world = Usual().Ends("preFreeze[0]/db-1");
        var result = new HookResult
        {
            State = HookState.Failed,
            Reason = reason,
            DurationMilliseconds = 5000,
            Output = output,
            MayComeFor = mayComeFor is { } most ? TimeSpan.FromSeconds(most) : null,
        };
        world.Ends("preFreeze[0]/db-0", result, seconds: 5);
        if (isReplaced)
        {
            // Written, and then the operator dies.
            world.Step();
            world.Runs.Clear();
        }

        world.Settle();
        if (seconds > 0)
        {
            Assert.Empty(world.Running);
            Assert.Equal(HookState.Failed, world.Hook("preFreeze[0]/db-0").State);
            world.Advance(seconds - 0.1).Settle();
            Assert.Empty(world.Running);
            world.Advance(0.1).Settle();
        }

        Assert.Equal(["postThaw[0]/db-0", "postThaw[0]/db-1"], world.Running);
    }

    [Fact]
    public void Why_a_command_is_sent_again_is_said_while_it_is()
    {
        var world = Frozen().Thaw().Report("a", NodeFreezePhase.Thawed).Settle();
        var key = world.Runs.Keys.Single(k => k.Contains("postThaw[0]/db-0", StringComparison.Ordinal));
        world.Runs[key] = world.Runs[key] with { Trouble = "it is tried again: no" };
        world.Settle();
        Assert.Equal((HookState.Running, "it is tried again: no"), (world.Hook("postThaw[0]/db-0").State, world.Hook("postThaw[0]/db-0").Message));
        world.Ends("postThaw[0]/db-0").Ends("postThaw[0]/db-1").Settle();
        Assert.Equal((HookState.Succeeded, null), (world.Hook("postThaw[0]/db-0").State, world.Hook("postThaw[0]/db-0").Message));
    }

    [Fact]
    public void A_start_whose_answer_was_lost_is_this_operators_own_and_is_sent_once()
    {
        var world = Usual();
        // Written, as the status says, but not sent.
        foreach (var key in world.Runs.Keys.ToArray()) world.Runs[key] = world.Runs[key] with { IsStarted = false };
        var written = world.Hook("preFreeze[0]/db-0").StartedAt;
        world.Advance(1).Settle();
        Assert.Equal(written, world.Hook("preFreeze[0]/db-0").StartedAt);
        Assert.True(world.Runs.Values.All(r => r.IsStarted));
        Assert.Equal(FreezePhase.Frozen, world.Ends("preFreeze[0]/db-0").Ends("preFreeze[0]/db-1").Freeze().Status.Phase);
    }

    [Fact]
    public void After_a_deletion_hooks_are_begun_for_a_minute()
    {
        var world = Of(new() { PostThaw = [Hook(), Hook("web")] }).Settle().Freeze();
        world.Delete().Settle().Report("a", NodeFreezePhase.Thawed).Settle();
        Assert.Equal(["postThaw[0]/db-0", "postThaw[0]/db-1"], world.Running);
        world.Ends("postThaw[0]/db-0", seconds: 61).Ends("postThaw[0]/db-1").Settle();
        Assert.Equal((HookState.Skipped, Reasons.HookInterrupted), (world.Hook("postThaw[1]/web-0").State, world.Hook("postThaw[1]/web-0").Reason));
        Assert.Equal(FreezePhase.Thawed, world.Status.Phase);
        Assert.Equal(ConditionStatus.False, world.Condition(ConditionTypes.HooksSucceeded).Status);
    }

    [Fact]
    public void However_long_the_release_takes_after_a_deletion_the_hooks_after_it_are_begun()
    {
        var world = Of(new() { PostThaw = [Hook()] }).Spec(s => s with { DeadlineSeconds = 300 }).Settle().Freeze();
        world.Delete().Settle().Advance(130).Report("a", NodeFreezePhase.Thawed).Settle();
        Assert.Equal(["postThaw[0]/db-0", "postThaw[0]/db-1"], world.Running);
    }

    [Fact]
    public void A_pod_that_took_the_place_of_another_is_told_itself()
    {
        var world = Usual().Ends("preFreeze[0]/db-0");
        world.Shop.Pod("db-0", "a", "db");
        world.Ends("preFreeze[0]/db-1").Settle();
        Assert.Equal(["preFreeze[0]/db-0"], world.Running);
        Assert.Null(world.Window);
        Assert.Equal(FreezePhase.Frozen, world.Ends("preFreeze[0]/db-0").Freeze().Status.Phase);
    }

    [Fact]
    public void Pods_that_come_and_go_until_there_are_too_many_end_the_request()
    {
        var world = Of(new() { PreFreeze = [Hook("many")], PostThaw = [Hook("many")] });
        for (var i = 0; i < 90; i++) world.Shop.Pod($"many-{i}", "a", "many");
        world.Settle();
        for (var i = 0; i < 90; i++)
        {
            world.Shop.Pods.Remove($"many-{i}");
            world.Shop.Pod($"other-{i}", "a", "many");
        }

        foreach (var hook in world.Running.ToArray()) world.Ends(hook);
        world.Settle();
        Assert.Equal(Reasons.InvalidHook, world.Status.Reason);
        Assert.All(world.Running, hook => Assert.StartsWith("postThaw[0]/many-", hook, StringComparison.Ordinal));
        Assert.Equal(90, world.Running.Count());
        Assert.Null(world.Window);
    }

    [Fact]
    public void What_a_status_says_of_hooks_is_nothing_where_the_spec_has_none()
    {
        var world = World.With("a");
        world.Request = world.Request with { Status = new() { StartedAt = World.Start, Hooks = [new() { Stage = HookStage.PostThaw, Hook = "velero", Pod = "db-0" }] } };
        Assert.Equal(FreezePhase.Frozen, world.Freeze().Status.Phase);
        world.Thaw().Report("a", NodeFreezePhase.Thawed).Settle();
        Assert.Equal(FreezePhase.Thawed, world.Status.Phase);
        Assert.DoesNotContain("RunHooks", world.Writes);
    }

    [Fact]
    public void A_window_that_turns_up_after_the_applications_were_told_to_go_on_is_ended()
    {
        var world = Usual().Ends("preFreeze[0]/db-0").Ends("preFreeze[0]/db-1").Settle();
        var (window, plans) = (world.Window, world.Plans.ToArray());
        world.Window = null;
        world.Plans.Clear();
        world.Request = world.Request with { Status = world.Status with { Phase = FreezePhase.Pending } };
        world.Agents.Clear();
        world.Settle();
        Assert.Equal(["postThaw[0]/db-0", "postThaw[0]/db-1"], world.Running);
        world.Window = window;
        foreach (var (node, plan) in plans) world.Plans[node] = plan;
        world.Settle();
        Assert.Equal(WindowState.Thawed, world.Window!.Spec.DesiredState);
    }

    [Fact]
    public void The_freeze_timeout_counts_from_the_end_of_the_last_hook()
    {
        var world = Usual().Ends("preFreeze[0]/db-0", seconds: 25).Ends("preFreeze[0]/db-1").Settle();
        Assert.NotNull(world.Window);
        world.Advance(9).Settle();
        Assert.Equal(FreezePhase.Frozen, world.Freeze().Status.Phase);
        var late = Usual().Ends("preFreeze[0]/db-0", seconds: 25).Ends("preFreeze[0]/db-1").Settle().Advance(11).Settle();
        Assert.Equal(Reasons.FreezeTimeout, late.Status.Reason);
    }

    [Fact]
    public void A_pod_that_comes_while_hooks_run_has_its_own_run_before_the_window()
    {
        var world = Usual();
        world.Shop.Pod("db-2", "a", "db");
        world.Ends("preFreeze[0]/db-0").Ends("preFreeze[0]/db-1").Settle();
        Assert.Equal(["preFreeze[0]/db-2"], world.Running);
        // One that goes is not waited for, and was told.
        world.Shop.Pods.Remove("db-1");
        world.Ends("preFreeze[0]/db-2").Freeze().Thaw().Report("a", NodeFreezePhase.Thawed).Settle();
        Assert.Equal(["postThaw[0]/db-0", "postThaw[0]/db-1", "postThaw[0]/db-2"], world.Running);
        world.Ends("postThaw[0]/db-0").Ends("postThaw[0]/db-2").Ends("postThaw[0]/db-1", new HookResult { State = HookState.Skipped, Reason = Reasons.PodGone, Message = "the pod is gone." }).Settle();
        Assert.Equal(FreezePhase.Thawed, world.Status.Phase);
        Assert.Equal(ConditionStatus.True, world.Condition(ConditionTypes.HooksSucceeded).Status);
    }

    [Fact]
    public void A_request_that_starts_again_runs_its_hooks_once()
    {
        var world = Of(new() { PreFreeze = [Hook()], PostThaw = [Hook()] })
            .Spec(s => s with { Targets = [new() { PodSelector = new() { MatchLabels = new Dictionary<string, string> { ["app"] = "db" } } }] });
        world.AddNode("b");
        world.Shop.Claim("d0").Claim("d1").Claim("d2").Pod("db-0", "a", "db", "d0").Pod("db-1", "b", "db", "d1");
        world.Settle().Ends("preFreeze[0]/db-0").Ends("preFreeze[0]/db-1").Settle();
        world.Shop.Pod("db-2", "b", "db", "d2");
        world.Report(NodeFreezePhase.Prepared, "a", "b").Settle().Report(NodeFreezePhase.Thawed, "a", "b").Settle().Advance(1).Settle();
        // Only the new one.
        Assert.Equal(["preFreeze[0]/db-2"], world.Running);
        world.Ends("preFreeze[0]/db-2").Freeze();
        Assert.Equal(FreezePhase.Frozen, world.Status.Phase);
        Assert.Equal(["db-0", "db-1", "db-2"], world.Status.Hooks.Where(h => h.Stage == HookStage.PostThaw).Select(h => h.Pod));
    }

    [Fact]
    public void Hooks_are_refused_where_they_are_not_enabled_and_not_begun_where_they_are_not_any_more()
    {
        var world = Of(new() { PreFreeze = [Hook()] });
        world.HooksAreEnabled = false;
        Refused(world, Reasons.HooksNotEnabled, "shop");
        var begun = Frozen();
        begun.HooksAreEnabled = false;
        begun.Thaw().Report("a", NodeFreezePhase.Thawed).Settle();
        Assert.Equal(FreezePhase.Thawed, begun.Status.Phase);
        Assert.Equal((HookState.Skipped, Reasons.HooksNotEnabled), (begun.Hook("postThaw[0]/db-0").State, begun.Hook("postThaw[0]/db-0").Reason));
        // Without hooks nothing needs to be enabled, and no pods are read.
        var without = World.With("a");
        without.HooksAreEnabled = false;
        Assert.Equal(FreezePhase.Frozen, without.Freeze().Status.Phase);
        Assert.Equal(0, without.Reads);
    }

    [Fact]
    public void Hooks_that_could_not_run_are_refused_before_anything_is_begun()
    {
        Refused(Of(new() { PreFreeze = [Hook("nobody")] }), Reasons.InvalidHook, "preFreeze[0]", "app=nobody", "shop");
        Refused(Of(new() { PreFreeze = [Hook()], PostThaw = [Hook(), Hook("nobody")] }), Reasons.InvalidHook, "postThaw[1]", "app=nobody");
        Refused(Of(new() { PreFreeze = [Hook(container: "sidecar")] }), Reasons.InvalidHook, "db-0", "sidecar");
        Refused(Of(new() { Velero = true }), Reasons.InvalidHook, "velero");
        var many = Of(new() { PreFreeze = [Hook("many")] });
        for (var i = 0; i < Bounds.Hooks + 1; i++) many.Shop.Pod($"many-{i}", "a", "many");
        Refused(many, Reasons.InvalidHook, "201", "200");
        // Where a failure would not count, neither does it that there is nobody to fail.
        Assert.Equal(FreezePhase.Frozen, Of(new() { PreFreeze = [Hook("nobody", HookErrorMode.Continue)] }).Freeze().Status.Phase);
    }

    [Fact]
    public void A_pod_that_does_not_run_is_not_told()
    {
        var world = Of(new() { PreFreeze = [Hook()] });
        world.Shop.Phase("db-1", "Pending", "running");
        world.Settle();
        Assert.Equal(["preFreeze[0]/db-0"], world.Running);
    }

    [Fact]
    public void A_dry_run_tells_what_would_run_and_runs_nothing()
    {
        var world = Of(new() { PreFreeze = [Hook()], PostThaw = [Hook("web")] }).Spec(s => s with { DryRun = true }).Settle();
        world.Report("a", NodeFreezePhase.Thawed, frozen: 0, filesystems: new FilesystemStatus { Path = "/srv", State = FilesystemState.Resolved }).Settle();
        Assert.Equal((FreezePhase.Thawed, Reasons.DryRunCompleted), (world.Status.Phase, world.Status.Reason));
        Assert.Equal(["preFreeze[0]/db-0", "preFreeze[0]/db-1", "postThaw[0]/web-0"], world.Status.Hooks.Select(h => $"{h.Hook}/{h.Pod}"));
        Assert.All(world.Status.Hooks, h => Assert.Equal(HookState.Pending, h.State));
        Assert.Empty(world.Runs);
    }

    [Fact]
    public void With_velero_the_affected_pods_annotations_are_hooks()
    {
        var world = Of(new() { Velero = true, PreFreeze = [Hook("web")] })
            .Spec(s => s with { Targets = [new() { PersistentVolumeClaim = new() { Name = "d0" } }] });
        world.Shop.Claim("d0").Pod("db-0", "a", "db", "d0").Pod("other", "a", "other")
            .Annotate("db-0", "pre.hook.backup.velero.io/command", """["/bin/sh", "-c", "psql -c CHECKPOINT"]""")
            .Annotate("db-0", "pre.hook.backup.velero.io/on-error", "Continue")
            .Annotate("db-0", "post.hook.backup.velero.io/command", "/bin/true")
            .Annotate("other", "pre.hook.backup.velero.io/command", "/bin/false");
        world.Settle();
        Assert.Equal(["preFreeze[0]/web-0"], world.Running);
        world.Ends("preFreeze[0]/web-0").Settle();
        Assert.Equal(["velero/db-0"], world.Running);
        Assert.Equal([(HookStage.PreFreeze, HookErrorMode.Continue), (HookStage.PostThaw, HookErrorMode.Fail)], world.Status.Hooks.Where(h => h.Hook == "velero").Select(h => (h.Stage, h.OnError)));
        world.Ends("velero/db-0", 1);
        Assert.Equal(FreezePhase.Frozen, world.Freeze().Status.Phase);
    }

    [Theory]
    [InlineData("/bin/true", null, null, null, "/bin/true", 30, HookErrorMode.Fail, "main")]
    [InlineData("psql -c CHECKPOINT", null, null, null, "psql -c CHECKPOINT", 30, HookErrorMode.Fail, "main")]
    [InlineData("""["/bin/sh","-c","a b"]""", "1m30s", "Continue", "sidecar", "/bin/sh|-c|a b", 90, HookErrorMode.Continue, "sidecar")]
    [InlineData("""["/bin/sh" """, "soon", "continue", "", """["/bin/sh" """, 30, HookErrorMode.Fail, "main")]
    [InlineData("""[]""", "-5s", "Never", null, "[]", 30, HookErrorMode.Fail, "main")]
    [InlineData("/bin/true", "48h", null, null, "/bin/true", 300, HookErrorMode.Fail, "main")]
    [InlineData("""[1, 2]""", "10h", null, null, "[1, 2]", 300, HookErrorMode.Fail, "main")]
    public void Annotations_are_read_as_velero_does(string command, string? timeout, string? onError, string? container, string arguments, int seconds, HookErrorMode mode, string where)
    {
        var shop = new Namespace().Pod("db-0", "a", "db").Annotate("db-0", "pre.hook.backup.velero.io/command", command);
        foreach (var (name, value) in new[] { ("timeout", timeout), ("on-error", onError), ("container", container) })
            if (value is not null) shop.Annotate("db-0", $"pre.hook.backup.velero.io/{name}", value);
        var read = HookCommand.OfAnnotations(HookStage.PreFreeze, shop.Pods["db-0"])!;
        Assert.Equal(arguments, string.Join('|', read.Command));
        Assert.Equal((TimeSpan.FromSeconds(seconds), mode, where), (read.Timeout, read.OnError, read.Container));
        Assert.Null(HookCommand.OfAnnotations(HookStage.PostThaw, shop.Pods["db-0"]));
    }

    [Fact]
    public void The_annotations_from_before_there_was_a_phase_in_them_are_for_the_first()
    {
        var shop = new Namespace().Pod("db-0", "a", "db").Annotate("db-0", "hook.backup.velero.io/command", "/bin/old").Annotate("db-0", "hook.backup.velero.io/timeout", "7s");
        var read = HookCommand.OfAnnotations(HookStage.PreFreeze, shop.Pods["db-0"])!;
        Assert.Equal(("/bin/old", TimeSpan.FromSeconds(7)), (string.Join('|', read.Command), read.Timeout));
        Assert.Null(HookCommand.OfAnnotations(HookStage.PostThaw, shop.Pods["db-0"]));
        // Where both are there, those with a phase count, and the others do not lend them anything.
        shop.Annotate("db-0", "pre.hook.backup.velero.io/command", "/bin/new");
        read = HookCommand.OfAnnotations(HookStage.PreFreeze, shop.Pods["db-0"])!;
        Assert.Equal(("/bin/new", TimeSpan.FromSeconds(30)), (string.Join('|', read.Command), read.Timeout));
    }

    [Theory]
    [InlineData("30s", 30.0)]
    [InlineData("1m30s", 90.0)]
    [InlineData("1.5h", 5400.0)]
    [InlineData("500ms", 0.5)]
    [InlineData("2m0.5s", 120.5)]
    [InlineData("", null)]
    [InlineData("30", null)]
    [InlineData("s", null)]
    [InlineData("0s", null)]
    [InlineData("-1s", null)]
    [InlineData("1s ", null)]
    [InlineData("1d", null)]
    [InlineData("48h", 86400.0)]
    [InlineData("999999999h", 86400.0)]
    [InlineData(null, null)]
    public void Durations_are_gos(string? text, double? seconds) => Assert.Equal(seconds, GoDuration.Parse(text)?.TotalSeconds);

    [Fact]
    public void What_many_hooks_write_finds_room_in_one_status()
    {
        var world = Of(new() { PreFreeze = [Hook("many")] });
        for (var i = 0; i < Bounds.Hooks; i++) world.Shop.Pod($"many-{i:000}-{new string('x', 200)}", "a", "many");
        world.Settle();
        foreach (var hook in world.Running.ToArray())
            world.Ends(hook, new HookResult { State = HookState.Succeeded, ExitCode = 0, Output = new string('y', Bounds.HookOutputLength) });
        world.Settle();
        Assert.Equal(Bounds.Hooks, world.Status.Hooks.Count);
        var size = System.Text.Json.JsonSerializer.SerializeToUtf8Bytes(world.Status, CrdsJson.Default.FreezeRequestStatus).Length;
        Assert.InRange(size, 50_000, 200_000);
    }
}
