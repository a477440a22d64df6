using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;
using Quiesce.Cli.Output;
using Quiesce.Cli.Requests;
using Quiesce.Cli.Snapshots;
using Quiesce.Crds;

namespace Quiesce.Cli.Commands;

/// <summary><c>kubectl quiesce wait-snapshots</c>: as the command of <c>run</c> takes snapshots of what is held, and returns as soon as it may be thawed.</summary>
internal static class WaitSnapshotsCommand
{
    internal static Command Create()
    {
        var cluster = new ClusterOptions();
        var request = new Option<string?>("--request") { Description = "The FreezeRequest. Default: $QUIESCE_REQUEST, which 'run' sets.", HelpName = "NAME" };
        var claims = new Option<string[]>("--pvc") { Description = "A claim of the window; can be repeated. Default: all of them.", HelpName = "NAME" };
        var snapshotClass = new Option<string?>("--snapshot-class") { Description = "The VolumeSnapshotClass, or with --group the VolumeGroupSnapshotClass. Default: the cluster's.", HelpName = "NAME" };
        var group = new Option<string?>("--group") { Description = "One VolumeGroupSnapshot instead, of the claims with these labels: exactly those of the window.", HelpName = "SELECTOR" };
        var backup = new Option<string?>("--velero-backup") { Description = "A Backup of Velero instead, with this name.", HelpName = "NAME" };
        var schedule = new Option<string?>("--velero-schedule") { Description = "The Schedule whose template that Backup has. Default: everything in the window's namespace.", HelpName = "NAME" };
        var veleroNamespace = new Option<string>("--velero-namespace") { Description = "Where Velero is.", HelpName = "NAME", DefaultValueFactory = _ => "velero" };
        var timeout = new DurationOption("--timeout", "Longest wait for the cut", TimeSpan.FromMinutes(2), TimeSpan.FromHours(1));
        var command = new Command("wait-snapshots", "Take snapshots of what a window holds, and return when their cut is taken: not when they are uploaded. For the command of 'run'.")
        {
            request, claims, snapshotClass, group, backup, schedule, veleroNamespace, timeout.Option,
        };
        cluster.AddTo(command);
        command.Validators.Add(result =>
        {
            if (!Names.AreComplete(result)) return;
            if (result.GetValue(backup) is null && result.GetValue(schedule) is not null) result.AddError("--velero-schedule belongs to --velero-backup");
            if (result.GetValue(backup) is not null && (result.GetValue(group) ?? result.GetValue(snapshotClass)) is not null) result.AddError("--velero-backup goes without --group and --snapshot-class");
            if (result.GetValue(backup) is not null && result.GetValue(claims) is { Length: > 0 }) result.AddError("--velero-backup goes without --pvc: the Backup's own spec says what is in it");
            if (result.GetValue(group) is { } text && LabelSelectors.Parse(text) is null) result.AddError($"'{text}' is not a selector; write it as for kubectl --selector, such as app=db,tier in (a,b)");
            if (result.GetValue(request) is null && Environment.GetEnvironmentVariable("QUIESCE_REQUEST") is not { Length: > 0 })
                result.AddError("wait-snapshots: which window? Name it with --request, or make this the command of 'kubectl quiesce run'");
        });
        command.SetAction(async (parsed, cancellationToken) =>
        {
            using var connection = cluster.Connect(parsed);
            var ns = cluster.Namespace(parsed, connection, Environment.GetEnvironmentVariable("QUIESCE_NAMESPACE"));
            var session = new RequestSession(connection, ns, parsed.GetValue(request) ?? Environment.GetEnvironmentVariable("QUIESCE_REQUEST")!);
            var held = await session.GetAsync(cancellationToken);
            if (held.Status?.Phase != FreezePhase.Frozen) throw new CliException(ExitCode.Failed, $"{session.Name} is {held.Status?.Phase.ToString() ?? "not begun"}, not Frozen: nothing was cut");
            var limit = timeout.Of(parsed);
            ICut cut = parsed.GetValue(backup) is { } name
                ? new BackupCut(connection, ns, parsed.GetValue(veleroNamespace)!, name, parsed.GetValue(schedule), session.Name)
                : WindowClaims.Choose(held, parsed.GetValue(claims) ?? []) is var chosen && parsed.GetValue(group) is { } selector
                    ? await SnapshotCut.OfGroupAsync(connection, ns, session.Name, chosen, selector, Json(LabelSelectors.Parse(selector)!), parsed.GetValue(snapshotClass), cancellationToken)
                    : SnapshotCut.OfClaims(connection, ns, session.Name, chosen, parsed.GetValue(snapshotClass));
            await TakeAsync(session, cut, limit, cancellationToken);
            return ExitCode.Success;
        });
        return command;
    }

    /// <summary>Takes the cut while the window holds; what was begun and is not taken then is discarded.</summary>
    private static async Task TakeAsync(RequestSession session, ICut cut, TimeSpan limit, CancellationToken cancellationToken)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        over.CancelAfter(limit);
        try
        {
            Terminal.Say($"{session.Name}: taking {cut.What}");
            await cut.CreateAsync(over.Token);
            var ended = session.UntilAsync(request => request.Status?.Phase != FreezePhase.Frozen, null, over.Token);
            var taken = cut.TakenAsync(over.Token);
            if (await Task.WhenAny(taken, ended) == ended)
            {
                var status = (await ended).Status;
                throw new CliException(ExitCode.Broken, $"{session.Name} is {status?.Phase}, {status?.Reason}: the window was over before the cut of {cut.What} was taken");
            }

            await taken;
            // Causes come before what they cause, clocks or not: it was frozen before the snapshots were asked for, and is so still.
            if ((await session.GetAsync(over.Token)).Status is not { Phase: FreezePhase.Frozen } now)
                throw new CliException(ExitCode.Broken, $"{session.Name} ended while the cut of {cut.What} was taken");
            Terminal.Say($"{session.Name}: {cut.What}: cut taken with {now.FrozenFilesystems} filesystem{(now.FrozenFilesystems == 1 ? "" : "s")} frozen");
        }
        catch (Exception e)
        {
            using var cleaning = new CancellationTokenSource(TimeSpan.FromSeconds(10));
            await cut.DiscardAsync(cleaning.Token);
            if (e is OperationCanceledException && !cancellationToken.IsCancellationRequested)
                throw new CliException(ExitCode.Error, $"the cut of {cut.What} was not taken within {DurationOption.Format(limit)}: look at their status, and at the snapshot controller's log");
            throw;
        }
        finally
        {
            await over.CancelAsync();
        }
    }

    private static JsonObject Json(LabelSelector selector) => (JsonObject)JsonSerializer.SerializeToNode(selector, CrdsJson.Default.LabelSelector)!;
}
