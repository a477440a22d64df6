using System.CommandLine;
using System.Runtime.InteropServices;
using k8s.Exceptions;
using Microsoft.Extensions.Logging;
using Quiesce.Agent.Output;
using Quiesce.Agent.Serving;
using Quiesce.Crds;
using Quiesce.Crds.Client;
using Quiesce.Freezing.Journals;
using Quiesce.Freezing.Kernel;
using Quiesce.Freezing.Planning;

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
        var command = new Command("run", "Serve the NodeFreeze objects of one node.") { node, kubeconfig, ns, kubeletRoot, pause, CommonOptions.HostRoot, CommonOptions.AllowProtected, CommonOptions.AllowUnprotectedHolder, CommonOptions.ExpediteRcu };
        command.SetAction(async (parsed, _) =>
        {
            var hostRoot = parsed.GetValue(CommonOptions.HostRoot)!;
            // Before anything else, and before any Kubernetes client is built.
            var recovery = await LeftBehind.EndAsync(hostRoot).ConfigureAwait(false);
            var time = TimeProvider.System;
            using var logging = new LoggerFactory([new LineLoggerProvider(output, time)]);
            var log = logging.CreateLogger<NodeAgent>();
            foreach (var report in recovery.Reports) log.Recovered(report.WindowId, report.ThawedFilesystems, report.Filesystems.Count, report.Message ?? "");
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
                var permissions = new Permissions(parsed.GetValue(CommonOptions.AllowProtected) ?? [], parsed.GetValue(CommonOptions.AllowUnprotectedHolder), parsed.GetValue(CommonOptions.ExpediteRcu));
                if (ExpeditedGracePeriods.WhyNot(permissions.ExpediteRcu) is { } slow) log.NotExpedited(slow);
                var context = new AgentContext(identity, connection, parsed.GetValue(ns)!, hostRoot, parsed.GetValue(kubeletRoot)!,
                    permissions, new HoldPauses(parsed.GetValue(pause).Span), new BegunPlans(journals, identity.Node), output, time, log);
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

    private static PosixSignalRegistration Stop(PosixSignal signal, CancellationTokenSource stop) => PosixSignalRegistration.Create(signal, context =>
    {
        context.Cancel = true;
        stop.Cancel();
    });
}
