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

    private readonly ResourceClient<Snapshot> _client = new(connection, kind);
    private readonly string _cut = Guid.NewGuid().ToString("N")[..12];
    private readonly List<string> _created = [];

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
    public async Task CreateAsync(CancellationToken cancellationToken)
    {
        // At once: each moment that one of them waits for another, everything stands still.
        await Task.WhenAll(specs.Select(async named =>
        {
            var name = Name(named.Key);
            var snapshot = new Snapshot
            {
                ApiVersion = kind.Type.ApiVersion,
                Kind = kind.Type.Kind,
                Metadata = new() { Name = name, NamespaceProperty = ns, Labels = new Dictionary<string, string> { [RequestLabel] = Label(request), [CutLabel] = _cut, ["app.kubernetes.io/created-by"] = "kubectl-quiesce" } },
                Spec = JsonSerializer.SerializeToElement(named.Value, SnapshotJson.Default.JsonObject),
            };
            lock (_created) _created.Add(name);
            try
            {
                await _client.CreateAsync(snapshot, cancellationToken);
            }
            catch (KubernetesApiException e) when (e.IsNotFound)
            {
                throw new CliException(ExitCode.Error, $"{e.Detail}: this cluster has no {kind.Type.Kind}s; compare with `kubectl get crd {kind.Type.Plural}.{kind.Type.Group}`");
            }
            catch (KubernetesApiException e) when (e.Status is HttpStatusCode.UnprocessableEntity or HttpStatusCode.BadRequest)
            {
                throw new CliException(ExitCode.Usage, e.Detail);
            }
        }));
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
    public async Task DiscardAsync(CancellationToken cancellationToken)
    {
        foreach (var name in _created)
        {
            if (await _client.DeleteAsync(ns, name, cancellationToken: cancellationToken)) Terminal.Say($"{request}: removed {Named(name)}, which was not known to be cut within the window");
        }
    }

    private static JsonObject Spec(JsonObject source, string classMember, string? className)
    {
        var spec = new JsonObject { ["source"] = source };
        if (className is not null) spec[classMember] = className;
        return spec;
    }

    private static string Label(string value) => value.Length <= 63 ? value : value[..63].TrimEnd('-', '.');

    private string Named(string name) => $"{kind.Type.Kind.ToLowerInvariant()}.{kind.Type.Group}/{name}";

    // One request may be cut more than once.
    private string Name(string claim)
    {
        var name = $"{request}-{claim}";
        return $"{(name.Length <= 240 ? name : name[..240].TrimEnd('-', '.'))}-{_cut[..6]}";
    }
}
