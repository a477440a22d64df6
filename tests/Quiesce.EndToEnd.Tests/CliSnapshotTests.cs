using System.Text.Json.Nodes;
using Quiesce.Cluster.Faults;
using Quiesce.EndToEnd.Tests.Running;
using Quiesce.RealFilesystems;

namespace Quiesce.EndToEnd.Tests;

/// <summary><c>kubectl quiesce run -- kubectl quiesce wait-snapshots</c>: the cut is taken while everything stands still, or there is none.</summary>
public sealed class CliSnapshotTests(Installation installation)
{
    [Fact]
    public async Task Snapshots_of_all_claims_are_cut_while_they_stand_still_and_it_is_thawed_when_the_cut_is_taken()
    {
        await using var scene = await SceneAsync();
        await using var run = scene.Run();
        foreach (var snapshot in await scene.Controller.AppearAsync(run, SnapshotController.Snapshots, "volumesnapshots", 2))
        {
            await scene.StandStillAsync();
            Assert.Equal("fast", (string?)snapshot["spec"]!["volumeSnapshotClassName"]);
            // One is late, and both are needed.
            await Task.Delay(400);
            Assert.True(scene.StandStill, run.Said);
            await scene.CutAsync(snapshot);
        }

        Assert.Equal(0, await run.EndAsync());
        Assert.Contains("2 VolumeSnapshots: cut taken with 2 filesystems frozen", run.Said, StringComparison.Ordinal);
        Assert.Contains("held without a break", run.Said, StringComparison.Ordinal);
        var kept = await scene.Controller.ListAsync(SnapshotController.Snapshots, "volumesnapshots");
        Assert.Equal(["orders", "pages"], kept.Select(s => (string)s["spec"]!["source"]!["persistentVolumeClaimName"]!).Order());
        Assert.All(kept, s => Assert.Contains($"volumesnapshot.snapshot.storage.k8s.io/{s["metadata"]!["name"]}\t", run.Said, StringComparison.Ordinal));
        Assert.All(kept, s => Assert.Equal("nightly", (string?)s["metadata"]!["labels"]!["quiesce.dev/request"]));
        await scene.FrozenOnceAsync();
    }

    [Fact]
    public async Task A_cut_that_is_not_taken_in_time_leaves_no_snapshot()
    {
        await using var scene = await SceneAsync();
        // Long enough for both to be seen on a server that is busy with other tests.
        await using var run = scene.Run("--timeout", "10s");
        var first = (await scene.Controller.AppearAsync(run, SnapshotController.Snapshots, "volumesnapshots", 2))[0];
        await scene.Controller.StatusAsync(SnapshotController.Snapshots, "volumesnapshots", (string)first["metadata"]!["name"]!, new() { ["error"] = new JsonObject { ["message"] = "the array is full" } });
        Assert.Equal(1, await run.EndAsync());
        Assert.Contains("the array is full", run.Said, StringComparison.Ordinal);
        Assert.Contains("was not taken within 10s", run.Said, StringComparison.Ordinal);
        Assert.Empty(await scene.Controller.ListAsync(SnapshotController.Snapshots, "volumesnapshots"));
        await scene.FrozenOnceAsync();
    }

