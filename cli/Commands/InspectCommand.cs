using System.CommandLine;
using Quiesce.Cli.Output;
using Quiesce.Cli.Requests;
using Quiesce.Crds;
using Quiesce.Crds.Client;

namespace Quiesce.Cli.Commands;

/// <summary><c>kubectl quiesce inspect</c>: a dry run, which tells what a freeze would do and freezes nothing.</summary>
internal static class InspectCommand
{
    internal static Command Create()
    {
        var (cluster, request, output) = (new ClusterOptions(), new RequestOptions(), new ObjectOutput());
        var command = new Command("inspect", "Tell what would be frozen, skipped or refused, node by node. Freezes nothing.");
        request.AddTo(command, cluster);
        cluster.AddTo(command);
        output.AddTo(command);
        command.SetAction(async (parsed, cancellationToken) =>
        {
            using var connection = cluster.Connect(parsed);
            return await RunAsync(connection, request.Build(parsed, cluster.Namespace(parsed, connection), dryRun: true, ttlSeconds: 60), parsed, output, cancellationToken);
        });
        return command;
    }

    internal static async Task<int> RunAsync(KubernetesConnection connection, FreezeRequest wanted, ParseResult parsed, ObjectOutput output, CancellationToken cancellationToken)
    {
        var session = await RequestSession.CreateAsync(connection, wanted, cancellationToken);
        try
        {
            var ended = await Progress.WhileAsync(progress => session.UntilAsync(request => StatusText.Holds(request.Status, ConditionTypes.Finished), progress, cancellationToken));
            output.Print(parsed, ended);
            if (!output.IsAskedFor(parsed))
            {
                Console.Out.WriteLine(ended.Status!.Message);
                foreach (var line in StatusText.Details(ended.Status, isDryRun: true)) Console.Out.WriteLine(line);
            }

            return ExitCode.Of(ended.Status!);
        }
        finally
        {
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(5));
            await session.DeleteAsync(limit.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
