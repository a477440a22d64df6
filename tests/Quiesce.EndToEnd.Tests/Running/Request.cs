using System.Text.Json.Nodes;
using Quiesce.Crds;

namespace Quiesce.EndToEnd.Tests.Running;

/// <summary>One FreezeRequest of a test, in a namespace of its own.</summary>
internal sealed class Request
{
    private readonly Installation installation;

    private Request(Installation installation, FreezeRequest created)
    {
        this.installation = installation;
        Created = created;
    }

    internal FreezeRequest Created { get; }

    internal string Namespace => Created.Metadata.NamespaceProperty;

    internal string Name => Created.Metadata.Name;

    internal string Uid => Created.Metadata.Uid;

    internal static FreezeTarget HostPath(string node, string path) => new() { HostPath = new HostPathTarget { Path = path, NodeName = node } };

    /// <summary>Creates it.</summary>
    internal static async Task<Request> CreateAsync(Installation installation, FreezeRequestSpec spec, IDictionary<string, string>? labels = null)
    {
        var ns = await installation.Server.CreateNamespaceAsync("freeze");
        var request = new FreezeRequest
        {
            Metadata = new() { Name = "nightly", NamespaceProperty = ns, Labels = labels },
            Spec = spec,
        };
        return new Request(installation, await installation.FreezeRequests.CreateAsync(request, CancellationToken.None));
    }

    /// <summary>Creates it over folders of nodes.</summary>
    internal static Task<Request> OfAsync(Installation installation, int deadlineSeconds, params FreezeTarget[] targets) =>
        CreateAsync(installation, new FreezeRequestSpec { DeadlineSeconds = deadlineSeconds, Targets = targets });

    internal Task<FreezeRequest?> GetAsync() => installation.FreezeRequests.GetAsync(Namespace, Name, CancellationToken.None);

    /// <summary>Waits until the phase is reached; another final one fails the test.</summary>
    internal async Task<FreezeRequestStatus> PhaseAsync(FreezePhase phase, TimeSpan? bound = null)
    {
        FreezeRequestStatus? last = null;
        return await Eventually.GetAsync(
            async () =>
            {
                last = (await GetAsync())?.Status;
                if (last?.Phase == phase) return last;
                if (last?.Phase >= FreezePhase.Thawed) Assert.Fail($"ended as {last.Phase}, {last.Reason}: {last.Message} instead of {phase}\n{installation.OperatorSaid}");
                return null;
            },
            () => $"{Namespace}/{Name} {phase}; it is {last?.Phase}, {last?.Reason}: {last?.Message}\n{installation.OperatorSaid}",
            bound);
    }

    internal Task PatchSpecAsync(JsonObject spec) =>
        installation.FreezeRequests.PatchAsync(Namespace, Name, new JsonObject { ["spec"] = spec }, cancellationToken: CancellationToken.None);

    internal Task ThawAsync() => PatchSpecAsync(new JsonObject { ["desiredState"] = "Thawed" });

    internal Task DeleteAsync() => installation.FreezeRequests.DeleteAsync(Namespace, Name, cancellationToken: CancellationToken.None);

    internal Task GoneAsync(TimeSpan? bound = null) =>
        Eventually.GetAsync(async () => await GetAsync() is null ? "gone" : null, () => $"{Namespace}/{Name} gone\n{installation.OperatorSaid}", bound);

    /// <summary>Waits until its internal objects are gone: nothing is left behind in the operator's namespace.</summary>
    internal Task SweptAsync() => Eventually.GetAsync(
        async () =>
        {
            var label = $"{QuiesceApi.RequestUidLabel}={Uid}";
            var windows = await installation.FreezeWindows.ListAsync(InternalNames.DefaultNamespace, label);
            var freezes = await installation.NodeFreezes.ListAsync(InternalNames.DefaultNamespace, label);
            return windows.Items.Count + freezes.Items.Count == 0 ? "swept" : null;
        },
        () => $"the internal objects of {Namespace}/{Name} gone\n{installation.OperatorSaid}");

    internal static Condition Condition(FreezeRequestStatus status, string type) => Assert.Single(status.Conditions, c => c.Type == type);
}
