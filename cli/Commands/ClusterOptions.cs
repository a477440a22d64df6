using System.CommandLine;
using Quiesce.Crds.Client;

namespace Quiesce.Cli.Commands;

/// <summary>The options by which kubectl's own commands find their cluster, with kubectl's names.</summary>
internal sealed class ClusterOptions
{
    private readonly Option<string?> _kubeconfig = new("--kubeconfig") { Description = "A kubeconfig file. Default: $KUBECONFIG, the pod's service account, ~/.kube/config.", HelpName = "FILE" };

    private readonly Option<string?> _context = new("--context") { Description = "A context of the kubeconfig.", HelpName = "NAME" };

    private readonly Option<string?> _namespace = new("--namespace", "-n") { Description = "The namespace. Default: that of the context, or of the pod.", HelpName = "NAME" };

    private readonly DurationOption _requestTimeout = new("--request-timeout", "Longest wait for one answer of the API server", TimeSpan.FromSeconds(15), TimeSpan.FromMinutes(5));

    internal void AddTo(Command command)
    {
        foreach (var option in new Option[] { _kubeconfig, _context, _namespace, _requestTimeout.Option }) command.Add(option);
    }

    /// <exception cref="k8s.Exceptions.KubeConfigException">There is no usable configuration; the message says what was looked for.</exception>
    internal KubernetesConnection Connect(ParseResult parsed) => KubernetesConnection.Create(
        parsed.GetValue(_kubeconfig), parsed.GetValue(_context), new() { UserAgent = "kubectl-quiesce", RequestTimeout = _requestTimeout.Of(parsed) });

    /// <param name="parsed">The command line.</param>
    /// <param name="connection">The connection, for what its context says.</param>
    /// <param name="around">What is meant where none is named; null for what the context says.</param>
    internal string Namespace(ParseResult parsed, KubernetesConnection connection, string? around = null) =>
        parsed.GetValue(_namespace) ?? (around is { Length: > 0 } ? around : null) ?? connection.Namespace ?? "default";
}
