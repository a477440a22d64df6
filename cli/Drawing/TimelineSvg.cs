using System.Globalization;
using System.Xml;
using Quiesce.Cli.Output;
using Quiesce.Crds;

namespace Quiesce.Cli.Drawing;

/// <summary>A window drawn as SVG, for a report or a page: no scripts, no fonts and nothing else from elsewhere.</summary>
internal static class TimelineSvg
{
    private const int Width = 1200;
    private const int Left = 230;
    private const int Right = 250;
    private const int Gap = 14;
    private const int Top = 96;
    private const int Row = 22;
    private const string Svg = "http://www.w3.org/2000/svg";

    private static readonly Dictionary<Stage, string> Colours = new()
    {
        [Stage.Flush] = "#b8c0cc",
        [Stage.Freeze] = "#e69f00",
        [Stage.Held] = "#56b4e9",
        [Stage.Thaw] = "#009e73",
    };

    internal static void Write(Timeline timeline, Stream stream)
    {
        using var w = XmlWriter.Create(stream, new() { Indent = true, Encoding = new System.Text.UTF8Encoding(false) });
        var nodes = timeline.Lanes.Select(l => l.Node).Distinct().Count();
        var bottom = Top + ((timeline.Lanes.Count + nodes) * Row);
        var height = bottom + 62;
        w.WriteStartElement("svg", Svg);
        Attributes(w, ("width", Width), ("height", height), ("viewBox", $"0 0 {Width} {height}"), ("font-family", "system-ui, sans-serif"), ("font-size", 12), ("role", "img"));
        w.WriteElementString("title", Svg, StatusText.Line(timeline.Request));
        Rectangle(w, 0, 0, Width, height, "#ffffff");
        var status = timeline.Request.Status!;
        Text(w, 16, 28, timeline.Request.Metadata.NamespaceProperty is { } ns ? $"{ns}/{timeline.Request.Metadata.Name}" : timeline.Request.Metadata.Name, ("font-size", 18), ("font-weight", "bold"));
        var intact = StatusText.Condition(status, ConditionTypes.WindowIntact);
        Text(w, 16, 50, Begin($"{status.Phase}{(status.Message is { Length: > 0 } m ? $": {m}" : "")}", 180), ("fill", intact == ConditionStatus.False ? "#b00020" : "#333333"));
        var places = Places(timeline);
        foreach (var (panel, x, width) in places)
        {
            Rectangle(w, x, Top - 6, width, bottom - Top + 6, "#f6f7f9");
            Text(w, x, Top - 24, panel.Title, ("font-weight", "bold"), ("fill", "#444444"));
            Text(w, x, Top - 10, Scale(panel), ("fill", "#777777"), ("font-size", 11));
        }

        foreach (var (stage, i) in Enum.GetValues<Stage>().Select((s, i) => (s, i))) Text(w, Width - Right + 66 + (i * 56), Top - 10, TimelineText.Name(stage), ("text-anchor", "end"), ("fill", "#777777"), ("font-size", 11));
        var y = Top;
        string? node = null;
        foreach (var lane in timeline.Lanes)
        {
            if (lane.Node != node)
            {
                Text(w, 16, y + 15, Fit(node = lane.Node, 36), ("font-weight", "bold"));
                y += Row;
            }

            var name = Fit(lane.Name, 29);
            w.WriteStartElement("g", Svg);
            w.WriteElementString("title", Svg, $"{lane.Node} {lane.Name}{(lane.Note.Length > 0 ? $": {lane.Note}" : "")}");
            Text(w, 28, y + 15, name);
            foreach (var (panel, x, width) in places)
            {
                foreach (var span in lane.Spans.Where(s => s.To > panel.From && s.From < panel.To))
                {
                    var from = x + (panel.Place(span.From) * width);
                    var to = x + (panel.Place(span.To) * width);
                    Rectangle(w, from, y + 4, Math.Max(to - from, 1.5), Row - 8, Colours[span.Stage]);
                }
            }

            foreach (var (stage, i) in Enum.GetValues<Stage>().Select((s, i) => (s, i)))
                if (lane.Took(stage) is { } took) Text(w, Width - Right + 66 + (i * 56), y + 15, TimelineText.Format(took), ("text-anchor", "end"), ("fill", "#333333"));
            if (lane.Note.Length > 0) Text(w, Left + 4, y + 15, Fit(lane.Note, 60), ("fill", "#b00020"));
            w.WriteEndElement();
            y += Row;
        }

        var place = 16;
        foreach (var (stage, colour) in Colours)
        {
            Rectangle(w, place, bottom + 16, 14, 14, colour);
            Text(w, place + 20, bottom + 27, TimelineText.Name(stage));
            place += 84;
        }

        var more = timeline.Omitted > 0 ? $"; {timeline.Omitted} more are not in the status" : "";
        Text(w, place + 8, bottom + 27, $"0 is {timeline.Origin.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture)}; each part has its own scale, each node its own clock{more}", ("fill", "#777777"));
        if (status.SkewMilliseconds is { } skew) Text(w, 16, bottom + 50, $"{status.FrozenFilesystems} frozen, {skew} ms between the first node and the last; deadline {status.DeadlineAt?.UtcDateTime.ToString("HH:mm:ssZ", CultureInfo.InvariantCulture)}", ("fill", "#777777"));
        w.WriteEndElement();
    }

    private static List<(Panel Panel, double X, double Width)> Places(Timeline timeline)
    {
        var places = new List<(Panel, double, double)>();
        double x = Left, room = Width - Left - Right - (Gap * (timeline.Panels.Count - 1));
        foreach (var panel in timeline.Panels)
        {
            places.Add((panel, x, room * panel.Share));
            x += (room * panel.Share) + Gap;
        }

        return places;
    }

    private static string Scale(Panel panel) => panel.From == 0 ? $"0 to {TimelineText.Format(panel.To)}" : $"{TimelineText.Format(panel.Length)}, to {TimelineText.Format(panel.To)}";

    private static string Begin(string text, int length) => text.Length <= length ? text : $"{text[..(length - 1)]}…";

    private static string Fit(string text, int length) => text.Length <= length ? text : $"…{text[^(length - 1)..]}";

    private static void Rectangle(XmlWriter w, double x, double y, double width, double height, string fill)
    {
        w.WriteStartElement("rect", Svg);
        Attributes(w, ("x", x), ("y", y), ("width", width), ("height", height), ("fill", fill));
        w.WriteEndElement();
    }

    private static void Text(XmlWriter w, double x, double y, string text, params (string Name, object Value)[] attributes)
    {
        w.WriteStartElement("text", Svg);
        Attributes(w, [("x", x), ("y", y), .. attributes]);
        w.WriteString(new string([.. text.Where(XmlConvert.IsXmlChar)]));
        w.WriteEndElement();
    }

    private static void Attributes(XmlWriter w, params (string Name, object Value)[] attributes)
    {
        foreach (var (name, value) in attributes) w.WriteAttributeString(name, value is double number ? Math.Round(number, 2).ToString(CultureInfo.InvariantCulture) : Convert.ToString(value, CultureInfo.InvariantCulture));
    }
}
