using System.Text.Json;
using System.Text.Json.Nodes;
using Quiesce.Cluster.Errors;
using Quiesce.Cluster.Kinds;
using Quiesce.Cluster.Operations;
using Quiesce.Cluster.Storage;

namespace Quiesce.Cluster.Controllers;

/// <summary>Deletes what has owner references and no owner left, and carries out foreground and orphaning deletions; plays kube-controller-manager's.</summary>
internal sealed class GarbageCollector(ObjectStore store, KindCatalog catalog, ResourceOperations operations) : IController
{
    private readonly Dictionary<string, ObjectKey> _living = new(StringComparer.Ordinal);
    private readonly Dictionary<string, HashSet<ObjectKey>> _dependents = new(StringComparer.Ordinal);

    public void Observe(Change change)
    {
        var current = change.Object;
        Index(change);
        if (change.Kind == ChangeKind.Deleted)
        {
            foreach (var dependent in DependentsOf(current.Uid))
                Collect(dependent);
            foreach (var owner in OwnersOf(current))
                Advance(owner);
            return;
        }

        if (OwnersOf(current).Any())
            Collect(current.Key);
        Advance(current.Uid);
    }

    private void Index(Change change)
    {
        foreach (var owner in change.Previous is { } previous ? OwnersOf(previous) : [])
            _dependents.GetValueOrDefault(owner)?.Remove(change.Object.Key);
        if (change.Kind == ChangeKind.Deleted)
        {
            _living.Remove(change.Object.Uid);
            return;
        }

        _living[change.Object.Uid] = change.Object.Key;
        foreach (var owner in OwnersOf(change.Object))
        {
            if (!_dependents.TryGetValue(owner, out var dependents))
                _dependents.Add(owner, dependents = []);
            dependents.Add(change.Object.Key);
        }
    }

    /// <summary>Deletes an object none of whose owners is left, and otherwise drops the references to those that are gone.</summary>
    private void Collect(ObjectKey key)
    {
        if (store.Get(key) is not { } current || catalog.OfCollection(key.Collection) is not { } resource)
            return;
        var gone = OwnersOf(current).Where(uid => !Exists(uid, key)).ToHashSet(StringComparer.Ordinal);
        if (gone.Count == 0)
            return;
        if (gone.Count == OwnersOf(current).Count())
            Quietly(() => operations.Delete(Stored(resource), key.Namespace, key.Name, new DeleteOptions(current.Uid)));
        else
            RemoveReferences(current, resource, gone);
    }

    /// <summary>Takes the next step of an object's foreground or orphaning deletion.</summary>
    private void Advance(string uid)
    {
        if (!_living.TryGetValue(uid, out var key) || store.Get(key) is not { IsBeingDeleted: true } owner || catalog.OfCollection(key.Collection) is not { } resource)
            return;
        var finalizers = owner.ToNode().StringsAt("metadata", "finalizers").ToList();
        var dependents = DependentsOf(uid).Select(store.Get).OfType<StoredObject>().ToList();
        if (finalizers.Contains(Finalizers.Orphan))
        {
            foreach (var dependent in dependents)
                RemoveReferences(dependent, catalog.OfCollection(dependent.Key.Collection)!, [uid]);
            RemoveFinalizer(owner, resource, Finalizers.Orphan);
        }
        else if (finalizers.Contains(Finalizers.Foreground))
        {
            foreach (var dependent in dependents.Where(d => !d.IsBeingDeleted))
                Quietly(() => operations.Delete(Stored(catalog.OfCollection(dependent.Key.Collection)!), dependent.Key.Namespace, dependent.Key.Name, new DeleteOptions(dependent.Uid, Propagation: "Foreground")));
            if (DependentsOf(uid).Select(store.Get).All(d => d is null || !Blocks(d, uid)))
                RemoveFinalizer(owner, resource, Finalizers.Foreground);
        }
    }

    private void RemoveReferences(StoredObject dependent, ApiResource resource, HashSet<string> uids) => Edit(dependent, resource, metadata =>
    {
        var kept = metadata.ItemsAt("ownerReferences").Where(o => !uids.Contains(o.StringAt("uid") ?? "")).Select(o => o?.DeepClone()).ToArray();
        metadata["ownerReferences"] = kept.Length == 0 ? null : new JsonArray(kept);
    });

    private void RemoveFinalizer(StoredObject owner, ApiResource resource, string finalizer) => Edit(owner, resource, metadata =>
        metadata["finalizers"] = new JsonArray([.. metadata.StringsAt("finalizers").Where(f => f != finalizer).Select(f => JsonValue.Create(f))]));

    private void Edit(StoredObject target, ApiResource resource, Action<JsonObject> edit) => Quietly(() =>
        operations.Patch(Stored(resource), target.Key.Namespace, target.Key.Name, "", o =>
        {
            edit(o.Child("metadata"));
            return o;
        }, new WriteOptions(Validation: FieldValidation.Ignore)));

    /// <summary>Someone else was faster, or the object does not pass validation any more: nothing to be done about either.</summary>
    private static void Quietly(Action act)
    {
        try
        {
            act();
        }
        catch (ApiError)
        {
        }
    }

    /// <summary>The version the objects are stored in.</summary>
    private ApiResource Stored(ApiResource any) => catalog.All.FirstOrDefault(r => r.Collection == any.Collection && r.Conversion is null) ?? any;

    private bool Exists(string uid, ObjectKey dependent) =>
        _living.TryGetValue(uid, out var owner) && (owner.Namespace.Length == 0 || owner.Namespace == dependent.Namespace);

    private List<ObjectKey> DependentsOf(string uid) => _dependents.TryGetValue(uid, out var found) ? [.. found] : [];

    private static bool Blocks(StoredObject dependent, string owner) =>
        dependent.Root.At("metadata", "ownerReferences") is { } owners
        && owners.EnumerateArray().Any(o => o.StringAt("uid") == owner && o.At("blockOwnerDeletion")?.ValueKind == JsonValueKind.True);

    private static IEnumerable<string> OwnersOf(StoredObject o) =>
        o.Root.At("metadata", "ownerReferences") is { ValueKind: JsonValueKind.Array } owners ? owners.EnumerateArray().Select(r => r.StringAt("uid")).OfType<string>() : [];
}
