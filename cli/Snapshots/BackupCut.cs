using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using Quiesce.Cli.Output;
using Quiesce.Crds.Client;

namespace Quiesce.Cli.Snapshots;

/// <summary>A Backup of Velero: all its snapshots are taken when its phase goes beyond <c>InProgress</c>; what it moves elsewhere it moves after that.</summary>
internal sealed class BackupCut(KubernetesConnection connection, string ns, string veleroNamespace, string name, string? schedule, string request) : ICut
{
    private readonly ResourceClient<Backup> _client = new(connection, SnapshotKinds.Backups);

    /// <summary>It was asked for, and not refused: one that is there is ours.</summary>
    private bool _mayBeThere;

    /// <inheritdoc/>
    public string What => $"Backup {veleroNamespace}/{name}";

    /// <inheritdoc/>
    public async Task CreateAsync(CancellationToken cancellationToken)
    {
        try
        {
            var labels = new Dictionary<string, string> { ["quiesce.dev/request"] = request.Length <= 63 ? request : request[..63].TrimEnd('-', '.') };
            var spec = JsonSerializer.SerializeToElement(new JsonObject { ["includedNamespaces"] = new JsonArray(ns) }, SnapshotJson.Default.JsonObject);
            if (schedule is not null)
            {
                var template = await new ResourceClient<Schedule>(connection, SnapshotKinds.Schedules).GetAsync(veleroNamespace, schedule, cancellationToken)
                    ?? throw new CliException(ExitCode.Usage, $"there is no Schedule {schedule} in namespace {veleroNamespace}: compare with `velero schedule get`");
                spec = template.Spec!.Template;
                labels["velero.io/schedule-name"] = schedule;
            }

            _mayBeThere = true;
            await _client.CreateAsync(new() { Metadata = new() { Name = name, NamespaceProperty = veleroNamespace, Labels = labels }, Spec = spec }, cancellationToken);
        }
        catch (KubernetesApiException e) when (!e.IsTransient)
        {
            _mayBeThere = false;
            throw Explained(e);
        }
    }

    /// <inheritdoc/>
    public async Task TakenAsync(CancellationToken cancellationToken)
    {
        await foreach (var change in new ListWatch<Backup>(_client, new() { Namespace = veleroNamespace, FieldSelector = $"metadata.name={name}" }).FollowAsync(cancellationToken))
        {
            var backup = change switch
            {
                WatchEvent<Backup>.Added added => added.Item,
                WatchEvent<Backup>.Modified modified => modified.Item,
                WatchEvent<Backup>.Deleted => throw new CliException(ExitCode.Error, $"{What} was deleted"),
                WatchEvent<Backup>.Disconnected { Error: { Status: HttpStatusCode.Forbidden or HttpStatusCode.Unauthorized } refused } => throw refused,
                _ => null,
            };
            switch (backup?.Status?.Phase)
            {
                case "WaitingForPluginOperations" or "Finalizing" or "Completed":
                    Console.Out.WriteLine($"backup.velero.io/{name}\t{backup.Status.Phase}");
                    return;
                case "FailedValidation" or "Failed" or "PartiallyFailed" or "WaitingForPluginOperationsPartiallyFailed" or "FinalizingPartiallyFailed" or "Deleting":
                    var why = string.Join("; ", (backup.Status.ValidationErrors ?? []).Append(backup.Status.FailureReason).Where(s => !string.IsNullOrEmpty(s)));
                    throw new CliException(ExitCode.Error, $"{What} is {backup.Status.Phase}{(why.Length > 0 ? $": {why}" : "")}; see `velero backup describe {name}` and `velero backup logs {name}`");
            }
        }
    }

    /// <inheritdoc/>
    public Task DiscardAsync(CancellationToken cancellationToken)
    {
        // What a Backup has made elsewhere only Velero itself can remove.
        if (_mayBeThere) Terminal.Say($"{request}: {What} was not complete within the window; remove it with `velero backup delete {name}`");
        return Task.CompletedTask;
    }

    private Exception Explained(KubernetesApiException e) => e switch
    {
        { IsNotFound: true } => new CliException(ExitCode.Error, $"{e.Detail}: either there is no namespace {veleroNamespace}, or Velero is not installed in this cluster"),
        { Status: HttpStatusCode.UnprocessableEntity or HttpStatusCode.BadRequest } or { IsAlreadyExists: true } => new CliException(ExitCode.Usage, e.Detail),
        _ => e,
    };
}
