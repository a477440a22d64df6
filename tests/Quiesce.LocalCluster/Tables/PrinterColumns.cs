using System.Text.Json;
using System.Text.Json.Nodes;

namespace Quiesce.Cluster.Tables;

/// <summary>The <c>additionalPrinterColumns</c> of a CRD version; after apiextensions-apiserver's <c>tableconvertor</c>.</summary>
internal static class PrinterColumns
{
    public static IReadOnlyList<TableColumn> Read(JsonObject version)
    {
        var columns = version.ItemsAt("additionalPrinterColumns").OfType<JsonObject>().Select(ReadColumn).ToList();
        return columns.Count == 0 ? [TableColumn.NameColumn, TableColumn.AgeColumn] : [TableColumn.NameColumn, .. columns];
    }

    private static TableColumn ReadColumn(JsonObject column)
    {
        var path = JsonPath.Parse(column.StringAt("jsonPath") ?? "");
        var type = column.StringAt("type") ?? "string";
        return new TableColumn(
            column.StringAt("name") ?? "",
            type,
            column.StringAt("description") ?? $"Custom resource definition column (in JSONPath format): {column.StringAt("jsonPath")}",
            (int)(column.LongAt("priority") ?? 0),
            column.StringAt("format") ?? "",
            (o, now) => path.First(o) is { ValueKind: not JsonValueKind.Null } value ? Cell(type, value, now) : null);
    }

    private static JsonNode? Cell(string type, JsonElement value, DateTimeOffset now) => (type, value.ValueKind) switch
    {
        ("string", _) => JsonPath.Text(value),
        ("date", JsonValueKind.String) => HumanDuration.Since(value.GetString(), now),
        ("integer", JsonValueKind.Number) => decimal.ToInt64(value.GetDecimal()),
        ("number", JsonValueKind.Number) => value.GetDecimal(),
        ("boolean", JsonValueKind.True or JsonValueKind.False) => value.GetBoolean(),
        _ => null,
    };
}
