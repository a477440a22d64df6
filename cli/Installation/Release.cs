using System.Text.Json.Nodes;
using Quiesce.Cli.Output;
using Quiesce.Crds;
using Quiesce.Crds.Client;

namespace Quiesce.Cli.Installation;

/// <summary>Ends all windows and frees all requests, so that everything can be deleted when no operator runs any more.</summary>
/// <remarks>While operator and agents run they do most of it themselves; what they do not do within the given time is done without them.</remarks>
internal sealed class Release(KubernetesConnection connection, string? operatorNamespace)
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(500);

    /// <summary>Agents that run thaw within a second, and are heard of within a few.</summary>
    private static readonly TimeSpan LongestThaw = TimeSpan.FromSeconds(10);

    private readonly ResourceClient<FreezeRequest> _requests = new(connection, Kinds.FreezeRequests);
    private readonly ResourceClient<NodeFreeze> _plans = new(connection, Kinds.NodeFreezes);

    /// <summary>The nodes that may still hold something: their agents were told to end it, and have not said that they did.</summary>
    internal IReadOnlyList<string> Silent { get; private set; } = [];

    /// <summary>Does it.</summary>
    /// <param name="patience">How long operator and agents are left to themselves.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>False where nothing of Quiesce is defined.</returns>
    /// <exception cref="CliException">Some request is still held back.</exception>
    internal async Task<bool> RunAsync(TimeSpan patience, CancellationToken cancellationToken)
    {
        var began = TimeProvider.System.GetTimestamp();
        List<FreezeRequest> claimed;
        while (true)
        {
            // Again each time: somebody may ask for a freeze meanwhile.
            if (await RequestsAsync(cancellationToken) is not { } all) return false;
            foreach (var request in all.Where(r => r.Spec.DesiredState != DesiredState.Thawed && !StatusText.Holds(r.Status, ConditionTypes.Finished)))
            {
                var meta = request.Metadata;
                Terminal.Say($"{meta.NamespaceProperty}/{meta.Name}: thawing");
                await IfThereAsync(() => _requests.PatchAsync(meta.NamespaceProperty, meta.Name, new JsonObject { ["spec"] = new JsonObject { ["desiredState"] = nameof(DesiredState.Thawed) } }, cancellationToken: cancellationToken));
            }

            claimed = [.. all.Where(IsClaimed)];
            if (claimed.Count == 0 || TimeProvider.System.GetElapsedTime(began) >= patience) break;
            await Task.Delay(Pause, cancellationToken);
        }

        // A window that is gone means thaw, to every agent that runs.
        await DeleteAllAsync(new ResourceClient<FreezeWindow>(connection, Kinds.FreezeWindows), cancellationToken);
        for (var attempt = 0; claimed.Count > 0 && attempt < 5; attempt++)
        {
            foreach (var request in claimed) await ReleaseAsync(request, cancellationToken);
            claimed = await ClaimedAsync(cancellationToken);
        }

        var told = TimeProvider.System.GetTimestamp();
        while ((Silent = await HoldingAsync(cancellationToken)).Count > 0 && TimeProvider.System.GetElapsedTime(told) < LongestThaw) await Task.Delay(Pause, cancellationToken);
        await DeleteAllAsync(_plans, cancellationToken);
        if (claimed.Count == 0) return true;
        throw new CliException(ExitCode.Error, $"still with the finalizer {QuiesceApi.Finalizer}: {string.Join(", ", claimed.Select(r => $"{r.Metadata.NamespaceProperty}/{r.Metadata.Name}"))}; run this again");
    }

    /// <summary>The requests that have Quiesce's finalizer.</summary>
    private async Task<List<FreezeRequest>> ClaimedAsync(CancellationToken cancellationToken) =>
        [.. (await RequestsAsync(cancellationToken) ?? []).Where(IsClaimed)];

    private static bool IsClaimed(FreezeRequest request) => request.Metadata.Finalizers?.Contains(QuiesceApi.Finalizer) is true;

    /// <summary>The nodes whose agents have begun something and not said that it has ended.</summary>
    private async Task<IReadOnlyList<string>> HoldingAsync(CancellationToken cancellationToken)
    {
        try
        {
            return [.. (await _plans.ListAsync(operatorNamespace, cancellationToken: cancellationToken)).Items
                .Where(p => p.Report?.Phase is > NodeFreezePhase.Pending and < NodeFreezePhase.Thawed).Select(p => p.Spec.NodeName).Distinct().Order(StringComparer.Ordinal)];
        }
        catch (KubernetesApiException e) when (e.IsNotFound)
        {
            return []; // not defined any more
        }
    }

    /// <summary>All requests; null where they are not defined.</summary>
    private async Task<IReadOnlyList<FreezeRequest>?> RequestsAsync(CancellationToken cancellationToken)
    {
        try
        {
            return (await _requests.ListAsync(null, cancellationToken: cancellationToken)).Items;
        }
        catch (KubernetesApiException e) when (e.IsNotFound)
        {
            return null;
        }
    }

    private async Task ReleaseAsync(FreezeRequest request, CancellationToken cancellationToken)
    {
        var meta = request.Metadata;
        Terminal.Say($"{meta.NamespaceProperty}/{meta.Name}: nobody has ended it; taking its finalizer off");
        var others = new JsonArray([.. meta.Finalizers!.Where(f => f != QuiesceApi.Finalizer).Select(f => JsonValue.Create(f))]);
        try
        {
            // With the version, so that nobody else's finalizer is lost.
            await IfThereAsync(() => _requests.PatchAsync(meta.NamespaceProperty, meta.Name, new JsonObject { ["metadata"] = new JsonObject { ["finalizers"] = others } }, meta.ResourceVersion, cancellationToken));
        }
        catch (KubernetesApiException e) when (e.IsConflict)
        {
            // Changed meanwhile: it is read again.
        }
    }

    private async Task DeleteAllAsync<T>(ResourceClient<T> client, CancellationToken cancellationToken)
        where T : class, k8s.IKubernetesObject<k8s.Models.V1ObjectMeta>
    {
        try
        {
            foreach (var o in (await client.ListAsync(operatorNamespace, cancellationToken: cancellationToken)).Items)
                await client.DeleteAsync(o.Metadata.NamespaceProperty, o.Metadata.Name, cancellationToken: cancellationToken);
        }
        catch (KubernetesApiException e) when (e.IsNotFound)
        {
            // Not defined any more.
        }
    }

    private static async Task IfThereAsync(Func<Task> write)
    {
        try
        {
            await write();
        }
        catch (KubernetesApiException e) when (e.IsNotFound)
        {
            // Gone meanwhile, which is what this is for.
        }
    }
}
