using System.Text.Json;
using System.Text.RegularExpressions;
using Quiesce.Cluster.Faults;
using Quiesce.Crds;
using Quiesce.EndToEnd.Tests.Running;
using Quiesce.RealFilesystems;
using Tmds.Linux;

namespace Quiesce.EndToEnd.Tests;

/// <summary><c>kubectl quiesce</c>, the native program, as a backup calls it.</summary>
public sealed class CliTests(Installation installation)
{
    private const string Namespace = "default";

    [Fact]
    public async Task Freeze_returns_when_all_is_frozen_and_thaw_with_the_verdict()
    {
        await using var scene = await SceneAsync();
        var (code, said) = await scene.CliAsync("freeze", "--deadline", "30s");
        Assert.True(code == 0, said);
        await scene.Writer.StandsStillAsync();
        var name = said.Split('\n')[0];
        Assert.Contains($"{name}: 1 filesystem on 1 node frozen", said, StringComparison.Ordinal);

        (code, said) = await scene.RawAsync("status", name);
        Assert.True(code == 0, said);
        Assert.Contains($"{name}: Frozen", said, StringComparison.Ordinal);
        Assert.DoesNotContain("stood still", said, StringComparison.Ordinal); // they still do
        Assert.Contains(scene.Filesystem.MountPoint, said, StringComparison.Ordinal);
        (code, said) = await scene.RawAsync("status");
        Assert.Contains(said.Split('\n'), line => line.StartsWith(name, StringComparison.Ordinal) && line.Contains("Frozen", StringComparison.Ordinal));
        (_, said) = await scene.RawAsync("status", name, "-o", "json");
        Assert.Equal("Frozen", JsonDocument.Parse(said).RootElement.GetProperty("status").GetProperty("phase").GetString());
        (_, said) = await scene.RawAsync("status", name, "-o", "yaml");
        Assert.Contains("\n  phase: \"Frozen\"\n", said, StringComparison.Ordinal);

        (code, said) = await scene.RawAsync("thaw", name);
        Assert.True(code == 0, said);
        Assert.Contains("held without a break", said, StringComparison.Ordinal);
        Assert.Matches($@"writers stood still for [0-9]+\.[0-9]{{3}} s at most, on {scene.Filesystem.MountPoint} of {scene.Node.Name}\n", said);
        await scene.Writer.FrozenOnceAsync(longestSeconds: 30);
        Assert.DoesNotContain("had ended before", said, StringComparison.Ordinal);
        // Asked once more it says the same, and that it is not about the time since.
        (code, said) = await scene.RawAsync("thaw", name);
        Assert.True(code == 0, said);
        Assert.Contains("had ended before this thaw", said, StringComparison.Ordinal);
        (_, said) = await scene.RawAsync("status", name);
        Assert.Matches("frozen [0-9]+s ago, skew 0 ms, thawed [0-9]+s ago", said);
        // What YAML it prints is YAML: kubectl reads it.
        (_, said) = await scene.RawAsync("status", name, "-o", "yaml");
        var file = installation.NewFile("request");
        await File.WriteAllTextAsync(file, said);
        Assert.Equal("Thawed", await installation.KubectlAsync("create", "--dry-run=client", "-f", file, "-o", "jsonpath={.status.phase}"));
    }

