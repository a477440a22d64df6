using System.Net;
using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using Quiesce.Cli.Output;
using Quiesce.Crds;
using Quiesce.Crds.Client;

namespace Quiesce.Cli.Requests;

/// <summary>One FreezeRequest, seen from its user's side.</summary>
/// <param name="connection">The way to the API server.</param>
/// <param name="ns">Its namespace.</param>
/// <param name="name">Its name.</param>
/// <param name="uid">Its UID, where it is known: a namesake that came after it is not this one.</param>
/// <param name="isOurs">It was created here, so that nobody else waits for its window.</param>
internal sealed class RequestSession(KubernetesConnection connection, string ns, string name, string? uid = null, bool isOurs = false)
{
    /// <summary>By which a creation whose answer did not come is known again.</summary>
    private const string CreationAnnotation = "quiesce.dev/creation";

    /// <summary>How long the API server may be away while something is waited for.</summary>
    private static readonly TimeSpan LongestOutage = TimeSpan.FromSeconds(60);

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(500);

    /// <summary>How long a creation that is given up, or of which no answer came, is looked for.</summary>
    private static readonly TimeSpan LongestLook = TimeSpan.FromSeconds(5);

    private readonly ResourceClient<FreezeRequest> _client = new(connection, Kinds.FreezeRequests);

    private string OnlyIt => $"metadata.name={name}";

    internal string Name => name;

    internal string Namespace => ns;

    internal bool IsOurs => isOurs;

