using System.Text.Json.Nodes;
using Quiesce.Cluster.Kinds;

namespace Quiesce.Cluster.Operations;

/// <summary>What there is in a cluster before anyone has done anything.</summary>
internal static class InitialObjects
{
    public static readonly string[] UndeletableNamespaces = ["default", "kube-public", "kube-system"];

    public static void Create(ResourceOperations operations, KindCatalog catalog)
    {
        var namespaces = catalog.Find("", "v1", "namespaces")!;
        foreach (var name in UndeletableNamespaces.Append("kube-node-lease"))
            operations.Create(namespaces, "", new JsonObject { ["metadata"] = new JsonObject { ["name"] = name } }, WriteOptions.Default);
    }
}
