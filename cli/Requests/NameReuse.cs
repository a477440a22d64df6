using System.Text.Json;
using System.Text.Json.Nodes;
using Quiesce.Cli.Output;
using Quiesce.Crds;
using Quiesce.Crds.Client;

namespace Quiesce.Cli.Requests;

/// <summary><c>freeze --reuse-name</c>: the same command again and again, as a backup tool's hook has it, which cannot make up a name that its other hook would know.</summary>
/// <remarks>
/// Several pods that share a volume have the same hook, and Velero runs them one after the other before it backs any of them up: so a window that is open and
/// freezes the same is joined. The verdict stays true: whoever thaws is told how the one window was.
/// </remarks>
internal static class NameReuse
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);

    /// <summary>Longer than any thaw takes: only what is stuck, or an operator that is away, keeps the old one so long.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    /// <summary>An open window whose deadline is nearer than this is as good as over: its nodes may have thawed it already. More than the second that the server's time is given in.</summary>
    private static readonly TimeSpan Nearest = TimeSpan.FromSeconds(2);

    /// <summary>Creates the request, where there is none of its name or one that has ended; joins one that is open.</summary>
    /// <exception cref="CliException">One of that name is open and freezes something else, or does not end.</exception>
    internal static async Task<RequestSession> CreateAsync(KubernetesConnection connection, FreezeRequest wanted, CancellationToken cancellationToken)
    {
        var (client, ns, name) = (new ResourceClient<FreezeRequest>(connection, Kinds.FreezeRequests), wanted.Metadata.NamespaceProperty, wanted.Metadata.Name);
        var began = TimeProvider.System.GetTimestamp();
        while (true)
        {
            var there = await client.GetAsync(ns, name, cancellationToken);
            if (there is null)
            {
                try
                {
                    return await RequestSession.CreateAsync(connection, wanted, cancellationToken);
                }
                catch (CliException)
                {
                    // Another one was faster: look at that.
                    if (await client.GetAsync(ns, name, cancellationToken) is null) throw;
                    continue;
                }
            }

            var isOver = StatusText.Holds(there.Status, ConditionTypes.Finished);
            var isEnding = there is not { Metadata.DeletionTimestamp: null, Spec.DesiredState: DesiredState.Frozen } || there.Status?.DeadlineAt - connection.ServerTime < Nearest;
            if (!isOver && !isEnding)
            {
                if (Targets(there) != Targets(wanted))
                    throw new CliException(ExitCode.Usage, $"FreezeRequest {ns}/{name} is open and freezes something else: thaw it, or choose another --name");
                Terminal.Say($"{name}: is there already and freezes the same; joining it");
                return new(connection, ns, name, there.Metadata.Uid);
            }

            if (isOver && there.Metadata.DeletionTimestamp is null) await DeleteAsync(client, there, cancellationToken);
            else if (TimeProvider.System.GetElapsedTime(began) > Patience)
                throw new CliException(ExitCode.Error, $"FreezeRequest {ns}/{name} is to end and has not within {Patience.TotalSeconds:0} s: see `kubectl describe freeze -n {ns} {name}`");
            else await Task.Delay(Pause, cancellationToken);
        }
    }

    /// <summary>This one, and not a namesake that has come since.</summary>
    private static async Task DeleteAsync(ResourceClient<FreezeRequest> client, FreezeRequest ended, CancellationToken cancellationToken)
    {
        try
        {
            await client.DeleteAsync(ended.Metadata.NamespaceProperty, ended.Metadata.Name, ended.Metadata.Uid, cancellationToken: cancellationToken);
        }
        catch (KubernetesApiException e) when (e.IsNotFound || e.IsConflict)
        {
            // Gone already.
        }
    }

    /// <summary>As text; an API server gives the labels of a selector back in an order of its own.</summary>
    private static string Targets(FreezeRequest request) =>
        Sorted(JsonSerializer.SerializeToNode(new FreezeRequestSpec { Targets = request.Spec.Targets }, CrdsJson.Default.FreezeRequestSpec))!.ToJsonString();

    private static JsonNode? Sorted(JsonNode? node) => node switch
    {
        JsonObject members => new JsonObject(members.OrderBy(m => m.Key, StringComparer.Ordinal).Select(m => KeyValuePair.Create(m.Key, Sorted(m.Value)))),
        JsonArray items => new JsonArray([.. items.Select(Sorted)]),
        _ => node?.DeepClone(),
    };
}
