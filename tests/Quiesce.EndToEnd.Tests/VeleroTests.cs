using System.Text.Json.Nodes;
using Quiesce.Crds;
using Quiesce.EndToEnd.Tests.Running;
using Quiesce.RealFilesystems;
using Tmds.Linux;

namespace Quiesce.EndToEnd.Tests;

/// <summary>docs/velero.md: its manifests, its commands and its rights do what it says, by the rules of the tools it is about.</summary>
public sealed class VeleroTests(Installation installation)
{
    private const string Pod = "orders-0";

    [Fact]
    public async Task The_documented_hooks_freeze_the_claim_thaw_it_and_do_so_again_for_the_next_backup()
    {
        await using var scene = await SceneAsync();
        var velero = scene.Velero();
        for (var backup = 1; backup <= 2; backup++)
        {
            var (phase, errors) = await velero.BackupAsync([Pod], async () =>
            {
                await scene.Writer.StandsStillAsync();
                // What a file-system backup does, access times included: it does not wait.
                await scene.ReadAsync();
                Assert.True(scene.Writer.StandsStill);
            });
            Assert.True(phase == "Completed", string.Join('\n', errors));
            await scene.Writer.GoesOnAsync(TimeSpan.FromSeconds(5));
        }

        Assert.Equal(2, scene.Writer.Stalls.Count);
        Assert.Equal(2, velero.Said.Count(said => said.StartsWith("post", StringComparison.Ordinal) && said.Contains("held without a break", StringComparison.Ordinal)));
        // One name, and nothing else is left behind.
        Assert.Equal("velero-orders", Assert.Single((await installation.FreezeRequests.ListAsync(scene.Namespace)).Items).Metadata.Name);
    }

    [Fact]
    public async Task Pods_that_share_a_volume_freeze_it_once_and_all_of_them_hear_the_verdict()
    {
        await using var scene = await SceneAsync();
        await scene.SecondPodAsync();
        var velero = scene.Velero();
        var (phase, errors) = await velero.BackupAsync([Pod, "orders-1"], () => scene.Writer.StandsStillAsync());
        Assert.True(phase == "Completed", string.Join('\n', errors));
        Assert.Contains("joining it", velero.Said[1], StringComparison.Ordinal);
        Assert.All(velero.Said[2..], said => Assert.Contains("held without a break", said, StringComparison.Ordinal));
        await scene.Writer.FrozenOnceAsync(longestSeconds: 30);
        // Before Velero knew blocks it did them one after the other, the second right after the first.
        foreach (var pod in new[] { Pod, "orders-1" })
        {
            (phase, errors) = await velero.BackupAsync([pod], () => scene.Writer.StandsStillAsync());
            Assert.True(phase == "Completed", string.Join('\n', errors));
        }
    }

