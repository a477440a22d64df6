using System.CommandLine;
using Quiesce.Cli.Output;
using Quiesce.Cli.Requests;
using Quiesce.Crds;

namespace Quiesce.Cli.Commands;

/// <summary><c>kubectl quiesce freeze</c>: opens a window and returns when everything is frozen, or fails with the reason and nothing frozen.</summary>
internal static class FreezeCommand
{
    /// <summary>Finished requests are kept for a day: somebody may want to know.</summary>
    internal const int KeptSeconds = 86400;

    internal static Command Create()
    {
        var (cluster, request, output) = (new ClusterOptions(), new RequestOptions(), new ObjectOutput());
        var dryRun = new Option<bool>("--dry-run") { Description = "Resolve everything and tell what would be frozen, skipped or refused, and freeze nothing; as 'inspect'." };
        var reuse = new Option<bool>("--reuse-name")
        {
            Description = "With --name, for a command that is the same every time, such as a backup tool's hook: a request of that name that has ended is deleted first, and one that is open and freezes the same is joined.",
        };
        var command = new Command("freeze", "Freeze, and return when all of it is frozen. It stays so until 'thaw', or until the deadline.") { dryRun, reuse };
        request.AddTo(command, cluster);
        command.Validators.Add(result =>
        {
            if (Names.AreComplete(result) && result.GetValue(reuse) && (!request.IsNamed(result) || result.GetValue(dryRun))) result.AddError("freeze: --reuse-name needs --name, and does not go with --dry-run");
        });
        cluster.AddTo(command);
        output.AddTo(command);
        command.SetAction(async (parsed, cancellationToken) =>
        {
            using var connection = cluster.Connect(parsed);
            var wanted = request.Build(parsed, cluster.Namespace(parsed, connection), parsed.GetValue(dryRun), KeptSeconds);
            if (wanted.Spec.DryRun) return await InspectCommand.RunAsync(connection, wanted, parsed, output, cancellationToken);
            var session = parsed.GetValue(reuse) ? await NameReuse.CreateAsync(connection, wanted, cancellationToken) : await RequestSession.CreateAsync(connection, wanted, cancellationToken);
            var frozen = await OpenAsync(session, cancellationToken);
            try
            {
                output.Print(parsed, frozen);
                if (!output.IsAskedFor(parsed)) Console.Out.WriteLine(session.Name);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException && session.IsOurs)
            {
                // Whoever was to thaw it does not learn its name.
                await GiveUpAsync(session);
                throw;
            }

            return ExitCode.Success;
        });
        return command;
    }

    /// <summary>Thaws what nobody will use, as far as that is heard.</summary>
    private static async Task GiveUpAsync(RequestSession session)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(5));
        await session.ThawAsync(limit.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    /// <summary>Waits until everything is frozen.</summary>
    /// <exception cref="CliException">It failed; nothing is frozen.</exception>
    internal static async Task<FreezeRequest> OpenAsync(RequestSession session, CancellationToken cancellationToken)
    {
        FreezeRequest reached;
        try
        {
            reached = await Progress.WhileAsync(progress => session.UntilAsync(
                request => StatusText.Holds(request.Status, ConditionTypes.Frozen) || StatusText.Holds(request.Status, ConditionTypes.Finished), progress, cancellationToken));
        }
        catch (Exception e) when (e is not CliException && session.IsOurs)
        {
            // Nobody will say that it may end: so say it now. If that is not heard, the deadline ends it.
            Terminal.Say($"{session.Name}: given up; thawing");
            await GiveUpAsync(session);
            throw;
        }

        if (!StatusText.Holds(reached.Status, ConditionTypes.Finished))
        {
            Terminal.Say($"{session.Name}: {reached.Status!.Message}");
            foreach (var line in StatusText.Details(reached.Status)) Terminal.Say(line);
            return reached;
        }

        foreach (var line in StatusText.Details(reached.Status!)) Terminal.Say(line);
        throw new CliException(ExitCode.Of(reached.Status!) is var code && code == ExitCode.Success ? ExitCode.Failed : code, $"{session.Name} is {reached.Status!.Phase}, {reached.Status.Reason}: {reached.Status.Message}");
    }
}
