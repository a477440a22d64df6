using Quiesce.ApiServers;
using Quiesce.Crds;
using Quiesce.EndToEnd.Tests.Running;
using Quiesce.RealFilesystems;

namespace Quiesce.EndToEnd.Tests;

/// <summary>Hooks as users have them: commands that really run, beside filesystems that really freeze, seen by kubectl.</summary>
[TestClass(DisableParallelization = true)]
public sealed class HookTests(Installation installation, ITestOutputHelper output)
{
    private static FreezeHook Hook(string app, string script, string timeout = "20s", HookErrorMode onError = HookErrorMode.Fail) => new()
    {
        PodSelector = new() { MatchLabels = new Dictionary<string, string> { ["app"] = app } },
        Command = ["/bin/sh", "-c", script],
        Timeout = timeout,
        OnError = onError,
    };

    [Fact]
    public async Task A_claim_the_claims_of_pods_and_a_folder_freeze_over_three_nodes_between_what_their_applications_do()
    {
        await installation.RequireAsync();
        await using var ext4 = await RealFilesystem.CreateAsync(FilesystemKind.Ext4);
        await using var xfs = await RealFilesystem.CreateAsync(FilesystemKind.Xfs);
        await using var btrfs = await RealFilesystem.CreateAsync(FilesystemKind.Btrfs);
        using var guard = Guard.Start(TimeSpan.FromSeconds(90), ext4.MountPoint, xfs.MountPoint, btrfs.MountPoint);
        await using var writer = await StandingWriter.StartAsync(btrfs);
        var workload = await Workload.CreateAsync(installation);
        await using var firstSpace = await NodeSpace.CreateAsync([ext4.MountPoint]);
        await using var secondSpace = await NodeSpace.CreateAsync([xfs.MountPoint]);
        await using var first = await workload.NodeAsync(firstSpace);
        await using var second = await workload.NodeAsync(secondSpace);
        await using var third = await installation.NodeAsync();
        await workload.ClaimAsync("orders");
        await workload.ClaimAsync("pages");
        var (db, web) = (await workload.PodAsync("db-0", first.Name, "db", "orders"), await workload.PodAsync("web-0", second.Name, "web", "pages"));
        await workload.MountAsync(firstSpace, ext4, db, "orders");
        await workload.MountAsync(secondSpace, xfs, web, "pages");
        await using var kubelet = await FakeKubelet.StartAsync();
        foreach (var node in new[] { first, second, third }) await kubelet.ServeAsync(installation.Server.Http, node.Name);
        // The working folder of a command is the pod's volume, as its node has it.
        kubelet.Script = async call =>
        {
            var (space, folder) = call.Pod == "db-0" ? (firstSpace, workload.Folder(db, "orders")) : (secondSpace, workload.Folder(web, "pages"));
            string[] there = [.. space.Enter.Skip(1), "env", $"--chdir={folder}", .. call.Command];
            var (code, said) = await Command.TryAsync(space.Enter[0], there);
            await call.WriteAsync(said);
            return code;
        };
        await installation.ReplaceOperatorAsync(new() { Arguments = ["--hooks-namespace", workload.Namespace] });

        var request = await Request.CreateInAsync(installation, workload.Namespace, new()
        {
            DeadlineSeconds = 30,
            FreezeTimeoutSeconds = 30,
            Targets =
            [
                new() { PersistentVolumeClaim = new() { Name = "orders" } },
                new() { PodSelector = new() { MatchLabels = new Dictionary<string, string> { ["app"] = "web" } } },
                Request.HostPath(third.Name, btrfs.MountPoint),
            ],
            Hooks = new()
            {
                // What they write is on the filesystem before it is frozen.
                PreFreeze = [Hook("db", "echo checkpoint >state && cat state"), Hook("web", "echo drained >state && cat state")],
                PostThaw = [Hook("db", "echo open >>state && cat state"), Hook("web", "echo oops >&2; exit 4", onError: HookErrorMode.Continue)],
            },
        });
        var frozen = await request.PhaseAsync(FreezePhase.Frozen);
        Assert.Equal((3, 3), (frozen.NodesFrozen, frozen.FrozenFilesystems));
        await writer.StandsStillAsync();
        Assert.Equal(["checkpoint", "drained"], frozen.Hooks.Where(h => h.Stage == HookStage.PreFreeze).Select(h => h.Output));
        await request.ThawAsync();
        // The thaw is told before the hooks after it have ended.
        Assert.Contains("condition met", await installation.KubectlAsync("wait", "-n", request.Namespace, "freeze/nightly", "--for=condition=Thawed", "--timeout=15s"), StringComparison.Ordinal);
        Assert.Contains("condition met", await installation.KubectlAsync("wait", "-n", request.Namespace, "freeze/nightly", "--for=condition=Finished", "--timeout=15s"), StringComparison.Ordinal);
        var thawed = await request.EndsAsAsync(FreezePhase.Thawed, Reasons.ThawRequested);
        var (open, oops) = (thawed.Hooks[2], thawed.Hooks[3]);
        Assert.Equal((HookState.Succeeded, 0, "checkpoint\nopen"), (open.State, open.ExitCode, open.Output));
        Assert.Equal((HookState.Failed, 4, "oops", Reasons.HookFailed), (oops.State, oops.ExitCode, oops.Output, oops.Reason));
        Assert.Equal(ConditionStatus.True, Request.Condition(thawed, ConditionTypes.HooksSucceeded).Status);
        var story = "";
        await Eventually.GetAsync(
            async () => (story = await installation.KubectlAsync("describe", "-n", request.Namespace, "freeze", "nightly")).Contains("postThaw[1] in pod web-0", StringComparison.Ordinal) ? "told" : null,
            () => story);
        output.WriteLine(story);
        // The story is told in the order in which it happened.
        string[] order =
        [
            "will take part", "running preFreeze[0]", "preFreeze[0] in pod db-0", "running preFreeze[1]", "preFreeze[1] in pod web-0", "nothing is frozen yet", "freeze now",
            "3 filesystems on 3 nodes frozen", "thawing: desiredState", "running postThaw[0]", "postThaw[0] in pod db-0", "running postThaw[1]", "postThaw[1] in pod web-0", "held without a break until desiredState",
        ];
        var told = story[story.IndexOf("Events:", StringComparison.Ordinal)..];
        Assert.Equal(order, order.OrderBy(line => told.IndexOf(line, StringComparison.Ordinal)));
        Assert.All(order, line => Assert.Contains(line, told, StringComparison.Ordinal));
        await writer.FrozenOnceAsync(longestSeconds: 30);
        await request.GoesAwayAsync();
    }