    [Fact]
    public async Task Run_freezes_runs_and_thaws_and_its_exit_code_is_the_commands_or_the_verdicts()
    {
        await using var scene = await SceneAsync();
        var name = $"run-{scene.Node.Name}";
        var (code, said) = await scene.CliAsync("run", "--name", name, "--", "/bin/sh", "-c", "echo \"$QUIESCE_NAMESPACE/$QUIESCE_REQUEST --flag\"; kubectl --kubeconfig \"$0\" get freeze -n $QUIESCE_NAMESPACE $QUIESCE_REQUEST -o jsonpath={.status.phase}", installation.Kubeconfig);
        Assert.True(code == 0, said);
        Assert.Contains($"{Namespace}/{name} --flag\nFrozen", said, StringComparison.Ordinal);
        Assert.Contains("held without a break", said, StringComparison.Ordinal);
        Assert.DoesNotContain("has ended", said, StringComparison.Ordinal);
        (code, said) = await scene.CliAsync("run", "--", "/bin/sh", "-c", "exit 9");
        Assert.True(code == 9, said);
        // Somebody thaws it meanwhile.
        (code, said) = await scene.CliAsync("run", "--", "fsfreeze", "--unfreeze", scene.Filesystem.MountPoint);
        Assert.True(code == 5, said);
        Assert.Contains(Reasons.ThawedByOther, said, StringComparison.Ordinal);
        (code, said) = await scene.CliAsync("run", "--deadline", "1s", "--", "sleep", "3");
        Assert.True(code == 3, said);
        Assert.Contains("has ended while the command still runs: ", said, StringComparison.Ordinal);
        (code, said) = await scene.CliAsync("run", "--", "/no/such/program");
        Assert.True(code == 127, said);
        await scene.Writer.GoesOnAsync(TimeSpan.FromSeconds(5));
    }

    [Fact]
    public async Task With_renew_a_short_deadline_holds_as_long_as_the_command_runs()
    {
        await using var scene = await SceneAsync();
        var (code, said) = await scene.CliAsync("run", "--renew", "--deadline", "6s", "--", "sleep", "11");
        Assert.True(code == 0, said);
        Assert.DoesNotContain("has ended", said, StringComparison.Ordinal);
        await scene.Writer.FrozenOnceAsync(longestSeconds: 20);
    }

    [Theory]
    [InlineData(false, 0, 5)]
    [InlineData(true, 0, 5)]
    [InlineData(true, 9, 9)]
    public async Task A_run_whose_window_somebody_else_ends_says_so_at_once_and_fails_although_the_window_held(bool renew, int commandsCode, int expected)
    {
        await using var scene = await SceneAsync();
        await using var run = new HeldRun(installation, scene, commandsCode, renew ? ["--renew", "--deadline", "6s"] : []);
        await run.Cli.SaysAsync("frozen, until");
        await run.ThawedByOtherAsync();
        await run.Cli.SaysAsync($"{run.Name}: has ended while the command still runs: its desiredState was set to Thawed");
        // The command goes on, in what does not stand still any more, and longer than there would be something to renew.
        await scene.Writer.GoesOnAsync(TimeSpan.FromSeconds(5));
        await Task.Delay(TimeSpan.FromSeconds(3));
        Assert.False(run.Cli.HasExited, run.Cli.Said);
        var code = await run.EndAsync();
        Assert.True(code == expected, $"{code}: {run.Cli.Said}");
        Assert.Contains("held without a break", run.Cli.Said, StringComparison.Ordinal);
        Assert.Contains($"{run.Name} was not seen to be held until the command had ended: ", run.Cli.Said, StringComparison.Ordinal);
        Assert.DoesNotContain("cannot be raised", run.Cli.Said, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false, 0, 5)]
    [InlineData(true, 0, 5)]
    [InlineData(false, 9, 9)]
    public async Task A_run_whose_request_is_deleted_meanwhile_fails_and_leaves_a_namesake_alone(bool renew, int commandsCode, int expected)
    {
        await using var scene = await SceneAsync();
        await using var run = new HeldRun(installation, scene, commandsCode, renew ? ["--renew", "--deadline", "6s"] : []);
        await run.Cli.SaysAsync("frozen, until");
        // Without --wait=false this returns when it is gone.
        await installation.KubectlAsync("delete", "freeze", "-n", Namespace, run.Name);
        await run.Cli.SaysAsync($"{run.Name}: has ended while the command still runs: ");
        await scene.Writer.GoesOnAsync(TimeSpan.FromSeconds(5));
        var namesake = await Request.CreateInAsync(installation, Namespace, new FreezeRequestSpec { DeadlineSeconds = 20, Targets = [Request.HostPath(scene.Node.Name, scene.Filesystem.MountPoint)] }, run.Name);
        await namesake.PhaseAsync(FreezePhase.Frozen);
        Assert.False(run.Cli.HasExited, run.Cli.Said);
        var code = await run.EndAsync();
        Assert.True(code == expected, $"{code}: {run.Cli.Said}");
        Assert.Contains("was deleted, which thaws whatever it held", run.Cli.Said, StringComparison.Ordinal);
        Assert.Equal(FreezePhase.Frozen, (await namesake.GetAsync())!.Status!.Phase);
        await namesake.GoesAwayAsync();
    }

