namespace Quiesce.Benchmarks.Results;

/// <summary>One table of figures: rows are what was measured, columns whose figure it is.</summary>
/// <param name="title">A sentence, with the unit.</param>
/// <param name="first">What the rows are, over the first column.</param>
/// <param name="columns">Whose figures.</param>
/// <param name="reference">The column that the others are divided by, shown behind each figure; null for none.</param>
internal sealed class Table(string title, string first, IReadOnlyList<string> columns, string? reference = null)
{
    private readonly List<(string Name, Dictionary<string, Series> Cells)> rows = [];

    internal string Title => title;

    internal IReadOnlyList<string> Columns => columns;

    internal string? Reference => reference;

    internal IReadOnlyList<(string Name, Dictionary<string, Series> Cells)> Rows => rows;

    /// <summary>The figures of a row and column; made where there are none yet.</summary>
    internal Series this[string row, string column]
    {
        get
        {
            if (!columns.Contains(column)) throw new ArgumentException($"no column {column}", nameof(column));
            var found = rows.Find(r => r.Name == row);
            if (found.Name is null) rows.Add(found = (row, columns.ToDictionary(c => c, _ => new Series())));
            return found.Cells[column];
        }
    }

    /// <summary>As Markdown: medians with the least and the most, and the ratio to the reference.</summary>
    internal IEnumerable<string> Markdown()
    {
        yield return $"**{title}**";
        yield return "";
        yield return $"| {first} | {string.Join(" | ", columns)} |";
        yield return $"| --- |{string.Concat(columns.Select(_ => " ---: |"))}";
        foreach (var (name, cells) in rows)
            yield return $"| {name} | {string.Join(" | ", columns.Select(c => Cell(cells, c)))} |";
        yield return "";
    }

    private string Cell(Dictionary<string, Series> cells, string column)
    {
        var text = cells[column].ToString();
        if (reference is null || column == reference || cells[column].Samples.Count == 0 || cells[reference].Samples.Count == 0) return text;
        return $"{text} **{Series.Number(cells[column].Median / cells[reference].Median)}×**";
    }
}
