using System.Globalization;
using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using Quiesce.Cli.Output;
using Quiesce.Crds.Client;

namespace Quiesce.Cli.Snapshots;

/// <summary>Snapshots of the claims of a window: created together, and waited for until the storage has taken each cut, which is long before it is ready to use.</summary>
internal sealed class SnapshotCut(KubernetesConnection connection, ResourceKind<Snapshot> kind, string ns, string request, IReadOnlyDictionary<string, JsonObject> specs) : ICut
{
    private const string RequestLabel = "quiesce.dev/request";
    private const string CutLabel = "quiesce.dev/cut";

    /// <summary>How long an answer to a creation is waited for before it is taken back: everything may stand still meanwhile.</summary>
    private static readonly TimeSpan AnswerPatience = TimeSpan.FromSeconds(5);

    private readonly ResourceClient<Snapshot> _client = new(connection, kind);
    private readonly string _cut = Guid.NewGuid().ToString("N")[..12];
    private readonly List<(string Name, Task Answered)> _asked = [];

    /// <summary>One VolumeSnapshot of each claim.</summary>
    internal static SnapshotCut OfClaims(KubernetesConnection connection, string ns, string request, IReadOnlyList<string> claims, string? snapshotClass) => new(
        connection, SnapshotKinds.VolumeSnapshots, ns, request, claims.ToDictionary(claim => claim, claim => Spec(new() { ["persistentVolumeClaimName"] = claim }, "volumeSnapshotClassName", snapshotClass)));

    /// <summary>One VolumeGroupSnapshot of all claims that a selector matches.</summary>
    /// <exception cref="CliException">The cluster has none, or the selector matches other claims than the window's.</exception>
    internal static async Task<SnapshotCut> OfGroupAsync(
        KubernetesConnection connection, string ns, string request, IReadOnlyList<string> claims, string selector, JsonObject parsed, string? groupClass, CancellationToken cancellationToken)
    {
        var version = await connection.PreferredVersionAsync(SnapshotKinds.GroupSnapshots, cancellationToken)
            ?? throw new CliException(ExitCode.Error, $"this cluster has no VolumeGroupSnapshots ({SnapshotKinds.GroupSnapshots}): leave --group out, and the claims are cut one by one; they stand still together all the same");
        var matching = (await new ResourceClient<PersistentVolumeClaim>(connection, Kinds.PersistentVolumeClaims).ListAsync(ns, selector, cancellationToken: cancellationToken)).Items.Select(c => c.Metadata.Name).ToList();
        if (claims.Except(matching).ToList() is { Count: > 0 } missing) throw new CliException(ExitCode.Usage, $"--group {selector} does not match {string.Join(", ", missing)}, which {request} holds");
        if (matching.Except(claims).ToList() is { Count: > 0 } more) throw new CliException(ExitCode.Usage, $"--group {selector} matches {string.Join(", ", more)}, which {request} does not hold: their cut would be taken while they are written to");
        return new(
            connection, SnapshotKinds.VolumeGroupSnapshots(version), ns, request,
            new Dictionary<string, JsonObject> { ["group"] = Spec(new() { ["selector"] = parsed }, "volumeGroupSnapshotClassName", groupClass) });
    }

    /// <inheritdoc/>
    public string What => $"{specs.Count} {kind.Type.Kind}{(specs.Count == 1 ? "" : "s")}";

    /// <inheritdoc/>
    public Task CreateAsync(CancellationToken cancellationToken)
    {
        // At once: each moment that one of them waits for another, everything stands still.
        foreach (var (claim, spec) in specs)
        {
            var name = Name(claim);
            _asked.Add((name, CreateAsync(name, spec)));
        }

        return Task.WhenAll(_asked.Select(a => a.Answered)).WaitAsync(cancellationToken);
    }

