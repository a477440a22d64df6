using System.CommandLine;
using Quiesce.Cli.Installation;

namespace Quiesce.Cli.Commands;

/// <summary><c>kubectl quiesce upgrade-agents</c>: replaces agents on nodes without a hold.</summary>
internal static class UpgradeAgentsCommand
{
    internal static Command Create()
    {
        var cluster = new ClusterOptions();
        var timeout = new DurationOption("--timeout", "Longest wait for a node to be free of holds, and for its new agent to be ready", TimeSpan.FromMinutes(10), TimeSpan.FromHours(2));
        var operatorNamespace = UninstallCommand.OperatorNamespace();
        var command = new Command("upgrade-agents", "Replace the agents that are not of their DaemonSet's present template, node by node, each when nothing is held there.") { timeout.Option, operatorNamespace };
        cluster.AddTo(command);
        command.SetAction(async (parsed, cancellationToken) =>
        {
            using var connection = cluster.Connect(parsed);
            await new AgentUpgrade(connection, parsed.GetValue(operatorNamespace), timeout.Of(parsed)).RunAsync(cancellationToken);
            return ExitCode.Success;
        });
        return command;
    }
}
