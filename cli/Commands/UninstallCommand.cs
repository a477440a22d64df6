using System.CommandLine;
using Quiesce.Cli.Installation;
using Quiesce.Cli.Output;
using Quiesce.Crds;
using Quiesce.Crds.Client;

namespace Quiesce.Cli.Commands;

/// <summary><c>kubectl quiesce uninstall</c>: thaws, waits, frees what waits for the operator, and removes.</summary>
internal static class UninstallCommand
{
    internal static Command Create()
    {
        var cluster = new ClusterOptions();
        var requestsOnly = new Option<bool>("--requests-only") { Description = "End all windows and free all requests, and remove nothing else: what Helm's uninstall does first." };
        var definitions = new Option<bool>("--definitions") { Description = "Remove the CustomResourceDefinitions too, and with them every FreezeRequest and its record." };
        var dryRun = new Option<bool>("--dry-run") { Description = "Say what would be removed, and change nothing." };
        var timeout = new DurationOption("--timeout", "How long operator and agents are left to end the windows themselves", TimeSpan.FromSeconds(70), TimeSpan.FromMinutes(30));
        var command = new Command("uninstall", "End all windows, wait for that, and remove Quiesce from the cluster. What is installed by Helm is left to helm uninstall.") { requestsOnly, definitions, dryRun, timeout.Option };
        var operatorNamespace = OperatorNamespace();
        command.Add(operatorNamespace);
        cluster.AddTo(command);
        command.Validators.Add(result =>
        {
            if (!Names.AreComplete(result)) return;
            if (result.GetValue(requestsOnly) && result.GetValue(definitions)) result.AddError("--requests-only goes without --definitions");
        });
        command.SetAction(async (parsed, cancellationToken) =>
        {
            using var connection = cluster.Connect(parsed);
            var objects = parsed.GetValue(requestsOnly) ? [] : await ObjectsAsync(connection, parsed.GetValue(definitions), cancellationToken);
            if (objects.Select(o => o.Object.Metadata.Annotations).FirstOrDefault(a => a?.ContainsKey(ClusterObjects.HelmRelease) is true) is { } helm)
            {
                throw new CliException(
                    ExitCode.Usage,
                    $"Helm installed this, and has to remove it: helm uninstall {helm[ClusterObjects.HelmRelease]} --namespace {(helm.TryGetValue(ClusterObjects.HelmNamespace, out var ns) ? ns : "NAMESPACE")}; before that `kubectl quiesce uninstall --requests-only` ends all windows");
            }

            if (parsed.GetValue(dryRun))
            {
                foreach (var (kind, o) in objects) Console.Out.WriteLine($"{ClusterObjects.Name(kind.Type, o.Metadata)} (dry run)");
                return ExitCode.Success;
            }

            var release = new Release(connection, parsed.GetValue(operatorNamespace));
            var defined = await release.RunAsync(timeout.Of(parsed), cancellationToken);
            Terminal.Say(!defined ? "FreezeRequests are not defined here"
                : release.Silent.Count == 0 ? "no window is open, and no FreezeRequest waits for Quiesce"
                : $"no FreezeRequest waits for Quiesce; not heard of: {string.Join(", ", release.Silent)}: what is still frozen there thaws when its agent ends, or at its deadline");
            foreach (var (kind, o) in objects)
            {
                if (await new ResourceClient<AnyObject>(connection, kind).DeleteAsync(kind.Type.Namespaced ? o.Metadata.NamespaceProperty : null, o.Metadata.Name, cancellationToken: cancellationToken))
                    Console.Out.WriteLine($"{ClusterObjects.Name(kind.Type, o.Metadata)} deleted");
            }

            if (!parsed.GetValue(requestsOnly) && objects.Count == 0) Terminal.Say($"nothing in this cluster ({connection.Source}) has the label {ClusterObjects.Selector}");
            return ExitCode.Success;
        });
        return command;
    }

    /// <summary>Where the internal objects are.</summary>
    internal static Option<string?> OperatorNamespace() => new("--operator-namespace") { Description = "The operator's namespace, for who may not look into all of them.", HelpName = "NAME" };

    private static async Task<IReadOnlyList<(ResourceKind<AnyObject> Kind, AnyObject Object)>> ObjectsAsync(KubernetesConnection connection, bool definitions, CancellationToken cancellationToken)
    {
        var objects = new List<(ResourceKind<AnyObject>, AnyObject)>();
        foreach (var kind in ClusterObjects.Removed.Concat(definitions ? [ClusterObjects.Definitions] : []))
        {
            try
            {
                // The definitions of other installations have no labels: the group is what makes them ours.
                var ours = kind == ClusterObjects.Definitions
                    ? (await new ResourceClient<AnyObject>(connection, kind).ListAsync(null, cancellationToken: cancellationToken)).Items.Where(d => d.Metadata.Name.EndsWith($".{QuiesceApi.Group}", StringComparison.Ordinal))
                    : (await new ResourceClient<AnyObject>(connection, kind).ListAsync(null, ClusterObjects.Selector, cancellationToken: cancellationToken)).Items;
                objects.AddRange(ours.Select(o => (kind, o)));
            }
            catch (KubernetesApiException e) when (e.IsNotFound)
            {
                // A cluster without this kind has none of it.
            }
        }

        return objects;
    }
}
