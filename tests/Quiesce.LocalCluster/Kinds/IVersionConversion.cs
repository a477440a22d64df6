using System.Text.Json.Nodes;

namespace Quiesce.Cluster.Kinds;

/// <summary>How one version of a kind is made from the stored form and back. Both change the object in place.</summary>
internal interface IVersionConversion
{
    void ToStored(JsonObject content);

    void FromStored(JsonObject content);
}