    [Fact]
    public async Task A_hook_that_fails_freezes_nothing_and_leaves_the_pod_out()
    {
        await using var scene = await SceneAsync();
        await installation.KubectlAsync("annotate", "--overwrite", "pod", "-n", scene.Namespace, Pod, $"pre.hook.backup.velero.io/command={scene.Pre.Replace("\"orders\"", "\"nobodys\"", StringComparison.Ordinal)}");
        var (phase, errors) = await scene.Velero().BackupAsync([Pod], () => Task.CompletedTask);
        Assert.Equal("PartiallyFailed", phase);
        Assert.Contains(Reasons.ClaimNotFound, Assert.Single(errors), StringComparison.Ordinal);
        // With Continue it goes on, and the hook after it says that there was no window.
        await installation.KubectlAsync("annotate", "--overwrite", "pod", "-n", scene.Namespace, Pod, "pre.hook.backup.velero.io/on-error=Continue");
        (phase, errors) = await scene.Velero().BackupAsync([Pod], () => Task.CompletedTask);
        Assert.Equal("PartiallyFailed", phase);
        Assert.Equal(2, errors.Count);
        Assert.Contains($"post {Pod}: exit code 4", errors[1], StringComparison.Ordinal);
        await scene.Writer.NeverFrozenAsync();
    }

    [Fact]
    public async Task When_Velero_dies_the_deadline_thaws_and_the_next_backup_finds_the_name_free()
    {
        await using var scene = await SceneAsync();
        await installation.KubectlAsync("annotate", "--overwrite", "pod", "-n", scene.Namespace, Pod, $"pre.hook.backup.velero.io/command={scene.Pre.Replace("\"2m\"", "\"4s\"", StringComparison.Ordinal)}");
        await Assert.ThrowsAsync<OperationCanceledException>(() => scene.Velero().BackupAsync([Pod], async () =>
        {
            await scene.Writer.StandsStillAsync();
            throw new OperationCanceledException("Velero was restarted");
        }));
        await scene.Writer.GoesOnAsync(TimeSpan.FromSeconds(10));
        await scene.Writer.FrozenOnceAsync(longestSeconds: 6);
        // A window that its deadline ends is no verdict to go by.
        var (phase, errors) = await scene.Velero().BackupAsync([Pod], async () =>
        {
            await scene.Writer.StandsStillAsync();
            await scene.Writer.GoesOnAsync(TimeSpan.FromSeconds(10));
        });
        Assert.Equal("PartiallyFailed", phase);
        Assert.Contains($"post {Pod}: exit code 3", Assert.Single(errors), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_hook_that_Velero_gave_up_on_leaves_nothing_frozen_past_its_deadline()
    {
        await using var scene = await SceneAsync();
        await installation.KubectlAsync(
            "annotate", "--overwrite", "pod", "-n", scene.Namespace, Pod,
            $"pre.hook.backup.velero.io/command={scene.Pre.Replace("\"2m\"", "\"3s\"", StringComparison.Ordinal)}", "pre.hook.backup.velero.io/timeout=1500ms");
        await scene.Node.Agent.PauseAsync();
        var (phase, errors) = await scene.Velero().BackupAsync([Pod], () => Task.CompletedTask);
        Assert.Equal("PartiallyFailed", phase);
        Assert.Contains("timed out", Assert.Single(errors), StringComparison.Ordinal);
        scene.Node.Agent.Signal(LibC.SIGCONT);
        // It freezes after all, as the page warns.
        await scene.Writer.StandsStillAsync();
        await scene.Writer.GoesOnAsync(TimeSpan.FromSeconds(10));
        await scene.Writer.FrozenOnceAsync(longestSeconds: 5);
    }

    [Fact]
    public async Task Every_right_of_the_documented_role_is_needed()
    {
        await using var scene = await SceneAsync();
        if (!installation.Server.Authorizes) Assert.Skip("the local cluster allows everybody everything");
        string[] verbs = ["get", "list", "watch", "create", "patch", "delete"];
        // Something to replace, so that every verb is used.
        Assert.Equal("Completed", (await scene.Velero().BackupAsync([Pod], () => Task.CompletedTask)).Phase);
        foreach (var verb in verbs)
        {
            await scene.AllowAsync([.. verbs.Where(v => v != verb)], without: verb);
            var (phase, errors) = await scene.Velero().BackupAsync([Pod], () => Task.CompletedTask);
            Assert.True(phase == "PartiallyFailed", $"{verb} is not needed");
            Assert.Contains("exit code 6", errors[0], StringComparison.Ordinal);
            await scene.AllowAsync(verbs, without: null);
            // What is open is ended, for the next one.
            await installation.TryKubectlAsync("delete", "freezerequests", "--all", "-n", scene.Namespace);
            Assert.Equal("Completed", (await scene.Velero().BackupAsync([Pod], () => Task.CompletedTask)).Phase);
        }
    }

    [Fact]
    public async Task The_documented_CronJob_cuts_its_snapshots_in_the_window()
    {
        await using var scene = await SceneAsync("postgres");
        var controller = await scene.SnapshotsAsync();
        await using var sidecar = await scene.ApplyAsync("postgres-snapshots.yaml", "postgres-backup");
        var run = sidecar.Start(await scene.JobAsync("postgres-snapshots"));
        var snapshot = Assert.Single(await controller.AppearAsync(run, SnapshotController.Snapshots, "volumesnapshots", 1));
        await scene.Writer.StandsStillAsync();
        Assert.Equal("orders", (string?)snapshot["spec"]!["source"]!["persistentVolumeClaimName"]);
        await controller.StatusAsync(SnapshotController.Snapshots, "volumesnapshots", (string)snapshot["metadata"]!["name"]!, new() { ["creationTime"] = TimeProvider.System.GetUtcNow().ToString("O") });
        Assert.True(await run.EndAsync() == 0, run.Said);
        Assert.Contains("cut taken with 1 filesystem frozen", run.Said, StringComparison.Ordinal);
        await scene.Writer.FrozenOnceAsync(longestSeconds: 30);
    }

    [Fact]
    public async Task The_documented_CronJob_starts_a_Backup_in_the_window()
    {
        await using var scene = await SceneAsync("postgres");
        var controller = await scene.SnapshotsAsync();
        await using var sidecar = await scene.ApplyAsync("postgres-velero.yaml", "velero-backup");
        var run = sidecar.Start(await scene.JobAsync("shop-backup"));
        var backup = Assert.Single(await controller.AppearAsync(run, SnapshotController.Velero, "backups", 1, scene.VeleroNamespace));
        await scene.Writer.StandsStillAsync();
        Assert.Equal("shop-backup-29", (string?)backup["metadata"]!["name"]);
        Assert.Equal(scene.Namespace, (string?)backup["spec"]!["includedNamespaces"]![0]);
        await controller.StatusAsync(SnapshotController.Velero, "backups", "shop-backup-29", new() { ["phase"] = "WaitingForPluginOperations" }, scene.VeleroNamespace);
        Assert.True(await run.EndAsync() == 0, run.Said);
        await scene.Writer.FrozenOnceAsync(longestSeconds: 30);
    }

    [Fact]
    public async Task The_documented_CronJob_runs_a_script_in_the_window()
    {
        await using var scene = await SceneAsync();
        await using var sidecar = await scene.ApplyAsync("postgres-snapshots.yaml", "postgres-backup");
        await installation.Server.ApplyAsync(BackupPage.Manifest("ledger.yaml", scene.Namespace));
        var command = await scene.JobAsync("ledger-backup");
        // The script is the user's, and so is the second claim.
        string[] line = [.. command.TakeWhile(a => a != "--").Where((a, i) => a != "ledger" && command.ElementAtOrDefault(i + 1) != "ledger"), "--", "sleep", "2"];
        var (code, said) = await sidecar.ExecAsync(line);
        Assert.True(code == 0, said);
        await scene.Writer.FrozenOnceAsync(longestSeconds: 30, shortestSeconds: 2);
    }

    [Fact]
    public async Task The_documented_rules_of_Stork_freeze_before_the_snapshots_and_thaw_after_them()
    {
        await using var scene = await SceneAsync("postgres");
        await scene.StorkAsync();
        async Task RunAsync(string name)
        {
            using var answer = await installation.Server.Http.GetAsync(new Uri($"/apis/stork.libopenstorage.org/v1alpha1/namespaces/{scene.Namespace}/rules/{name}", UriKind.Relative));
            var rule = Assert.Single(JsonNode.Parse(await answer.Content.ReadAsStringAsync())!["rules"]!.AsArray())!;
            Assert.Equal("postgres", (string?)rule["podSelector"]!["app"]);
            Assert.Equal("quiesce", (string?)rule["container"]);
            var action = Assert.Single(rule["actions"]!.AsArray())!;
            Assert.True((bool?)action["runInSinglePod"]);
            // Stork gives the text to a shell, and tries again what fails.
            for (var tries = 1; ; tries++)
            {
                var (code, said) = await scene.Sidecar.ExecAsync(["sh", "-c", (string)action["value"]!]);
                if (code == 0) return;
                Assert.True(tries < 2, said);
                await Task.Delay(TimeSpan.FromSeconds(5));
            }
        }

        for (var backup = 1; backup <= 2; backup++)
        {
            await RunAsync("quiesce-freeze");
            await scene.Writer.StandsStillAsync();
            await RunAsync("quiesce-thaw");
            await scene.Writer.GoesOnAsync(TimeSpan.FromSeconds(5));
        }

        Assert.Equal(2, scene.Writer.Stalls.Count);
    }

    [Fact]
    public async Task Every_manifest_of_the_page_is_one_that_the_API_server_takes()
    {
        await installation.RequireAsync();
        var (shop, velero) = (await installation.Server.CreateNamespaceAsync("shop"), await installation.Server.CreateNamespaceAsync("velero"));
        await DefineAsync(installation, shop);
        Assert.Equal(5, BackupPage.Names.Count);
        foreach (var name in BackupPage.Names)
        {
            var file = installation.NewFile(name);
            await File.WriteAllTextAsync(file, BackupPage.Manifest(name, shop, velero));
            var (code, said) = await installation.TryKubectlAsync("apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", file);
            Assert.True(code == 0, $"{name}: {said}");
        }
    }

    [Theory]
    [InlineData("""{"pre.hook.backup.velero.io/command": "/bin/date -u"}""", "first", "/bin/date -u", 30, true)]
    [InlineData("""{"pre.hook.backup.velero.io/command": "[\"/bin/date\", \"-u\"]", "pre.hook.backup.velero.io/container": "second"}""", "second", "/bin/date|-u", 30, true)]
    [InlineData("""{"pre.hook.backup.velero.io/command": "[a", "pre.hook.backup.velero.io/timeout": "1m30s", "pre.hook.backup.velero.io/on-error": "Continue"}""", "first", "[a", 90, false)]
    [InlineData("""{"pre.hook.backup.velero.io/command": "a", "pre.hook.backup.velero.io/timeout": "soon", "pre.hook.backup.velero.io/on-error": "Never"}""", "first", "a", 30, true)]
    public void Annotations_are_read_as_Velero_documents_it(string annotations, string container, string command, int seconds, bool fails)
    {
        var pod = JsonNode.Parse($$$"""{"metadata": {"annotations": {{{annotations}}}}, "spec": {"containers": [{"name": "first"}, {"name": "second"}]}}""")!;
        var hook = VeleroHook.Of(pod, "pre")!;
        Assert.Equal((container, command, TimeSpan.FromSeconds(seconds), fails), (hook.Container, string.Join('|', hook.Command), hook.Timeout, hook.FailsTheBackup));
        Assert.Null(VeleroHook.Of(pod, "post"));
    }

    /// <summary>Definitions of the other tools' kinds.</summary>
    private static async Task DefineAsync(Installation installation, string ns)
    {
        var controller = new SnapshotController(installation, ns);
        foreach (var (version, kind, plural) in new[]
        {
            (SnapshotController.Snapshots, "VolumeSnapshot", "volumesnapshots"), (SnapshotController.Velero, "Backup", "backups"), (SnapshotController.Velero, "Schedule", "schedules"),
            ("stork.libopenstorage.org/v1alpha1", "Rule", "rules"), ("stork.libopenstorage.org/v1alpha1", "ApplicationBackup", "applicationbackups"),
        })
        {
            await controller.DefineAsync(version, kind, plural);
            await Eventually.GetAsync(async () => (await installation.Server.Http.GetAsync(new Uri($"/apis/{version}/{plural}", UriKind.Relative))).IsSuccessStatusCode ? "served" : null, () => $"{plural} served");
        }
    }

    private async Task<Scene> SceneAsync(string app = "orders")
    {
        await installation.RequireAsync();
        var scene = new Scene(installation, await Workload.CreateAsync(installation));
        try
        {
            await scene.SetAsync(app);
            return scene;
        }
        catch
        {
            await scene.DisposeAsync();
            throw;
        }
    }

    /// <summary>The documented workload: a pod of its template with a claim that is mounted, and its sidecar.</summary>
    private sealed class Scene(Installation installation, Workload workload) : IAsyncDisposable
    {
        private readonly Stack<IAsyncDisposable> parts = new();
        private Guard? guard;
        private JsonNode template = null!;
        private NodeSpace space = null!;
        private string uid = "";
        private RealFilesystem filesystem = null!;

        internal string Namespace => workload.Namespace;

        internal string VeleroNamespace { get; private set; } = "";

        internal StandingWriter Writer { get; private set; } = null!;

        internal Node Node { get; private set; } = null!;

        internal Sidecar Sidecar { get; private set; } = null!;

        /// <summary>The documented annotation.</summary>
        internal string Pre => (string)template["metadata"]!["annotations"]!["pre.hook.backup.velero.io/command"]!;

        internal async Task SetAsync(string app)
        {
            VeleroNamespace = await installation.Server.CreateNamespaceAsync("velero");
            await installation.Server.ApplyAsync(BackupPage.Manifest("orders.yaml", Namespace));
            template = (await GetAsync($"/apis/apps/v1/namespaces/{Namespace}/deployments/orders"))["spec"]!["template"]!;
            template["metadata"]!["labels"]!["app"] = app;
            filesystem = Keep(await RealFilesystem.CreateAsync(FilesystemKind.Ext4));
            await Command.RunAsync("mount", "-o", "remount,strictatime", filesystem.MountPoint);
            Writer = Keep(await StandingWriter.StartAsync(filesystem));
            space = Keep(await NodeSpace.CreateAsync([filesystem.MountPoint]));
            // As in the chart, which leaves a pause between two holds; shorter, for the tests' sake.
            Node = Keep(await workload.NodeAsync(space, "--min-pause", "3s"));
            guard = Guard.Start(TimeSpan.FromSeconds(150), filesystem.MountPoint);
            await workload.ClaimAsync("orders");
            uid = await workload.PodAsync(Pod, Node.Name, template);
            await workload.MountAsync(space, filesystem, uid, "orders");
            await AllowedAsync("orders-hooks", "delete", "freezerequests.quiesce.dev", true);
            Sidecar = Keep(await Sidecar.StartAsync(installation, Namespace, "orders-hooks"));
        }

        internal VeleroHookRunner Velero() => new(installation, Namespace, (_, container, command) =>
        {
            Assert.Equal("quiesce", container);
            return Sidecar.ExecAsync(command);
        });

        /// <summary>A further pod of the same template, with the same volume.</summary>
        internal async Task SecondPodAsync() => await workload.ShareAsync(space, uid, await workload.PodAsync("orders-1", Node.Name, template), "orders");

        /// <summary>Reads what the writer has written.</summary>
        internal async Task ReadAsync()
        {
            var began = TimeProvider.System.GetTimestamp();
            Assert.NotEmpty(await Command.RunAsync(space.Enter[0], [.. space.Enter.Skip(1), "tail", "-c", "90", Path.Combine(workload.Folder(uid, "orders"), "standing")]));
            Assert.InRange(TimeProvider.System.GetElapsedTime(began), TimeSpan.Zero, TimeSpan.FromSeconds(5));
        }

        /// <summary>Gives the hooks other rights.</summary>
        internal async Task AllowAsync(IReadOnlyList<string> verbs, string? without)
        {
            await installation.Server.ApplyAsync($$"""
                apiVersion: rbac.authorization.k8s.io/v1
                kind: Role
                metadata: {name: orders-hooks, namespace: {{Namespace}} }
                rules: [{apiGroups: [quiesce.dev], resources: [freezerequests], verbs: [{{string.Join(", ", verbs)}}]}]
                """);
            if (without is not null) await AllowedAsync("orders-hooks", without, "freezerequests.quiesce.dev", false);
            else foreach (var verb in verbs) await AllowedAsync("orders-hooks", verb, "freezerequests.quiesce.dev", true);
        }

        /// <summary>Another manifest of the page, and a container with the rights it has.</summary>
        internal async Task<Sidecar> ApplyAsync(string manifest, string account)
        {
            await installation.Server.ApplyAsync(BackupPage.Manifest(manifest, Namespace, VeleroNamespace));
            await AllowedAsync(account, "create", "freezerequests.quiesce.dev", true);
            return await Sidecar.StartAsync(installation, Namespace, account);
        }

        /// <summary>The command of a CronJob's container, as kubelet would start it.</summary>
        internal async Task<IReadOnlyList<string>> JobAsync(string name)
        {
            var job = await GetAsync($"/apis/batch/v1/namespaces/{Namespace}/cronjobs/{name}");
            var container = job["spec"]!["jobTemplate"]!["spec"]!["template"]!["spec"]!["containers"]![0]!;
            // Without one, the image's own.
            var command = container["command"]?.AsArray() ?? ["/kubectl-quiesce"];
            return [.. command.Concat(container["args"]?.AsArray() ?? []).Select(a => ((string)a!)
                .Replace("$(JOB)", $"{name}-29", StringComparison.Ordinal).Replace("--velero-schedule=", $"--velero-namespace={VeleroNamespace}\n--velero-schedule=", StringComparison.Ordinal)).SelectMany(a => a.Split('\n'))];
        }

        internal async Task<SnapshotController> SnapshotsAsync()
        {
            await DefineAsync(installation, Namespace);
            return new(installation, Namespace);
        }

        internal async Task StorkAsync()
        {
            await DefineAsync(installation, Namespace);
            await installation.Server.ApplyAsync(BackupPage.Manifest("stork.yaml", Namespace));
        }

        public async ValueTask DisposeAsync()
        {
            while (parts.TryPop(out var part)) await part.DisposeAsync();
            guard?.Dispose();
        }

        /// <summary>Waits until the API server has heard of a change of rights.</summary>
        private async Task AllowedAsync(string account, string verb, string resource, bool allowed)
        {
            if (!installation.Server.Authorizes) return;
            await Eventually.GetAsync(
                async () => (await installation.TryKubectlAsync("auth", "can-i", verb, resource, "-n", Namespace, "--as", $"system:serviceaccount:{Namespace}:{account}")).Code == 0 == allowed ? "so" : null,
                () => $"{account}: {verb} {resource}: {allowed}");
        }

        private async Task<JsonNode> GetAsync(string path) => JsonNode.Parse(await installation.Server.Http.GetStringAsync(new Uri(path, UriKind.Relative)))!;

        private T Keep<T>(T part)
            where T : IAsyncDisposable
        {
            parts.Push(part);
            return part;
        }
    }
}
