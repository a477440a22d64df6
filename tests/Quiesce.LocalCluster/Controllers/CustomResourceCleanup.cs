using System.Text.Json.Nodes;
using Quiesce.Cluster.Errors;
using Quiesce.Cluster.Kinds;
using Quiesce.Cluster.Operations;
using Quiesce.Cluster.Storage;

namespace Quiesce.Cluster.Controllers;

/// <summary>Deletes the objects of a definition that is being deleted, and then lets the definition go; plays apiextensions-apiserver's finalizer.</summary>
internal sealed class CustomResourceCleanup(ObjectStore store, KindCatalog catalog, ResourceOperations operations) : IController
{
    public void Observe(Change change)
    {
        if (change.Object.Key.Collection == CustomKinds.Collection)
            Advance(change.Object.Key);
        else if (change.Kind == ChangeKind.Deleted)
            Advance(new ObjectKey(CustomKinds.Collection, "", change.Object.Key.Collection));
    }

    private void Advance(ObjectKey key)
    {
        if (store.Get(key) is not { IsBeingDeleted: true })
            return;
        if (catalog.OfCollection(key.Name) is { } resource)
            foreach (var instance in store.List(key.Name, null).Objects.Where(o => !o.IsBeingDeleted))
                Quietly(() => operations.Delete(resource, instance.Key.Namespace, instance.Key.Name, new DeleteOptions(instance.Uid)));
        if (store.List(key.Name, null).Objects.Count > 0)
            return;
        var definitions = catalog.Find(CustomKinds.Group, "v1", CustomKinds.Plural)!;
        Quietly(() => operations.Patch(definitions, "", key.Name, "", definition =>
        {
            var metadata = definition.Child("metadata");
            metadata["finalizers"] = new JsonArray([.. metadata.StringsAt("finalizers").Where(f => f != CustomKinds.CleanupFinalizer).Select(f => JsonValue.Create(f))]);
            return definition;
        }, new WriteOptions(Validation: FieldValidation.Ignore)));
    }

    private static void Quietly(Action act)
    {
        try
        {
            act();
        }
        catch (ApiError)
        {
            // Someone else was faster.
        }
    }
}
