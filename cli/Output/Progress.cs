using Quiesce.Crds;
using Spectre.Console;

namespace Quiesce.Cli.Output;

/// <summary>Shows what becomes of a request: on a terminal a table that changes, elsewhere a line for each change.</summary>
internal sealed class Progress
{
    /// <summary>Nodes that have room on a terminal.</summary>
    private const int MostRows = 12;

    private readonly LiveDisplayContext? _live;
    private string? _last;

    private Progress(LiveDisplayContext? live) => _live = live;

    /// <summary>Does something while its progress is shown.</summary>
    internal static Task<T> WhileAsync<T>(Func<Progress, Task<T>> work) => Terminal.IsLive
        ? Terminal.Drawing.Live(new Markup("")).AutoClear(true).StartAsync(live => work(new(live)))
        : work(new(null));

    /// <summary>Shows a state.</summary>
    internal void Show(FreezeRequest request)
    {
        if (_live is not null)
        {
            _live.UpdateTarget(Table(request));
            return;
        }

        var line = StatusText.Line(request);
        if (line == _last) return;
        _last = line;
        Terminal.Say(line);
    }

    private static Rows Table(FreezeRequest request)
    {
        var head = new Markup($"[bold]{Markup.Escape(StatusText.Line(request))}[/]");
        var table = new Table().Border(TableBorder.None).HideHeaders().AddColumns("", "", "", "");
        foreach (var node in request.Status?.Nodes.Take(MostRows) ?? [])
        {
            var slowest = node.Filesystems.Max(f => f.FreezeMilliseconds);
            table.AddRow(
                $"  {Markup.Escape(node.Name)}",
                $"[{Colour(node.Phase)}]{node.Phase}[/]",
                node.Filesystems.Count == 0 ? "" : $"{node.Filesystems.Count(f => f.State is FilesystemState.Frozen or FilesystemState.Thawed)}/{node.Filesystems.Count} filesystems",
                slowest is { } ms ? $"{ms:0.#} ms" : Markup.Escape(node.Reason ?? ""));
        }

        var hooks = (request.Status?.Hooks ?? []).Where(h => h.State is HookState.Running or HookState.Failed).Take(MostRows)
            .Select(h => new Markup($"  {Markup.Escape($"{h.Hook} in {h.Pod}")}  [{(h.State == HookState.Failed ? "red" : "yellow")}]{h.State}[/]"));
        return new Rows([head, table, .. hooks]);
    }

    private static string Colour(NodeFreezePhase phase) => phase switch
    {
        NodeFreezePhase.Frozen => "cyan",
        NodeFreezePhase.Thawed => "green",
        NodeFreezePhase.Failed or NodeFreezePhase.Broken or NodeFreezePhase.Expired => "red",
        _ => "yellow",
    };
}
