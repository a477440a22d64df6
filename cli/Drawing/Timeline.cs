using Quiesce.Crds;

namespace Quiesce.Cli.Drawing;

/// <summary>What a filesystem went through in a window.</summary>
internal enum Stage
{
    /// <summary>Written out; applications run.</summary>
    Flush,

    /// <summary>The freeze call: writers wait from its beginning.</summary>
    Freeze,

    /// <summary>Frozen.</summary>
    Held,

    /// <summary>The thaw call.</summary>
    Thaw,
}

/// <summary>One stage of one filesystem.</summary>
/// <param name="Stage">Which.</param>
/// <param name="From">Its beginning, in milliseconds from that of the drawing.</param>
/// <param name="To">Its end; that of the drawing where it goes on.</param>
/// <param name="Open">It goes on.</param>
internal sealed record Span(Stage Stage, double From, double To, bool Open = false);

/// <summary>One filesystem.</summary>
/// <param name="Node">The node.</param>
/// <param name="Name">Its claim, or where it is mounted.</param>
/// <param name="Note">What is to be said of it beside its times; empty where all went well.</param>
/// <param name="Spans">Its stages in order.</param>
internal sealed record Lane(string Node, string Name, string Note, IReadOnlyList<Span> Spans)
{
    internal double? Took(Stage stage) => Spans.FirstOrDefault(s => s.Stage == stage) is { } span ? span.To - span.From : null;
}

/// <summary>A part of the time with a scale of its own: a window takes milliseconds to open and to close, and stands for seconds or minutes.</summary>
/// <param name="Title">What happens in it.</param>
/// <param name="From">Its beginning in milliseconds.</param>
/// <param name="To">Its end.</param>
/// <param name="Share">Its share of the width.</param>
internal sealed record Panel(string Title, double From, double To, double Share)
{
    internal double Length => To - From;

    /// <summary>Where a moment is in it, from 0 to 1.</summary>
    internal double Place(double moment) => Math.Clamp((moment - From) / Math.Max(Length, 1e-3), 0, 1);
}

/// <summary>A window as a picture: per filesystem when it was flushed, frozen, held and thawed. Nodes are compared by their own clocks.</summary>
internal sealed class Timeline
{
    private Timeline(FreezeRequest request, DateTimeOffset origin, IReadOnlyList<Lane> lanes, IReadOnlyList<Panel> panels) =>
        (Request, Origin, Lanes, Panels) = (request, origin, lanes, panels);

    internal FreezeRequest Request { get; }

    /// <summary>The moment zero.</summary>
    internal DateTimeOffset Origin { get; }

    /// <summary>In the order of nodes, and of what was frozen first.</summary>
    internal IReadOnlyList<Lane> Lanes { get; }

    /// <summary>From left to right.</summary>
    internal IReadOnlyList<Panel> Panels { get; }

    /// <summary>Filesystems and nodes that the status has no room for.</summary>
    internal int Omitted => Request.Status!.NodesOmitted + Request.Status.Nodes.Sum(n => n.FilesystemsOmitted);

    /// <summary>What a request's status says of its filesystems' times.</summary>
    /// <returns>Null when there are none yet.</returns>
    internal static Timeline? Of(FreezeRequest request, DateTimeOffset now)
    {
        var all = (request.Status?.Nodes ?? []).SelectMany(n => n.Filesystems.Select(f => (Node: n.Name, Filesystem: f, Moments: Moments(f, now)))).ToList();
        var timed = all.SelectMany(f => f.Moments).ToList();
        if (timed.Count == 0) return null;
        var origin = timed.Min(m => m.From);
        double At(DateTimeOffset moment) => (moment - origin).TotalMilliseconds;
        var lanes = all
            .OrderBy(f => f.Node, StringComparer.Ordinal).ThenBy(f => f.Filesystem.FrozenAt ?? DateTimeOffset.MaxValue)
            .Select(f => new Lane(f.Node, f.Filesystem.Claim ?? f.Filesystem.Path, Note(f.Filesystem), [.. f.Moments.Select(m => new Span(m.Stage, At(m.From), At(m.To), m.Open))]))
            .ToList();
        return new(request, origin, lanes, Split(lanes.SelectMany(l => l.Spans).ToList()));
    }

    private static List<(Stage Stage, DateTimeOffset From, DateTimeOffset To, bool Open)> Moments(FilesystemStatus f, DateTimeOffset now)
    {
        var moments = new List<(Stage, DateTimeOffset, DateTimeOffset, bool)>();
        if (f is { FlushedAt: { } flushed, FlushMilliseconds: { } flush }) moments.Add((Stage.Flush, flushed.AddMilliseconds(-flush), flushed, false));
        if (f is not { FrozenAt: { } frozen, FreezeMilliseconds: { } freeze }) return moments;
        moments.Add((Stage.Freeze, frozen.AddMilliseconds(-freeze), frozen, false));
        if (f is { HeldMilliseconds: { } held, ThawMilliseconds: { } thaw })
        {
            // The hold is counted to the return of the thaw.
            var thawed = frozen.AddMilliseconds(held);
            var thawing = thawed.AddMilliseconds(-Math.Min(thaw, held));
            moments.Add((Stage.Held, frozen, thawing, false));
            moments.Add((Stage.Thaw, thawing, thawed, false));
        }
        else if (f.State is FilesystemState.Frozen or FilesystemState.Thawing)
        {
            moments.Add((Stage.Held, frozen, now > frozen ? now : frozen, true));
        }

        return moments;
    }

    private static string Note(FilesystemStatus f) => f.State switch
    {
        FilesystemState.Thawed or FilesystemState.Frozen when f.Reason is null => "",
        _ => f.Reason is null ? f.State.ToString() : $"{f.State}: {f.Reason}",
    };

    /// <summary>Opening, standing and closing, each with its own scale.</summary>
    private static List<Panel> Split(List<Span> spans)
    {
        var begin = spans.Min(s => s.From);
        var end = spans.Max(s => s.To);
        if (!spans.Any(s => s.Stage == Stage.Held)) return [new("opening", begin, end, 1)];
        // A little of the hold is shown beside both: that it began and ended there is what they are for.
        var open = spans.Where(s => s.Stage is Stage.Flush or Stage.Freeze).Max(s => s.To);
        var margin = Math.Max((open - begin) * 0.08, 0.05);
        if (spans.Where(s => s.Stage == Stage.Thaw).ToList() is not { Count: > 0 } thaws)
            return [new("opening", begin, Math.Min(open + margin, end), 0.6), new("held", Math.Min(open + margin, end), end, 0.4)];
        var close = Math.Max(thaws.Min(s => s.From), Math.Min(open + margin, end));
        var closing = Math.Max((end - close) * 0.25, 0.05);
        var first = Math.Min(open + margin, close);
        var second = Math.Max(close - closing, first);
        return [new("opening", begin, first, 0.5), new("held", first, second, 0.2), new("closing", second, end, 0.3)];
    }
}
