using System.CommandLine;
using Quiesce.Cli.Output;
using Quiesce.Cli.Requests;
using Quiesce.Crds;
using Quiesce.Crds.Client;

namespace Quiesce.Cli.Commands;

/// <summary><c>kubectl quiesce thaw NAME</c>: ends a window, waits for its end, and exits with the verdict.</summary>
internal static class ThawCommand
{
    internal static Command Create()
    {
        var (cluster, output) = (new ClusterOptions(), new ObjectOutput());
        var name = Names.Request("The FreezeRequest.", cluster);
        var command = new Command("thaw", "End a window, wait until everything is thawed, and exit with the verdict: 0 only if it held without a break.") { name };
        cluster.AddTo(command);
        output.AddTo(command);
        command.SetAction(async (parsed, cancellationToken) =>
        {
            using var connection = cluster.Connect(parsed);
            var session = new RequestSession(connection, cluster.Namespace(parsed, connection), parsed.GetValue(name)!);
            FreezeRequest? request = null;
            try
            {
                request = await session.GetAsync(cancellationToken);
                session = new(connection, session.Namespace, session.Name, request.Metadata.Uid);
            }
            catch (KubernetesApiException e) when (e.IsTransient)
            {
                // That it is thawed matters more, and that is tried for longer.
            }

            // The verdict is about the window. Whoever ends it here may take it for one about all the time until now.
            if (StatusText.Holds(request?.Status, ConditionTypes.Finished)) Terminal.Say($"{session.Name}: had ended before this thaw; what was done since its end was done without it");
            else await session.ThawAsync(cancellationToken);
            var ended = await CloseAsync(session, cancellationToken);
            output.Print(parsed, ended);
            return ExitCode.Of(ended.Status!);
        });
        return command;
    }

    /// <summary>Waits for the end of a request, and says how it was.</summary>
    internal static async Task<FreezeRequest> CloseAsync(RequestSession session, CancellationToken cancellationToken)
    {
        FreezeRequest ended;
        try
        {
            ended = await Progress.WhileAsync(progress => session.UntilAsync(request => StatusText.Holds(request.Status, ConditionTypes.Finished), progress, cancellationToken));
        }
        catch (CliException e) when (e.ExitCode == ExitCode.Failed)
        {
            // It was deleted, and may well have been open.
            throw new CliException(ExitCode.Broken, e.Message);
        }

        var status = ended.Status!;
        Terminal.Say($"{session.Name}: {status.Phase}, {status.Reason}: {status.Message}");
        if (StatusText.StoodStill(status) is { } stood) Terminal.Say($"  {stood}");
        foreach (var line in StatusText.Details(status)) Terminal.Say(line);
        return ended;
    }
}