    /// <summary>Creates it.</summary>
    /// <exception cref="CliException">The API server refuses what it asks for; the message carries its words.</exception>
    internal static async Task<RequestSession> CreateAsync(KubernetesConnection connection, FreezeRequest request, CancellationToken cancellationToken)
    {
        var client = new ResourceClient<FreezeRequest>(connection, Kinds.FreezeRequests);
        var mark = Guid.NewGuid().ToString("N");
        request.Metadata.Annotations = new Dictionary<string, string> { [CreationAnnotation] = mark };
        // Not cancelled: a server may carry out what nobody waits for any more, and then nobody would thaw it.
        var creating = client.CreateAsync(request, CancellationToken.None);
        try
        {
            return Ours(await creating.WaitAsync(cancellationToken));
        }
        catch (OperationCanceledException)
        {
            await GiveUpAsync();
            throw;
        }
        catch (KubernetesApiException e) when (e.IsTransient)
        {
            try
            {
                // It may have been created for all that.
                if (await LookAsync(cancellationToken) is { } found) return Ours(found);
            }
            catch (OperationCanceledException)
            {
                await GiveUpAsync();
                throw;
            }

            throw;
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

        RequestSession Ours(FreezeRequest created) => new(connection, created.Metadata.NamespaceProperty, created.Metadata.Name, created.Metadata.Uid, isOurs: true);

        // Nobody will say that it may end, should it be there.
        async Task GiveUpAsync()
        {
            Terminal.Say($"{request.Metadata.Name}: given up; thawing");
            await ((Task)creating).WaitAsync(LongestLook, CancellationToken.None).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (creating.Exception?.InnerException is KubernetesApiException { IsTransient: false }) return;
            var made = creating.IsCompletedSuccessfully ? await creating : await LookAsync(CancellationToken.None);
            using var limit = new CancellationTokenSource(LongestLook);
            if (made is not null) await Ours(made).ThawAsync(limit.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        async Task<FreezeRequest?> LookAsync(CancellationToken token)
        {
            var began = TimeProvider.System.GetTimestamp();
            while (true)
            {
                try
                {
                    if (await client.GetAsync(request.Metadata.NamespaceProperty, request.Metadata.Name, token) is { } there)
                        return there.Metadata.Annotations?.TryGetValue(CreationAnnotation, out var its) is true && its == mark ? there : null;
                }
                catch (KubernetesApiException)
                {
                    // Nor does it answer to this.
                }

                if (TimeProvider.System.GetElapsedTime(began) >= LongestLook) return null;
                await Task.Delay(Pause, token);
            }
        }
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

    /// <summary>Waits until the window is over or is to end, as long as that takes: what happens while the API server is away is seen when it is back.</summary>
    /// <returns>Why, for a person.</returns>
    internal async Task<string> OverAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                await foreach (var request in FollowAsync(cancellationToken))
                {
                    if (WhyOver(request) is { } why) return why;
                }

                return WhyOver(null)!;
            }
            catch (KubernetesApiException e) when (e.IsTransient)
            {
                // It was away for a minute, and may be for longer.
            }
        }
    }

    /// <summary>Ends the window: until the API server has taken that, or has been away for too long.</summary>
    /// <exception cref="KubernetesApiException">It does not, or refuses.</exception>
    internal Task ThawAsync(CancellationToken cancellationToken) => ThawAsync(looked: true, cancellationToken);

    /// <summary>The same, and tells whether the window was held until then.</summary>
    /// <returns>Why it was not, or why that is not known, for a person; null where it was.</returns>
    /// <exception cref="KubernetesApiException">The API server does not take it, or refuses.</exception>
    internal Task<string?> ThawHeldAsync(CancellationToken cancellationToken) => ThawAsync(looked: false, cancellationToken);

    private async Task<string?> ThawAsync(bool looked, CancellationToken cancellationToken)
    {
        string? over = null;
        var began = TimeProvider.System.GetTimestamp();
        while (true)
        {
            try
            {
                if (!looked)
                {
                    // Causes come before what they cause, clocks or not: whoever thaws after this was read thaws after this was called. It is read no more then, since a thaw whose answer is lost would look like somebody else's.
                    var now = await FindAsync(cancellationToken);
                    (looked, over) = (true, WhyOver(now));
                    if (now is null) return over;
                }

                await PatchAsync(new() { ["desiredState"] = nameof(DesiredState.Thawed) }, cancellationToken);
                return over;
            }
            catch (KubernetesApiException e) when (!looked && (!e.IsTransient || TimeProvider.System.GetElapsedTime(began) >= LongestOutage))
            {
                // That it is thawed matters more.
                (looked, over) = (true, $"it cannot be read: {e.Detail}");
            }
            catch (KubernetesApiException e) when (e.IsTransient && TimeProvider.System.GetElapsedTime(began) < LongestOutage)
            {
                await Task.Delay(Pause, cancellationToken);
            }
            catch (KubernetesApiException e) when (e.IsNotFound || e.IsConflict)
            {
                // Deleted, which thaws as well, and maybe replaced; whoever follows it learns that.
                return over;
            }
        }
    }

    /// <summary>Raises the deadline.</summary>
    internal Task RaiseAsync(int deadlineSeconds, CancellationToken cancellationToken) =>
        PatchAsync(new() { ["deadlineSeconds"] = deadlineSeconds }, cancellationToken);

    /// <summary>Deletes it, if it is there.</summary>
    internal async Task DeleteAsync(CancellationToken cancellationToken)
    {
        try
        {
            await _client.DeleteAsync(ns, name, uid, cancellationToken: cancellationToken);
        }
        catch (KubernetesApiException e) when (e.IsNotFound || e.IsConflict)
        {
            // Gone already, or a namesake is there.
        }
    }

    /// <summary>Changes its spec; a namesake's is left as it is.</summary>
    private Task<FreezeRequest> PatchAsync(JsonObject spec, CancellationToken cancellationToken)
    {
        var patch = new JsonObject { ["spec"] = spec };
        if (uid is not null) patch["metadata"] = new JsonObject { ["uid"] = uid };
        return _client.PatchAsync(ns, name, patch, cancellationToken: cancellationToken);
    }

    /// <summary>Why a window that was open is not any more, or will not be in a moment; null where it is.</summary>
    /// <param name="now">The request; null where it is gone.</param>
    private static string? WhyOver(FreezeRequest? now) => now switch
    {
        null => "it was deleted, which thaws whatever it held",
        { Status: { Phase: > FreezePhase.Frozen } status } => $"{status.Phase}, {status.Reason}: {status.Message}",
        { Metadata.DeletionTimestamp: not null } => "it is being deleted, which thaws whatever it holds",
        { Spec.DesiredState: DesiredState.Thawed } => "its desiredState was set to Thawed",
        _ => null,
    };

    /// <summary>Reads it, as <see cref="FollowAsync"/> does: with the right to list, which whoever waits for it has, and without that to get.</summary>
    /// <returns>Null when there is none.</returns>
    private async Task<FreezeRequest?> FindAsync(CancellationToken cancellationToken)
    {
        try
        {
            return (await _client.ListAsync(ns, fieldSelector: OnlyIt, cancellationToken: cancellationToken)).Items.FirstOrDefault(IsIt);
        }
        catch (KubernetesApiException e) when (e.IsNotFound)
        {
            // The definition went, and all requests with it.
            return null;
        }
    }

    private bool IsIt(FreezeRequest request) => uid is null || request.Metadata.Uid == uid;

    /// <summary>Its states, until it is deleted.</summary>
    private async IAsyncEnumerable<FreezeRequest> FollowAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var outage = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        KubernetesApiException? away = null;
        await using var events = new ListWatch<FreezeRequest>(_client, new() { Namespace = ns, FieldSelector = OnlyIt }, TimeProvider.System)
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
                    if (!IsIt(added.Item)) yield break;
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