    [Fact]
    public async Task A_hook_that_fails_freezes_nothing_and_a_deadline_runs_the_hooks_after_it()
    {
        await installation.RequireAsync();
        await using var ext4 = await RealFilesystem.CreateAsync(FilesystemKind.Ext4);
        using var guard = ext4.Guard(TimeSpan.FromSeconds(60));
        await using var writer = await StandingWriter.StartAsync(ext4);
        var workload = await Workload.CreateAsync(installation);
        await using var node = await installation.NodeAsync();
        await workload.PodAsync("db-0", node.Name, "db");
        await using var kubelet = await FakeKubelet.StartAsync();
        await kubelet.ServeAsync(installation.Server.Http, node.Name);
        kubelet.Script = async call =>
        {
            var (code, said) = await Command.TryAsync(call.Command[0], [.. call.Command.Skip(1)]);
            await call.WriteAsync(said);
            return code;
        };
        await installation.ReplaceOperatorAsync(new() { Arguments = ["--hooks-namespace", workload.Namespace] });
        FreezeRequestSpec Spec(string before) => new()
        {
            DeadlineSeconds = 2,
            Targets = [Request.HostPath(node.Name, ext4.MountPoint)],
            Hooks = new() { PreFreeze = [Hook("db", before)], PostThaw = [Hook("db", "echo over")] },
        };

        var refused = await Request.CreateInAsync(installation, workload.Namespace, Spec("echo no such database; exit 3"), "refused");
        var failed = await refused.EndsAsAsync(FreezePhase.Failed, Reasons.HookFailed);
        Assert.Contains("exit code 3: no such database", failed.Message, StringComparison.Ordinal);
        Assert.Equal((HookState.Succeeded, "over"), (failed.Hooks[^1].State, failed.Hooks[^1].Output));
        await writer.NeverFrozenAsync();
        await refused.GoesAwayAsync();

        var forgotten = await Request.CreateInAsync(installation, workload.Namespace, Spec("true"), "forgotten");
        var expired = await forgotten.EndsAsAsync(FreezePhase.Expired, Reasons.DeadlineExceeded);
        Assert.Equal((HookState.Succeeded, "over"), (expired.Hooks[^1].State, expired.Hooks[^1].Output));
        await writer.FrozenOnceAsync(longestSeconds: 4);
        await forgotten.GoesAwayAsync();
    }
}