    /// <inheritdoc/>
    public async Task TakenAsync(CancellationToken cancellationToken)
    {
        var taken = new Dictionary<string, DateTimeOffset>();
        var said = new Dictionary<string, string>();
        var watch = new ListWatch<Snapshot>(_client, new() { Namespace = ns, LabelSelector = $"{CutLabel}={_cut}" });
        await foreach (var change in watch.FollowAsync(cancellationToken))
        {
            switch (change)
            {
                case WatchEvent<Snapshot>.Added added:
                    See(added.Item);
                    break;
                case WatchEvent<Snapshot>.Modified modified:
                    See(modified.Item);
                    break;
                case WatchEvent<Snapshot>.Deleted deleted:
                    throw new CliException(ExitCode.Error, $"{Named(deleted.Item.Metadata.Name)} was deleted before its cut was taken");
                case WatchEvent<Snapshot>.Disconnected { Error: { Status: HttpStatusCode.Forbidden or HttpStatusCode.Unauthorized } refused }:
                    throw refused;
            }

            if (taken.Count == specs.Count) break;
        }

        foreach (var (name, time) in taken.OrderBy(t => t.Key, StringComparer.Ordinal)) Console.Out.WriteLine($"{Named(name)}\t{time.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture)}");

        void See(Snapshot snapshot)
        {
            var name = snapshot.Metadata.Name;
            if (snapshot.Status?.CreationTime is { } time) taken[name] = time;
            else if (snapshot.Status?.Error?.Message is { } message && said.GetValueOrDefault(name) != message) Terminal.Say($"{Named(name)}: {said[name] = message}");
        }
    }

    /// <inheritdoc/>
    public Task DiscardAsync(CancellationToken cancellationToken) => Task.WhenAll(_asked.Select(async asked =>
    {
        // What is still on its way could be made after it was deleted.
        await asked.Answered.WaitAsync(AnswerPatience, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        var isKnown = asked.Answered.IsCompleted && asked.Answered.Exception?.InnerException is not KubernetesApiException { IsTransient: true };
        if (isKnown && !asked.Answered.IsCompletedSuccessfully) return; // refused
        try
        {
            if (await _client.DeleteAsync(ns, asked.Name, cancellationToken: cancellationToken)) Terminal.Say($"{request}: removed {Named(asked.Name)}, which was not known to be cut within the window");
            else if (!isKnown) Terminal.Complain($"{Named(asked.Name)}: the API server has not said whether it was created, so it may be yet; {Remove}");
        }
        catch (Exception e) when (e is KubernetesApiException or OperationCanceledException)
        {
            Terminal.Complain($"{Named(asked.Name)} was not removed, and is not known to be cut within the window: {(e as KubernetesApiException)?.Detail ?? "the API server does not answer"}; {Remove}");
        }
    }));

    /// <summary>Asks for one and is not cancelled: a server may carry out what nobody waits for any more.</summary>
    private async Task CreateAsync(string name, JsonObject spec)
    {
        var snapshot = new Snapshot
        {
            ApiVersion = kind.Type.ApiVersion,
            Kind = kind.Type.Kind,
            Metadata = new() { Name = name, NamespaceProperty = ns, Labels = new Dictionary<string, string> { [RequestLabel] = Label(request), [CutLabel] = _cut, ["app.kubernetes.io/created-by"] = "kubectl-quiesce" } },
            Spec = JsonSerializer.SerializeToElement(spec, SnapshotJson.Default.JsonObject),
        };
        try
        {
            await _client.CreateAsync(snapshot, CancellationToken.None);
        }
        catch (KubernetesApiException e) when (e.IsNotFound)
        {
            throw new CliException(ExitCode.Error, $"{e.Detail}: this cluster has no {kind.Type.Kind}s; compare with `kubectl get crd {kind.Type.Plural}.{kind.Type.Group}`");
        }
        catch (KubernetesApiException e) when (e.Status is HttpStatusCode.UnprocessableEntity or HttpStatusCode.BadRequest)
        {
            throw new CliException(ExitCode.Usage, e.Detail);
        }
    }

    private static JsonObject Spec(JsonObject source, string classMember, string? className)
    {
        var spec = new JsonObject { ["source"] = source };
        if (className is not null) spec[classMember] = className;
        return spec;
    }

    private string Remove => $"remove it with `kubectl delete {kind.Type.Plural}.{kind.Type.Group} -n {ns} -l {CutLabel}={_cut}`";

    private static string Label(string value) => value.Length <= 63 ? value : value[..63].TrimEnd('-', '.');

    private string Named(string name) => $"{kind.Type.Kind.ToLowerInvariant()}.{kind.Type.Group}/{name}";

    // One request may be cut more than once.
    private string Name(string claim)
    {
        var name = $"{request}-{claim}";
        return $"{(name.Length <= 240 ? name : name[..240].TrimEnd('-', '.'))}-{_cut[..6]}";
    }
}
