using System.Text.Json;
using System.Text.Json.Nodes;

namespace Quiesce.Cluster.Tables;

/// <summary>One column of a <c>Table</c>.</summary>
/// <param name="Name">The heading.</param>
/// <param name="Type">OpenAPI type of the cells.</param>
/// <param name="Description">What it shows.</param>
/// <param name="Priority">0 is always shown, above that only in wide output.</param>
/// <param name="Format">OpenAPI format of the cells.</param>
/// <param name="Cell">The cell of an object at a time; null is an empty cell.</param>
internal sealed record TableColumn(string Name, string Type, string Description, int Priority, string Format, Func<JsonElement, DateTimeOffset, JsonNode?> Cell)
{
    public static TableColumn NameColumn { get; } =
        new("Name", "string", "Name of the object; unique within its namespace.", 0, "name", (o, _) => o.StringAt("metadata", "name"));

    public static TableColumn AgeColumn { get; } =
        new("Age", "string", "Time since the object was created.", 0, "", (o, now) => HumanDuration.Since(o.StringAt("metadata", "creationTimestamp"), now));
}
