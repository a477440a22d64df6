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

    // What those who serve it said last, for a test that fails.
    private string Said => string.Join('\n', [installation.OperatorSaid, .. Created.Spec.Targets.Select(t => t.HostPath?.NodeName).OfType<string>().Distinct().Select(n => $"-- {n}\n{installation.AgentSaid(n)}")]);

    internal static FreezeTarget HostPath(string node, string path) => new() { HostPath = new HostPathTarget { Path = path, NodeName = node } };

    /// <summary>Creates it.</summary>
    internal static async Task<Request> CreateAsync(Installation installation, FreezeRequestSpec spec, IDictionary<string, string>? labels = null, IDictionary<string, string>? annotations = null) =>
        await CreateInAsync(installation, await installation.Server.CreateNamespaceAsync("freeze"), spec, labels: labels, annotations: annotations);

    /// <summary>Creates it in a namespace that there is.</summary>
    internal static async Task<Request> CreateInAsync(Installation installation, string ns, FreezeRequestSpec spec, string name = "nightly", IDictionary<string, string>? labels = null, IDictionary<string, string>? annotations = null)
    {
        var request = new FreezeRequest
        {
            Metadata = new() { Name = name, NamespaceProperty = ns, Labels = labels, Annotations = annotations },
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
                if (last?.Phase >= FreezePhase.Thawed) Assert.Fail($"ended as {last.Phase}, {last.Reason}: {last.Message} instead of {phase}\n{Said}");
                return null;
            },
            () => $"{Namespace}/{Name} {phase}; it is {last?.Phase}, {last?.Reason}: {last?.Message}\n{Said}",
            bound);
    }

    /// <summary>Waits until it has ended, however that is.</summary>
    internal async Task<FreezeRequestStatus> EndAsync(TimeSpan? bound = null)
    {
        FreezeRequestStatus? last = null;
        return await Eventually.GetAsync(
            async () => (last = (await GetAsync())?.Status)?.Phase >= FreezePhase.Thawed ? last : null,
            () => $"{Namespace}/{Name} ended; it is {last?.Phase}, {last?.Reason}: {last?.Message}\n{Said}",
            bound);
    }

    /// <summary>Waits for the end and compares it.</summary>
    internal async Task<FreezeRequestStatus> EndsAsAsync(FreezePhase phase, string reason, TimeSpan? bound = null)
    {
        var end = await EndAsync(bound);
        Assert.True((end.Phase, end.Reason) == (phase, reason), $"ended as {end.Phase}, {end.Reason}: {end.Message} instead of {phase}, {reason}\n{Said}");
        Assert.Equal(phase == FreezePhase.Thawed ? ConditionStatus.True : ConditionStatus.False, Condition(end, ConditionTypes.WindowIntact).Status);
        return end;
    }

    /// <summary>Waits until a node has reported a phase, or a later one.</summary>
    internal async Task NodeReachesAsync(string node, NodeFreezePhase phase)
    {
        NodeFreezeStatus? last = null;
        await Eventually.GetAsync(
            async () => (last = (await NodeFreezeAsync(node))?.Report)?.Phase >= phase ? last : null,
            () => $"{node} {phase}; it is {last?.Phase}, {last?.Reason}: {last?.Message}\n{Said}");
    }

    /// <summary>Its NodeFreeze for a node; null when there is none.</summary>
    internal async Task<NodeFreeze?> NodeFreezeAsync(string node) =>
        (await installation.NodeFreezes.ListAsync(InternalNames.DefaultNamespace, $"{QuiesceApi.RequestUidLabel}={Uid}", $"spec.nodeName={node}")).Items.SingleOrDefault();

    /// <summary>Deletes it and waits until nothing of it is left.</summary>
    internal async Task GoesAwayAsync(TimeSpan? bound = null)
    {
        await DeleteAsync();
        await GoneAsync(bound);
        await SweptAsync();
    }

    internal Task PatchSpecAsync(JsonObject spec) =>
        installation.FreezeRequests.PatchAsync(Namespace, Name, new JsonObject { ["spec"] = spec }, cancellationToken: CancellationToken.None);

    internal Task ThawAsync() => PatchSpecAsync(new JsonObject { ["desiredState"] = "Thawed" });

    internal Task DeleteAsync() => installation.FreezeRequests.DeleteAsync(Namespace, Name, cancellationToken: CancellationToken.None);

    internal Task GoneAsync(TimeSpan? bound = null) =>
        Eventually.GetAsync(async () => await GetAsync() is null ? "gone" : null, () => $"{Namespace}/{Name} gone\n{Said}", bound);

    /// <summary>Waits until its internal objects are gone: nothing is left behind in the operator's namespace.</summary>
    internal Task SweptAsync() => Eventually.GetAsync(
        async () =>
        {
            var label = $"{QuiesceApi.RequestUidLabel}={Uid}";
            var windows = await installation.FreezeWindows.ListAsync(InternalNames.DefaultNamespace, label);
            var freezes = await installation.NodeFreezes.ListAsync(InternalNames.DefaultNamespace, label);
            return windows.Items.Count + freezes.Items.Count == 0 ? "swept" : null;
        },
        () => $"the internal objects of {Namespace}/{Name} gone\n{Said}");

    internal static Condition Condition(FreezeRequestStatus status, string type) => Assert.Single(status.Conditions, c => c.Type == type);
}
