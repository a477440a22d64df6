using System.Globalization;
using Quiesce.Cli.Output;
using Spectre.Console;

namespace Quiesce.Cli.Drawing;

/// <summary>A window drawn with characters.</summary>
internal static class TimelineText
{
    private const int MostRows = 64;

    // With a form for each stage, so that it can be read without colours.
    private static readonly Dictionary<Stage, (char Mark, string Colour)> Marks = new()
    {
        [Stage.Flush] = ('░', "grey"),
        [Stage.Freeze] = ('▓', "yellow"),
        [Stage.Held] = ('█', "deepskyblue1"),
        [Stage.Thaw] = ('▒', "green"),
    };

    internal static void Write(Timeline timeline, IAnsiConsole console)
    {
        var lanes = timeline.Lanes.Take(MostRows).ToList();
        var names = Math.Clamp(lanes.Max(l => Math.Max(l.Name.Length + 2, l.Node.Length)), 8, 28);
        const int figures = 37;
        // A cell for each bar between panels.
        var width = Math.Clamp(console.Profile.Width - names - figures - timeline.Panels.Count - 3, 24, 120);
        var columns = timeline.Panels.Select(p => Math.Max(6, (int)(width * p.Share))).ToList();
        console.MarkupLine($"[bold]{Markup.Escape(StatusText.Line(timeline.Request))}[/]");
        console.WriteLine();
        var scales = timeline.Panels.Zip(columns, (p, c) => Title(p, c).PadRight(c));
        console.MarkupLine($"{new string(' ', names)}  [grey]{Markup.Escape(string.Join(' ', scales))}   flush  freeze    held    thaw[/]");
        string? node = null;
        foreach (var lane in lanes)
        {
            if (lane.Node != node) console.MarkupLine($"[bold]{Markup.Escape(node = lane.Node)}[/]");
            var figure = string.Concat(Enum.GetValues<Stage>().Select(s => (lane.Took(s) is { } took ? Format(took) : "").PadLeft(8)));
            var note = lane.Note.Length > 0 ? $"  [red]{Markup.Escape(lane.Note)}[/]" : "";
            console.MarkupLine($"  {Markup.Escape(Cut(lane.Name, names - 2).PadRight(names - 2))}  {string.Join("[grey]│[/]", timeline.Panels.Zip(columns, (p, c) => Bar(lane, p, c)))}{figure}{note}");
        }

        console.WriteLine();
        console.MarkupLine(string.Join("   ", Marks.Select(m => $"[{m.Value.Colour}]{m.Value.Mark}[/] {Name(m.Key)}")) + $"   [grey]0 is {timeline.Origin.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture)}; each part has its own scale, each node its own clock[/]");
        if (timeline.Lanes.Count - lanes.Count + timeline.Omitted is > 0 and var more) console.MarkupLine($"[grey]and {more} more[/]");
    }

    internal static string Name(Stage stage) => stage.ToString().ToLowerInvariant();

    internal static string Format(double milliseconds) => milliseconds switch
    {
        >= 60_000 => string.Create(CultureInfo.InvariantCulture, $"{milliseconds / 60_000:0.#}min"),
        >= 1000 => string.Create(CultureInfo.InvariantCulture, $"{milliseconds / 1000:0.##}s"),
        >= 10 => string.Create(CultureInfo.InvariantCulture, $"{milliseconds:0}ms"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{milliseconds:0.##}ms"),
    };

    /// <summary>One panel of one lane. What took time is seen, however short it was.</summary>
    private static string Bar(Lane lane, Panel panel, int width)
    {
        var cells = new Stage?[width];
        // Long stages first: a short one is drawn over them.
        foreach (var span in lane.Spans.Where(s => s.To >= panel.From && s.From <= panel.To).OrderByDescending(s => s.To - s.From))
        {
            var (from, to) = ((int)(panel.Place(span.From) * width), (int)Math.Ceiling(panel.Place(span.To) * width));
            if (to <= from && (span.From > panel.To || span.To < panel.From || (span.To <= panel.From && panel.From > 0))) continue;
            for (var i = Math.Min(from, width - 1); i < Math.Max(to, Math.Min(from, width - 1) + 1) && i < width; i++) cells[i] = span.Stage;
        }

        var text = new System.Text.StringBuilder();
        foreach (var run in Runs(cells)) text.Append(run.Stage is { } stage ? $"[{Marks[stage].Colour}]{new string(Marks[stage].Mark, run.Length)}[/]" : new string(' ', run.Length));
        return text.ToString();
    }

    private static IEnumerable<(Stage? Stage, int Length)> Runs(Stage?[] cells)
    {
        for (var i = 0; i < cells.Length;)
        {
            var j = i;
            while (j < cells.Length && cells[j] == cells[i]) j++;
            yield return (cells[i], j - i);
            i = j;
        }
    }

    private static string Title(Panel panel, int width)
    {
        var text = $"{panel.Title} {Format(panel.Length)}";
        return text.Length <= width ? text : panel.Title[..Math.Min(width, panel.Title.Length)];
    }

    private static string Cut(string text, int width) => text.Length <= width ? text : $"…{text[^(width - 1)..]}";
}
