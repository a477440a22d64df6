using Quiesce.Cluster.Storage;

namespace Quiesce.Cluster.Kinds;

/// <summary>Every kind that is served: those that come with the server and those defined by CRDs.</summary>
/// <remarks>Read from any thread; replaced as a whole when a definition changes.</remarks>
internal sealed class KindCatalog
{
    private volatile IReadOnlyList<ApiResource> _all = BuiltInKinds.All;

    /// <summary>Raised with each kind and version that is not served any more, after it is gone from here.</summary>
    public event Action<ApiResource>? Withdrawn;

    /// <summary>In the order of discovery.</summary>
    public IReadOnlyList<ApiResource> All => _all;

    public ApiResource? Find(string group, string version, string plural) =>
        _all.FirstOrDefault(r => r.Plural == plural && r.Version == version && r.Group == group);

    /// <summary>The kind an owner reference or a manifest names.</summary>
    public ApiResource? FindKind(string apiVersion, string kind) => _all.FirstOrDefault(r => r.Kind == kind && r.ApiVersion == apiVersion);

    /// <summary>The versions of a group, the preferred one first.</summary>
    public IReadOnlyList<string> VersionsOf(string group) => [.. _all.Where(r => r.Group == group).Select(r => r.Version).Distinct()];

    /// <summary>The groups but the core group, in the order of discovery.</summary>
    public IReadOnlyList<string> Groups => [.. _all.Select(r => r.Group).Where(g => g.Length > 0).Distinct()];

    /// <summary>Any version of a stored kind.</summary>
    public ApiResource? OfCollection(string collection) => _all.FirstOrDefault(r => r.Collection == collection);

    /// <summary>Takes over the definitions there are now.</summary>
    public void Define(IEnumerable<StoredObject> definitions)
    {
        var before = _all;
        _all = [.. BuiltInKinds.All, .. definitions.SelectMany(CustomKinds.Read)];
        foreach (var gone in before.Where(r => Find(r.Group, r.Version, r.Plural) is null))
            Withdrawn?.Invoke(gone);
    }
}
