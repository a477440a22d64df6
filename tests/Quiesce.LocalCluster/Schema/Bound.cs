using System.Text.Json.Nodes;

namespace Quiesce.Cluster.Schema;

/// <summary>A limit of a number.</summary>
internal sealed record Bound(decimal Value, bool Exclusive)
{
    public static Bound? Read(JsonObject source, string name, string exclusive) =>
        StructuralSchema.DecimalAt(source, name) is { } value ? new Bound(value, source.BoolAt(exclusive) ?? false) : null;
}
