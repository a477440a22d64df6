using Quiesce.Cluster.Errors;
using Quiesce.Cluster.Kinds;
using Quiesce.Cluster.Operations;
using Quiesce.Cluster.Storage;

namespace Quiesce.Cluster.Controllers;

/// <summary>Empties a namespace that is being deleted, waits for the finalizers of what is in it, and lets it go; plays kube-controller-manager's.</summary>
internal sealed class NamespaceLifecycle(ObjectStore store, KindCatalog catalog, ResourceOperations operations) : IController
{
    public void Observe(Change change)
    {
        if (change.Object.Key.Collection == "namespaces")
            Advance(change.Object.Key);
        else if (change.Kind == ChangeKind.Deleted && change.Object.Key.Namespace.Length > 0)
            Advance(new ObjectKey("namespaces", "", change.Object.Key.Namespace));
    }

    private void Advance(ObjectKey key)
    {
        if (store.Get(key) is not { IsBeingDeleted: true } ns)
            return;
        foreach (var content in store.ListNamespace(key.Name).Where(o => !o.IsBeingDeleted))
            Delete(content);
        if (store.ListNamespace(key.Name).Count > 0)
            return;
        var last = ns.ToNode();
        last.Child("spec").Remove("finalizers");
        if (last.StringsAt("metadata", "finalizers").Any())
            store.TryUpdate(ns, last);
        else
            store.TryDelete(ns, last);
    }

    private void Delete(StoredObject content)
    {
        try
        {
            if (catalog.OfCollection(content.Key.Collection) is { } resource)
                operations.Delete(resource, content.Key.Namespace, content.Key.Name, new DeleteOptions(content.Uid));
        }
        catch (ApiError)
        {
            // Someone else was faster.
        }
    }
}
