using System.CommandLine;
using System.Net;
using System.Runtime.InteropServices;
using k8s.Exceptions;
using Microsoft.Extensions.Logging;
using Quiesce.Agent.Holding;
using Quiesce.Agent.Output;
using Quiesce.Agent.Serving;
using Quiesce.Agent.Telemetry;
using Quiesce.Crds;
using Quiesce.Crds.Client;
using Quiesce.Freezing.Journals;
using Quiesce.Freezing.Kernel;
using Quiesce.Freezing.Planning;
using Quiesce.Telemetry;

namespace Quiesce.Agent.Commands;

/// <summary><c>quiesce-agent run</c>: serves one node of a cluster.</summary>
internal static class RunCommand
{
    internal static Command Create(NonBlockingWriter output)
    {
        var node = new Option<string>("--node-name") { Description = "The node to serve, as the API knows it.", Required = true };
        var kubeconfig = new Option<string?>("--kubeconfig") { Description = "Default: $KUBECONFIG, the pod's service account, ~/.kube/config." };
        var ns = new Option<string>("--namespace") { Description = "Where the operator keeps NodeFreeze and FreezeWindow objects.", DefaultValueFactory = _ => InternalNames.DefaultNamespace };
        var kubeletRoot = new Option<string>("--kubelet-root")
        {
            Description = "Kubelet's root folder on the host (its --root-dir), below which it mounts the volumes of pods.",
            HelpName = "FOLDER",
            DefaultValueFactory = _ => "/var/lib/kubelet",
        };
        kubeletRoot.Validators.Add(result =>
        {
            if (HostPaths.Fault(result.GetValueOrDefault<string>() ?? "") is { } fault) result.AddError($"--kubelet-root: {fault}; give the absolute path of a folder of the host");
        });
        var pause = CommonOptions.Duration("--min-pause", "What is left between two holds of one filesystem, so that nobody keeps it frozen by one after the other (default: none), such as 10s", default, new Duration(TimeSpan.FromHours(1)));
        var port = new Option<int?>("--http-port") { Description = "The port of /metrics, /healthz and /readyz. Default: none." };
        var address = new Option<IPAddress>("--http-address")
        {
            Description = "The address of /metrics, /healthz and /readyz.",
            HelpName = "ADDRESS",
            DefaultValueFactory = _ => IPAddress.Loopback,
            CustomParser = result =>
            {
                if (IPAddress.TryParse(result.Tokens[0].Value, out var given)) return given;
                result.AddError($"--http-address: '{result.Tokens[0].Value}' is not an IP address");
                return IPAddress.None;
            },
        };
        var logFormat = new Option<LogFormat>("--log-format") { Description = "The form of the log's lines: text, or json for an object in each." };
        var command = new Command("run", "Serve the NodeFreeze objects of one node.") { node, kubeconfig, ns, kubeletRoot, pause, port, address, logFormat, CommonOptions.HostRoot, CommonOptions.AllowProtected, CommonOptions.AllowUnprotectedHolder, CommonOptions.ExpediteRcu };
        command.Validators.Add(result =>
        {
            foreach (var path in result.GetValue(CommonOptions.AllowProtected) ?? [])
                if (HostPaths.Fault(path) is { } fault) result.AddError($"--allow-protected: {path}: {fault}; give the absolute path of a folder of the host");
        });
        command.SetAction(async (parsed, cancel) =>
        {
            var hostRoot = parsed.GetValue(CommonOptions.HostRoot)!;
            // Before anything else, and before any Kubernetes client is built.
            var recovery = await LeftBehind.EndAsync(hostRoot).ConfigureAwait(false);
            var time = TimeProvider.System;
            var format = parsed.GetValue(logFormat);
            if (format == LogFormat.Json) output.Notice = dropped => JsonLine.Of(time.GetUtcNow(), LogLevel.Warning, nameof(NonBlockingWriter), $"{dropped} lines were dropped because the output did not take them");
            using var logging = new LoggerFactory([new LineLoggerProvider(output, time, format)]);
            var log = logging.CreateLogger<NodeAgent>();
            foreach (var report in recovery.Reports) log.LeftBehind(report);
            // What may be frozen comes before everything else, and without this nothing true could be said of it.
            for (var failures = 1; !recovery.IsComplete; failures++)
            {
                await Task.Delay(Backoff.Default.After(failures), time, cancel).ConfigureAwait(false);
                var again = await JournalRecoveryRun.AtStartAsync(hostRoot).ConfigureAwait(false);
                foreach (var report in again.Reports) log.LeftBehind(report);
                recovery = again with { Reports = [.. recovery.Reports.Where(r => again.Reports.All(a => a.WindowId != r.WindowId)), .. again.Reports] };
            }

            if (JournalDirectory.Open(hostRoot, out var why) is not { } journals)
            {
                output.WriteLine($"quiesce-agent: {why}");
                return ExitCode.Failed;
            }
            try
            {
                using var connection = KubernetesConnection.Create(parsed.GetValue(kubeconfig), null, new ConnectionOptions { UserAgent = "quiesce-agent" });
                var identity = AgentIdentity.New(parsed.GetValue(node)!);
                log.Serving(identity.Node, identity.Instance, connection.Source, hostRoot);
                using var stop = new CancellationTokenSource();
                using var interrupt = Stop(PosixSignal.SIGINT, stop);
                using var terminate = Stop(PosixSignal.SIGTERM, stop);
                var health = new Health();
                // Before anything measures: what is measured while nobody listens is lost. To the end, after the last thaw.
                var observation = Observation.Start(
                    new TelemetryOptions
                    {
                        Service = "quiesce-agent",
                        Instance = identity.Instance,
                        Node = identity.Node,
                        Meters = [AgentMeter.Name],
                        Source = AgentActivity.Name,
                        Port = parsed.GetValue(port),
                        Address = parsed.GetValue(address)!,
                    },
                    health);
                await using var observed = observation.ConfigureAwait(false);
                using var meter = new AgentMeter(() => output.Dropped);
                var permissions = new Permissions(parsed.GetValue(CommonOptions.AllowProtected) ?? [], parsed.GetValue(CommonOptions.AllowUnprotectedHolder), parsed.GetValue(CommonOptions.ExpediteRcu));
                if (ExpeditedGracePeriods.WhyNot(permissions.ExpediteRcu, hostRoot) is { } slow) log.NotExpedited(slow);
                var agentHealth = new AgentHealth(health, hostRoot, identity, permissions, meter, time, log);
                var context = new AgentContext(identity, connection, parsed.GetValue(ns)!, hostRoot, parsed.GetValue(kubeletRoot)!,
                    permissions, new HoldPauses(parsed.GetValue(pause).Span), new BegunPlans(journals, identity.Node), output, meter, agentHealth, time, log);
                // Beside the node's own work, which waits for neither.
                _ = Task.Run(() => ListenAsync(observation, log, stop.Token), CancellationToken.None);
                _ = Task.Run(() => agentHealth.RunAsync(stop.Token), CancellationToken.None);
                await new NodeAgent(context, recovery).RunAsync(stop.Token).ConfigureAwait(false);
                return ExitCode.Success;
            }
            catch (KubeConfigException e)
            {
                output.WriteLine($"quiesce-agent: {e.Message}");
                return ExitCode.Failed;
            }
        });
        return command;
    }

    private static async Task ListenAsync(Observation observation, ILogger log, CancellationToken stop)
    {
        try
        {
            await observation.ListenAsync(stop).ConfigureAwait(false);
            if (observation.Endpoint is { } endpoint) log.Listening(endpoint);
        }
        catch (IOException e)
        {
            log.NotListening(e.Message);
        }
        catch (OperationCanceledException)
        {
            // The agent is stopping.
        }
    }

    private static PosixSignalRegistration Stop(PosixSignal signal, CancellationTokenSource stop) => PosixSignalRegistration.Create(signal, context =>
    {
        context.Cancel = true;
        stop.Cancel();
    });
}