    [Theory]
    [InlineData(false, 0)]
    [InlineData(true, 5)]
    public async Task A_run_that_loses_touch_with_the_server_finds_out_afterwards_whether_somebody_else_ended_its_window(bool ended, int expected)
    {
        await using var scene = await SceneAsync();
        await using var way = installation.OpenWay();
        await using var run = new HeldRun(installation, scene, 0, ["--deadline", "30s"], way.Kubeconfig);
        await run.Cli.SaysAsync("frozen, until");
        way.Proxy.Refuse();
        await run.Cli.SaysAsync("not in touch with the API server");
        if (ended) await run.ThawedByOtherAsync();
        await run.LetEndAsync();
        await Task.Delay(TimeSpan.FromSeconds(3));
        Assert.False(run.Cli.HasExited, run.Cli.Said);
        way.Proxy.Pass();
        var code = await run.EndAsync();
        Assert.True(code == expected, $"{code}: {run.Cli.Said}");
        Assert.Equal(ended, run.Cli.Said.Contains("was not seen to be held until the command had ended: ", StringComparison.Ordinal));
        Assert.DoesNotContain("has ended while", run.Cli.Said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_run_takes_its_own_thaw_whose_answer_is_lost_for_nobody_elses()
    {
        await using var scene = await SceneAsync();
        await using var run = new HeldRun(installation, scene, 0, []);
        await run.Cli.SaysAsync("frozen, until");
        // A kube-apiserver answers always; there it is a run like any other.
        using var lost = installation.Server.Local?.Faults.Inject(new() { Verbs = ["patch"], Resource = "freezerequests", Subresource = "", Name = run.Name, UserAgent = "kubectl-quiesce" }, FaultEffect.CutAfter);
        var code = await run.EndAsync();
        Assert.True(code == 0, $"{code}: {run.Cli.Said}");
        Assert.Equal(lost is null ? null : 1, lost?.Hits);
        Assert.DoesNotContain("ended", run.Cli.Said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_cannot_be_frozen_is_said_with_its_reason_and_the_exit_code_tells_why()
    {
        await using var scene = await SceneAsync();
        var (code, said) = await scene.RawAsync("freeze", "--host-path", "/no/such/folder", "--node", scene.Node.Name);
        Assert.Equal(4, code);
        Assert.Contains($"Failed, {Reasons.PathNotFound}: ", said, StringComparison.Ordinal);
        Assert.Contains("/no/such/folder", said, StringComparison.Ordinal);
        (code, said) = await scene.RawAsync("freeze", "--pvc", "nobodys");
        Assert.Equal(4, code);
        Assert.Contains(Reasons.ClaimNotFound, said, StringComparison.Ordinal);
        Assert.Equal(4, (await scene.RawAsync("run", "--pvc", "nobodys", "--", "touch", "/tmp/never")).Code);
        Assert.False(File.Exists("/tmp/never"));
        // Usage.
        foreach (var line in new[]
        {
            "freeze", "freeze --pvc", "run --deadline", "wait-snapshots --group", "uninstall --timeout", "install-manifests --tag", "freeze --host-path /a", "freeze --pvc a --node b", "freeze --pvc a --deadline never", "freeze --pvc a --deadline 2h", "freeze -l a=b,", "run --pvc a", "thaw", "thaw nobody", "status nobody",
            "freeze --pvc a --name Not_A_Name", "nonsense",
        })
        {
            (code, said) = await scene.RawAsync(line.Split(' '));
            Assert.True(code == 2, $"{line}: {code}: {said}");
            Assert.StartsWith("kubectl-quiesce: ", said, StringComparison.Ordinal);
        }

        (code, said) = await scene.RawAsync("status", "--kubeconfig", "/no/such/file");
        Assert.Equal(2, code);
        Assert.Contains("/no/such/file", said, StringComparison.Ordinal);
        // Nobody listens there.
        var kubeconfig = installation.NewFile("kubeconfig");
        await File.WriteAllTextAsync(kubeconfig, (await File.ReadAllTextAsync(installation.Kubeconfig)).Replace(new Uri(installation.Server.Url).Authority, "127.0.0.1:1", StringComparison.Ordinal));
        Assert.Equal(7, (await scene.RawAsync("status", "--kubeconfig", kubeconfig)).Code);
        await scene.Writer.NeverFrozenAsync();
    }

    [Fact]
    public async Task A_kubeconfigs_credential_plugin_is_asked_again_before_its_credential_expires_and_is_named_when_it_gives_none()
    {
        await using var scene = await SceneAsync();
        var (plugin, asked, kubeconfig) = (installation.NewFile("plugin"), installation.NewFile("asked"), installation.NewFile("kubeconfig"));
        var (cluster, token) = (await File.ReadAllTextAsync(installation.Kubeconfig), "");
        cluster = Regex.Replace(cluster, @"token: ([^\s}]+)", found =>
        {
            token = found.Groups[1].Value;
            return $"exec: {{apiVersion: client.authentication.k8s.io/v1, command: sh, args: [{plugin}], interactiveMode: Never, installHint: It comes with acme-cli.}}";
        });
        Assert.NotEmpty(token);
        await File.WriteAllTextAsync(kubeconfig, cluster);
        // Expired at once, so that it is asked for each request.
        await File.WriteAllTextAsync(plugin, $$$"""
            echo asked >>{{{asked}}}
            echo '{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": "{{{token}}}", "expirationTimestamp": "2020-01-01T00:00:00Z"} }'
            """);
        await using (var run = scene.StartOver(kubeconfig, "run", "--deadline", "20s", "--", "sleep", "1"))
        {
            Assert.True(await run.EndAsync() == 0, run.Said);
            await scene.Writer.FrozenOnceAsync(longestSeconds: 20);
        }

        Assert.True((await File.ReadAllLinesAsync(asked)).Length > 3, await File.ReadAllTextAsync(asked));
        await File.WriteAllTextAsync(plugin, "echo 'acme: log in again' >&2; exit 1");
        var (code, said) = await scene.RawAsync("status", "--kubeconfig", kubeconfig);
        Assert.Equal(2, code);
        Assert.Contains("acme: log in again\n", said, StringComparison.Ordinal);
        Assert.Matches($"kubectl-quiesce: kubeconfig {kubeconfig} cannot be used: the credential plugin of user [^ ]+ gave no credential: .* Run `sh {plugin}` by hand to see why. It comes with acme-cli.\n?$", said);
    }

    [Fact]
    public async Task A_thaw_is_sent_although_the_request_cannot_be_read()
    {
        await using var scene = await SceneAsync();
        Assert.SkipUnless(installation.Server.SupportsFaults, "faults are injected into the local cluster only");
        var (code, said) = await scene.CliAsync("freeze", "--deadline", "60s");
        Assert.True(code == 0, said);
        var name = said.Split('\n')[0];
        await scene.Writer.StandsStillAsync();
        using var unread = installation.Server.Local!.Faults.Inject(new() { Verbs = ["get"], Resource = "freezerequests", Name = name, UserAgent = "kubectl-quiesce" }, FaultEffect.Unavailable);
        using var untaken = installation.Server.Local!.Faults.Inject(new() { Verbs = ["patch"], Resource = "freezerequests", Name = name, UserAgent = "kubectl-quiesce" }, FaultEffect.Unavailable);
        (code, said) = await scene.RawAsync("thaw", name);
        Assert.True(code == 0, said);
        Assert.Equal((1, 1), (unread.Hits, untaken.Hits));
        await scene.Writer.FrozenOnceAsync(longestSeconds: 30);
    }

    [Fact]
    public async Task A_freeze_of_which_the_creation_was_not_heard_goes_on()
    {
        await using var scene = await SceneAsync();
        Assert.SkipUnless(installation.Server.SupportsFaults, "faults are injected into the local cluster only");
        var ns = await installation.Server.CreateNamespaceAsync("lost");
        var creations = RequestMatch.Of("create", "freezerequests") with { Namespace = ns };
        using var lost = installation.Server.Local!.Faults.Inject(creations, FaultEffect.CutAfter);
        await using (var run = scene.StartIn(ns, "run", "--name", "lost", "--", "sleep", "1"))
        {
            Assert.True(await run.EndAsync() == 0, run.Said);
            Assert.Equal(1, lost.Hits);
            Assert.Contains("held without a break", run.Said, StringComparison.Ordinal);
        }

        // A namesake that somebody else made is not taken for it.
        using var never = installation.Server.Local!.Faults.Inject(creations, FaultEffect.CutBefore);
        await using (var run = scene.StartIn(ns, "run", "--name", "lost", "--", "true")) Assert.True(await run.EndAsync() == 7, run.Said);
        Assert.Equal(1, never.Hits);
        await scene.Writer.FrozenOnceAsync(longestSeconds: 20);
    }

    [Fact]
    public async Task A_freeze_that_is_interrupted_while_it_is_created_is_thawed()
    {
        await using var scene = await SceneAsync();
        Assert.SkipUnless(installation.Server.SupportsFaults, "faults are injected into the local cluster only");
        var ns = await installation.Server.CreateNamespaceAsync("late");
        using var late = installation.Server.Local!.Faults.Inject(RequestMatch.Of("create", "freezerequests") with { Namespace = ns }, FaultEffect.Delay(TimeSpan.FromSeconds(2)));
        await using var cli = scene.StartIn(ns, "freeze", "--name", "late", "--deadline", "60s");
        await late.FirstHit;
        cli.Signal(LibC.SIGTERM);
        Assert.Equal(130, await cli.EndAsync());
        Assert.Contains("late: given up; thawing", cli.Said, StringComparison.Ordinal);
        var made = (await installation.FreezeRequests.GetAsync(ns, "late", CancellationToken.None))!;
        Assert.Equal(DesiredState.Thawed, made.Spec.DesiredState);
        await scene.Writer.GoesOnAsync(TimeSpan.FromSeconds(5));
    }

    [Theory]
    [InlineData("2>/dev/full")]
    [InlineData("2>&-")]
    [InlineData("2</dev/null")]
    public async Task What_cannot_be_said_keeps_nothing_from_being_thawed(string redirection)
    {
        await using var scene = await SceneAsync();
        await using var run = new ProgramRun(
            new ProgramStart { Redirection = redirection },
            [Installation.CliProgram, "run", "--kubeconfig", installation.Kubeconfig, "-n", Namespace, "--host-path", scene.Filesystem.MountPoint, "--node", scene.Node.Name, "--deadline", "60s", "--", "sleep", "1"]);
        Assert.True(await run.EndAsync() == 0, run.Said);
        await scene.Writer.FrozenOnceAsync(longestSeconds: 20);
    }

    [Fact]
    public async Task A_pipe_that_nobody_reads_keeps_nothing_from_being_thawed()
    {
        await using var scene = await SceneAsync();
        // It is full before the first line.
        const string script = "mkfifo $0; exec 3<>$0; head -c 100000 /dev/zero >$0 3>&- & full=$!; sleep 0.5; \"$@\" 2>&3; code=$?; kill $full; exit $code";
        await using var run = new ProgramRun(
            new ProgramStart(),
            ["bash", "-c", script, installation.NewFile("full"), Installation.CliProgram, "run", "--kubeconfig", installation.Kubeconfig, "-n", Namespace, "--host-path", scene.Filesystem.MountPoint, "--node", scene.Node.Name, "--deadline", "60s", "--", "sleep", "1"]);
        Assert.True(await run.EndAsync() == 0, run.Said);
        await scene.Writer.FrozenOnceAsync(longestSeconds: 20);
    }

    [Fact]
    public async Task The_command_of_a_run_is_the_one_a_shell_would_find()
    {
        await using var scene = await SceneAsync();
        var folder = Directory.CreateDirectory(installation.NewFile("folder")).FullName;
        foreach (var (name, code) in new[] { ("true", 9), ("own", 7) })
        {
            await File.WriteAllTextAsync(Path.Combine(folder, name), $"#!/bin/sh\nexit {code}\n");
            await Command.RunAsync("chmod", "+x", Path.Combine(folder, name));
        }

        foreach (var (command, expected) in new[] { ("true", 0), ("./true", 9), ("own", 127), ("./own", 7), ("", 127) })
        {
            await using var run = new ProgramRun(
                new ProgramStart(),
                ["sh", "-c", "cd $0; exec \"$@\"", folder, Installation.CliProgram, "run", "--kubeconfig", installation.Kubeconfig, "-n", Namespace, "--host-path", scene.Filesystem.MountPoint, "--node", scene.Node.Name, "--", command]);
            var code = await run.EndAsync();
            Assert.True(code == expected, $"{command}: {code}: {run.Said}");
        }

        await scene.Writer.GoesOnAsync(TimeSpan.FromSeconds(5));
    }

    [Fact]
    public void A_window_that_was_open_and_failed_then_did_not_hold()
    {
        Assert.Equal(4, Cli.ExitCode.Of(new() { Phase = FreezePhase.Failed }));
        Assert.Equal(5, Cli.ExitCode.Of(new() { Phase = FreezePhase.Failed, Reason = Reasons.NodeLost, FrozenAt = DateTimeOffset.UnixEpoch }));
    }

    [Fact]
    public async Task Inspect_tells_and_freezes_nothing()
    {
        await using var scene = await SceneAsync();
        var (code, said) = await scene.CliAsync("inspect");
        Assert.True(code == 0, said);
        Assert.Contains("1 filesystem on 1 node would be frozen; nothing was.", said, StringComparison.Ordinal);
        Assert.Contains($"{scene.Filesystem.MountPoint}  ext4  would be frozen", said, StringComparison.Ordinal);
        Assert.DoesNotContain("Thawed", said, StringComparison.Ordinal);
        Assert.Equal(4, (await scene.RawAsync("inspect", "--host-path", "/", "--node", scene.Node.Name)).Code);
        await scene.Writer.NeverFrozenAsync();
    }

    [Fact]
    public async Task An_interrupted_freeze_leaves_nothing_frozen()
    {
        await using var scene = await SceneAsync();
        await scene.Node.Agent.PauseAsync();
        await using var cli = scene.Start("freeze", "--freeze-timeout", "60s");
        await cli.SaysAsync("nodes prepared");
        cli.Signal(LibC.SIGINT);
        await Eventually.TrueAsync(() => cli.HasExited, "the end of it");
        Assert.Contains("given up; thawing", cli.Said, StringComparison.Ordinal);
        scene.Node.Agent.Signal(LibC.SIGCONT);
        await Task.Delay(TimeSpan.FromSeconds(1));
        await scene.Writer.NeverFrozenAsync();
    }

    [Theory]
    [InlineData(15)]
    [InlineData(9)]
    public async Task A_run_that_is_ended_leaves_nothing_frozen_past_its_deadline(int signal)
    {
        await using var scene = await SceneAsync();
        await using var cli = scene.Start("run", "--renew", "--deadline", "6s", "--", "sleep", "60");
        await cli.SaysAsync("frozen, until");
        await scene.Writer.StandsStillAsync();
        cli.Signal(signal);
        await Eventually.TrueAsync(() => cli.HasExited, "the end of it");
        if (signal == LibC.SIGTERM) Assert.Contains("held without a break", cli.Said, StringComparison.Ordinal);
        await scene.Writer.GoesOnAsync(TimeSpan.FromSeconds(12));
        await scene.Writer.FrozenOnceAsync(longestSeconds: 15);
    }

    private async Task<Scene> SceneAsync()
    {
        await installation.RequireAsync();
        var filesystem = await RealFilesystem.CreateAsync(FilesystemKind.Ext4);
        return new(installation, filesystem, filesystem.Guard(TimeSpan.FromSeconds(90)), await StandingWriter.StartAsync(filesystem), await installation.NodeAsync());
    }

    /// <summary>A node with a filesystem to freeze, and the program to do it with.</summary>
    private sealed class Scene(Installation installation, RealFilesystem filesystem, IDisposable guard, StandingWriter writer, Node node) : IAsyncDisposable
    {
        internal RealFilesystem Filesystem => filesystem;

        internal StandingWriter Writer => writer;

        internal Node Node => node;

        private string[] Target => ["--host-path", filesystem.MountPoint, "--node", node.Name];

        /// <summary>A command on the filesystem.</summary>
        internal Task<(int Code, string Output)> CliAsync(string command, params string[] arguments) => RawAsync([command, .. Target, .. arguments]);

        /// <summary>The program with these arguments alone.</summary>
        internal Task<(int Code, string Output)> RawAsync(params string[] arguments) => Command.TryAsync(
            "env", ["-u", "KUBECONFIG", Installation.CliProgram, .. arguments[..1], .. arguments.Contains("--kubeconfig") ? [] : new[] { "--kubeconfig", installation.Kubeconfig }, "-n", Namespace, .. arguments[1..]]);

        /// <summary>The same, to be sent signals.</summary>
        internal ProgramRun Start(string command, params string[] arguments) => StartOver(installation.Kubeconfig, command, arguments);

        /// <summary>The same, over a way to the API server.</summary>
        internal ProgramRun StartOver(string kubeconfig, string command, params string[] arguments) =>
            new(new ProgramStart(), [Installation.CliProgram, command, "--kubeconfig", kubeconfig, "-n", Namespace, .. Target, .. arguments]);

        /// <summary>The same, with the request in another namespace.</summary>
        internal ProgramRun StartIn(string ns, string command, params string[] arguments) =>
            new(new ProgramStart(), [Installation.CliProgram, command, "--kubeconfig", installation.Kubeconfig, "-n", ns, .. Target, .. arguments]);

        public async ValueTask DisposeAsync()
        {
            await node.DisposeAsync();
            await writer.DisposeAsync();
            guard.Dispose();
            await filesystem.DisposeAsync();
        }
    }

    /// <summary><c>run</c> with a command that ends when the test says so.</summary>
    private sealed class HeldRun : IAsyncDisposable
    {
        private readonly Installation installation;
        private readonly string end;

        internal HeldRun(Installation installation, Scene scene, int code, string[] options, string? kubeconfig = null)
        {
            (this.installation, end, Name) = (installation, installation.NewFile("end"), $"run-{scene.Node.Name}");
            Cli = scene.StartOver(kubeconfig ?? installation.Kubeconfig, "run", ["--name", Name, .. options, "--", "/bin/sh", "-c", $"until [ -e \"$0\" ]; do sleep 0.05; done; exit {code}", end]);
        }

        internal string Name { get; }

        internal ProgramRun Cli { get; }

        internal Task<string> ThawedByOtherAsync() => installation.KubectlAsync("patch", "freeze", "-n", Namespace, Name, "--type=merge", "--patch", """{"spec":{"desiredState":"Thawed"}}""");

        internal Task LetEndAsync() => File.WriteAllTextAsync(end, "");

        /// <summary>Lets the command end, and waits for the end of all.</summary>
        internal async Task<int> EndAsync()
        {
            await LetEndAsync();
            return await Cli.EndAsync();
        }

        public async ValueTask DisposeAsync()
        {
            // Also the command of a run that is killed.
            await LetEndAsync();
            await Cli.DisposeAsync();
        }
    }
}