    [Fact]
    public async Task A_snapshot_that_is_made_after_the_time_is_over_is_removed()
    {
        await using var scene = await SceneAsync();
        using var late = scene.Disturb("create", FaultEffect.Delay(TimeSpan.FromSeconds(3)));
        await using var run = scene.Run("--timeout", "1s");
        Assert.Equal(1, await run.EndAsync());
        Assert.Contains("was not taken within 1s", run.Said, StringComparison.Ordinal);
        Assert.Equal(2, run.Said.Split(": removed volumesnapshot").Length - 1);
        Assert.Empty(await scene.Controller.ListAsync(SnapshotController.Snapshots, "volumesnapshots"));
        await scene.FrozenOnceAsync();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_snapshot_of_which_no_answer_came_is_looked_for(bool wasMade)
    {
        await using var scene = await SceneAsync();
        using var fault = scene.Disturb("create", wasMade ? FaultEffect.CutAfter : FaultEffect.Delay(TimeSpan.FromMinutes(1)));
        await using var run = scene.Run("--request-timeout", "1s");
        Assert.Equal(7, await run.EndAsync());
        Assert.Equal(wasMade ? 2 : 1, run.Said.Split(": removed volumesnapshot").Length - 1);
        Assert.Equal(wasMade ? 0 : 1, run.Said.Split("the API server has not said whether it was created, so it may be yet; remove it with `kubectl delete volumesnapshots.snapshot.storage.k8s.io -n ").Length - 1);
        Assert.Empty(await scene.Controller.ListAsync(SnapshotController.Snapshots, "volumesnapshots"));
        Assert.False(scene.StandStill, run.Said);
    }

    [Fact]
    public async Task A_snapshot_that_is_refused_is_nobodys_to_remove()
    {
        await using var scene = await SceneAsync();
        using var fault = scene.Disturb("create", FaultEffect.Forbidden);
        await using var run = scene.Run();
        Assert.Equal(6, await run.EndAsync());
        Assert.Single(run.Said.Split('\n'), line => line.Contains(": removed volumesnapshot", StringComparison.Ordinal));
        Assert.DoesNotContain("remove it with", run.Said, StringComparison.Ordinal);
        Assert.Empty(await scene.Controller.ListAsync(SnapshotController.Snapshots, "volumesnapshots"));
    }

    [Theory]
    [InlineData("create", "the API server has not said whether it was created, so it may be yet")]
    [InlineData("delete", "was not removed, and is not known to be cut within the window: ")]
    public async Task A_snapshot_that_cannot_be_taken_back_is_said_with_what_removes_it(string verb, string expected)
    {
        await using var scene = await SceneAsync();
        using var fault = scene.Disturb(verb, verb == "create" ? FaultEffect.Delay(TimeSpan.FromMinutes(1)) : FaultEffect.Forbidden);
        await using var run = scene.Run("--timeout", "1s");
        Assert.Equal(1, await run.EndAsync());
        Assert.Contains("was not taken within 1s", run.Said, StringComparison.Ordinal);
        Assert.Single(run.Said.Split('\n'), line => line.Contains(expected, StringComparison.Ordinal));
        Assert.Single(run.Said.Split('\n'), line => line.Contains(": removed volumesnapshot", StringComparison.Ordinal));
        await scene.FrozenOnceAsync();
        var left = await scene.Controller.ListAsync(SnapshotController.Snapshots, "volumesnapshots");
        Assert.Equal(verb == "delete" ? 1 : 0, left.Count);
        fault.Dispose();
        var remove = run.Said.Split("remove it with `kubectl ")[1].Split('`')[0];
        await installation.KubectlAsync(remove.Split(' '));
        Assert.Empty(await scene.Controller.ListAsync(SnapshotController.Snapshots, "volumesnapshots"));
    }

    [Fact]
    public async Task A_window_that_ends_before_the_cut_leaves_no_snapshot()
    {
        await using var scene = await SceneAsync();
        await using var run = scene.RunFor("6s", "--timeout", "60s");
        Assert.Equal(5, await run.EndAsync());
        Assert.Contains("the window was over before the cut of 2 VolumeSnapshots was taken", run.Said, StringComparison.Ordinal);
        Assert.Empty(await scene.Controller.ListAsync(SnapshotController.Snapshots, "volumesnapshots"));
        await scene.FrozenOnceAsync();
    }

    [Fact]
    public async Task A_group_has_to_be_the_windows_claims()
    {
        await using var scene = await SceneAsync();
        await using (var run = scene.Run("--group", "set=none"))
        {
            Assert.Equal(2, await run.EndAsync());
            Assert.Contains("--group set=none does not match orders, pages", run.Said, StringComparison.Ordinal);
        }

        await installation.KubectlAsync("label", "pvc", "-n", scene.Namespace, "orders", "pages", "spare", "set=all");
        await using (var run = scene.Run("--group", "set=all"))
        {
            Assert.Equal(2, await run.EndAsync());
            Assert.Contains("--group set=all matches spare, which", run.Said, StringComparison.Ordinal);
        }

        await installation.KubectlAsync("label", "pvc", "-n", scene.Namespace, "spare", "set-");
        await using (var run = scene.Run("--group", "set=all"))
        {
            var group = Assert.Single(await scene.Controller.AppearAsync(run, SnapshotController.Groups, "volumegroupsnapshots", 1));
            await scene.StandStillAsync();
            Assert.Equal("all", (string?)group["spec"]!["source"]!["selector"]!["matchLabels"]!["set"]);
            await scene.Controller.StatusAsync(SnapshotController.Groups, "volumegroupsnapshots", (string)group["metadata"]!["name"]!, new() { ["creationTime"] = TimeProvider.System.GetUtcNow().ToString("O") });
            Assert.Equal(0, await run.EndAsync());
        }
    }

    [Fact]
    public async Task A_velero_backup_is_waited_for_until_it_has_taken_its_snapshots()
    {
        await using var scene = await SceneAsync();
        await installation.Server.ApplyAsync($$"""
            apiVersion: velero.io/v1
            kind: Schedule
            metadata: {name: nightly, namespace: {{scene.Namespace}} }
            spec: {schedule: "@daily", template: {includedNamespaces: [a, b], ttl: 720h} }
            """);
        await using (var run = scene.Run("--velero-backup", "one", "--velero-namespace", scene.Namespace, "--velero-schedule", "nightly"))
        {
            var backup = Assert.Single(await scene.Controller.AppearAsync(run, SnapshotController.Velero, "backups", 1));
            await scene.StandStillAsync();
            Assert.Equal("720h", (string?)backup["spec"]!["ttl"]);
            foreach (var phase in new[] { "New", "InProgress" })
            {
                await scene.Controller.StatusAsync(SnapshotController.Velero, "backups", "one", new() { ["phase"] = phase });
                await Task.Delay(300);
                Assert.True(scene.StandStill, run.Said);
            }

            await scene.Controller.StatusAsync(SnapshotController.Velero, "backups", "one", new() { ["phase"] = "WaitingForPluginOperations" });
            Assert.Equal(0, await run.EndAsync());
        }

        await using (var run = scene.Run("--velero-backup", "two", "--velero-namespace", scene.Namespace))
        {
            await scene.Controller.AppearAsync(run, SnapshotController.Velero, "backups", 2);
            await scene.Controller.StatusAsync(SnapshotController.Velero, "backups", "two", new() { ["phase"] = "FailedValidation", ["validationErrors"] = new JsonArray("no such location") });
            Assert.Equal(1, await run.EndAsync());
            Assert.Contains("FailedValidation: no such location", run.Said, StringComparison.Ordinal);
        }

        // Somebody else's, and complete: it stays, and nobody is told to remove it.
        await using (var run = scene.Run("--velero-backup", "one", "--velero-namespace", scene.Namespace))
        {
            Assert.Equal(2, await run.EndAsync());
            Assert.Contains("already exists", run.Said, StringComparison.Ordinal);
            Assert.DoesNotContain("velero backup delete", run.Said, StringComparison.Ordinal);
        }

        await using (var run = scene.Run("--velero-backup", "three", "--velero-namespace", scene.Namespace, "--velero-schedule", "none"))
        {
            Assert.Equal(2, await run.EndAsync());
            Assert.Contains("there is no Schedule none", run.Said, StringComparison.Ordinal);
            Assert.DoesNotContain("velero backup delete", run.Said, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task What_cannot_be_cut_is_said()
    {
        await using var scene = await SceneAsync();
        await using (var run = scene.Run("--pvc", "spare"))
        {
            Assert.Equal(2, await run.EndAsync());
            Assert.Contains("spare: not held by nightly", run.Said, StringComparison.Ordinal);
        }

        var (code, said) = await Command.TryAsync("env", ["-u", "KUBECONFIG", Installation.CliProgram, "wait-snapshots", "--kubeconfig", installation.Kubeconfig, "-n", scene.Namespace]);
        Assert.Equal(2, code);
        Assert.Contains("which window?", said, StringComparison.Ordinal);
        (code, said) = await Command.TryAsync("env", ["-u", "KUBECONFIG", Installation.CliProgram, "wait-snapshots", "--kubeconfig", installation.Kubeconfig, "-n", scene.Namespace, "--request", "nightly"]);
        Assert.Equal(4, code);
        Assert.Contains("not Frozen: nothing was cut", said, StringComparison.Ordinal);
    }

    private async Task<Scene> SceneAsync()
    {
        await installation.RequireAsync();
        var workload = await Workload.CreateAsync(installation);
        var controller = new SnapshotController(installation, workload.Namespace);
        await controller.DefineAsync(SnapshotController.Snapshots, "VolumeSnapshot", "volumesnapshots");
        await controller.DefineAsync(SnapshotController.Groups, "VolumeGroupSnapshot", "volumegroupsnapshots");
        await controller.DefineAsync(SnapshotController.Velero, "Backup", "backups");
        await controller.DefineAsync(SnapshotController.Velero, "Schedule", "schedules");
        foreach (var (version, plural) in new[] { (SnapshotController.Snapshots, "volumesnapshots"), (SnapshotController.Groups, "volumegroupsnapshots"), (SnapshotController.Velero, "backups"), (SnapshotController.Velero, "schedules") })
            await Eventually.GetAsync(async () => (await installation.Server.Http.GetAsync(new Uri($"/apis/{version}/{plural}", UriKind.Relative))).IsSuccessStatusCode ? "served" : null, () => $"{plural} served");
        var scene = new Scene(installation, workload, controller);
        await scene.SetAsync();
        return scene;
    }

    /// <summary>Two pods with a claim each, on two nodes, and a claim that nobody uses.</summary>
    private sealed class Scene(Installation installation, Workload workload, SnapshotController controller) : IAsyncDisposable
    {
        private readonly Stack<IAsyncDisposable> parts = new();
        private readonly List<StandingWriter> writers = [];
        private Guard? guard;
        private int runs;

        internal string Namespace => workload.Namespace;

        internal SnapshotController Controller => controller;

        internal async Task StandStillAsync()
        {
            foreach (var writer in writers) await writer.StandsStillAsync();
        }

        internal bool StandStill => writers.All(w => w.StandsStill);

        internal async Task SetAsync()
        {
            var filesystems = new List<RealFilesystem>();
            foreach (var claim in new[] { "orders", "pages" })
            {
                var filesystem = Keep(await RealFilesystem.CreateAsync(FilesystemKind.Ext4));
                filesystems.Add(filesystem);
                writers.Add(Keep(await StandingWriter.StartAsync(filesystem)));
                var space = Keep(await NodeSpace.CreateAsync([filesystem.MountPoint]));
                var node = Keep(await workload.NodeAsync(space));
                await workload.ClaimAsync(claim);
                await workload.MountAsync(space, filesystem, await workload.PodAsync($"{claim}-0", node.Name, "db", claim), claim);
            }

            guard = Guard.Start(TimeSpan.FromSeconds(90), [.. filesystems.Select(f => f.MountPoint)]);
            await workload.ClaimAsync("spare");
        }

        internal ProgramRun Run(params string[] arguments) => RunFor("40s", arguments);

        internal ProgramRun RunFor(string deadline, params string[] arguments)
        {
            string[] own = ["--kubeconfig", installation.Kubeconfig];
            string[] snapshotClass = arguments.Contains("--velero-backup") ? [] : ["--snapshot-class", "fast"];
            return new(
                new ProgramStart(),
                [Installation.CliProgram, "run", .. own, "-n", Namespace, "--name", runs++ == 0 ? "nightly" : $"nightly-{runs}", "--pod-selector", "app=db", "--deadline", deadline, "--", Installation.CliProgram, "wait-snapshots", .. own, .. snapshotClass, .. arguments]);
        }

        /// <summary>Something happens to the next request of this kind for a VolumeSnapshot, or the test is skipped.</summary>
        internal FaultRule Disturb(string verb, FaultEffect effect)
        {
            Assert.SkipUnless(installation.Server.SupportsFaults, "faults are injected into the local cluster only");
            return installation.Server.Local!.Faults.Inject(RequestMatch.Of(verb, "volumesnapshots") with { Namespace = Namespace }, effect);
        }

        internal Task CutAsync(JsonNode snapshot) =>
            controller.StatusAsync(SnapshotController.Snapshots, "volumesnapshots", (string)snapshot["metadata"]!["name"]!, new() { ["creationTime"] = TimeProvider.System.GetUtcNow().ToString("O"), ["readyToUse"] = false });

        internal async Task FrozenOnceAsync()
        {
            foreach (var writer in writers) await writer.FrozenOnceAsync(longestSeconds: 30);
        }

        public async ValueTask DisposeAsync()
        {
            while (parts.TryPop(out var part)) await part.DisposeAsync();
            guard?.Dispose();
        }

        private T Keep<T>(T part)
            where T : IAsyncDisposable
        {
            parts.Push(part);
            return part;
        }
    }
}
