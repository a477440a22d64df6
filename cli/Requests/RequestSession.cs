using System.Net;
using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using Quiesce.Cli.Output;
using Quiesce.Crds;
using Quiesce.Crds.Client;

namespace Quiesce.Cli.Requests;

/// <summary>One FreezeRequest, seen from its user's side.</summary>
internal sealed class RequestSession(KubernetesConnection connection, string ns, string name)
{
    /// <summary>How long the API server may be away while something is waited for.</summary>
    private static readonly TimeSpan LongestOutage = TimeSpan.FromSeconds(60);

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(500);

    private readonly ResourceClient<FreezeRequest> _client = new(connection, Kinds.FreezeRequests);

    internal string Name => name;

    internal string Namespace => ns;

    /// <summary>Creates it.</summary>
    /// <exception cref="CliException">The API server refuses what it asks for; the message carries its words.</exception>
    internal static async Task<RequestSession> CreateAsync(KubernetesConnection connection, FreezeRequest request, CancellationToken cancellationToken)
    {
        try
        {
            await new ResourceClient<FreezeRequest>(connection, Kinds.FreezeRequests).CreateAsync(request, cancellationToken);
        }
        catch (KubernetesApiException e) when (e.Status is HttpStatusCode.UnprocessableEntity or HttpStatusCode.BadRequest || e.IsAlreadyExists)
        {
            throw new CliException(ExitCode.Usage, e.Detail);
        }
        catch (KubernetesApiException e) when (e.IsNotFound)
        {
            throw new CliException(
                ExitCode.Error,
                $"{e.Detail}: either there is no namespace {request.Metadata.NamespaceProperty}, or Quiesce is not installed in this cluster ({connection.Source}); compare with `kubectl get crd freezerequests.quiesce.dev`");
        }

        return new(connection, request.Metadata.NamespaceProperty, request.Metadata.Name);
    }

    /// <summary>Reads it.</summary>
    /// <exception cref="CliException">There is none.</exception>
    internal async Task<FreezeRequest> GetAsync(CancellationToken cancellationToken) =>
        await _client.GetAsync(ns, name, cancellationToken) ?? throw new CliException(ExitCode.Usage, $"there is no FreezeRequest {name} in namespace {ns}: compare with `kubectl get freeze -n {ns}`");

    /// <summary>Follows it until one of its states is the one that is waited for.</summary>
    /// <param name="isIt">Whether a state is.</param>
    /// <param name="progress">Shown every state; null to show none.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="CliException">It was deleted, or the API server is away for too long.</exception>
    internal async Task<FreezeRequest> UntilAsync(Func<FreezeRequest, bool> isIt, Progress? progress, CancellationToken cancellationToken)
    {
        await foreach (var request in FollowAsync(cancellationToken))
        {
            progress?.Show(request);
            if (isIt(request)) return request;
        }

        throw new CliException(ExitCode.Failed, $"FreezeRequest {ns}/{name} was deleted, which thaws whatever it held; nothing can be said about the window.");
    }

    /// <summary>Ends the window: until the API server has taken that, or has been away for too long.</summary>
    /// <exception cref="KubernetesApiException">It does not, or refuses.</exception>
    internal async Task ThawAsync(CancellationToken cancellationToken)
    {
        var began = TimeProvider.System.GetTimestamp();
        while (true)
        {
            try
            {
                await _client.PatchAsync(ns, name, new JsonObject { ["spec"] = new JsonObject { ["desiredState"] = nameof(DesiredState.Thawed) } }, cancellationToken: cancellationToken);
                return;
            }
            catch (KubernetesApiException e) when (e.IsTransient && TimeProvider.System.GetElapsedTime(began) < LongestOutage)
            {
                await Task.Delay(Pause, cancellationToken);
            }
            catch (KubernetesApiException e) when (e.IsNotFound)
            {
                // Deleted, which thaws as well; whoever follows it learns that.
                return;
            }
        }
    }

    /// <summary>Raises the deadline.</summary>
    internal Task RaiseAsync(int deadlineSeconds, CancellationToken cancellationToken) =>
        _client.PatchAsync(ns, name, new JsonObject { ["spec"] = new JsonObject { ["deadlineSeconds"] = deadlineSeconds } }, cancellationToken: cancellationToken);

    /// <summary>Deletes it, if it is there.</summary>
    internal async Task DeleteAsync(CancellationToken cancellationToken)
    {
        try
        {
            await _client.DeleteAsync(ns, name, cancellationToken: cancellationToken);
        }
        catch (KubernetesApiException e) when (e.IsNotFound)
        {
            // Gone already.
        }
    }

    /// <summary>Its states, until it is deleted.</summary>
    private async IAsyncEnumerable<FreezeRequest> FollowAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var outage = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        KubernetesApiException? away = null;
        await using var events = new ListWatch<FreezeRequest>(_client, new() { Namespace = ns, FieldSelector = $"metadata.name={name}" }, TimeProvider.System)
            .FollowAsync(outage.Token).GetAsyncEnumerator(outage.Token);
        while (true)
        {
            try
            {
                if (!await events.MoveNextAsync()) yield break;
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested && away is not null)
            {
                throw away;
            }

            switch (events.Current)
            {
                case WatchEvent<FreezeRequest>.Added added:
                    yield return added.Item;
                    break;
                case WatchEvent<FreezeRequest>.Modified modified:
                    yield return modified.Item;
                    break;
                case WatchEvent<FreezeRequest>.Deleted:
                    yield break;
                case WatchEvent<FreezeRequest>.Synced synced:
                    away = null;
                    outage.CancelAfter(Timeout.InfiniteTimeSpan);
                    if (synced.Items.Count == 0) yield break;
                    break;
                case WatchEvent<FreezeRequest>.Disconnected disconnected:
                    // What is not permitted stays so.
                    if (disconnected.Error.Status is HttpStatusCode.Forbidden or HttpStatusCode.Unauthorized) throw disconnected.Error;
                    away = disconnected.Error;
                    outage.CancelAfter(LongestOutage);
                    Terminal.Say($"{name}: not in touch with the API server, trying again: {disconnected.Error.Detail}");
                    break;
            }
        }
    }
}
